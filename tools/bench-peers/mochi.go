package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const mochiVersion = "v2.7.9"

// mochiProgram is a broker over TCP and mutual TLS that lets everybody do everything.
const mochiProgram = `package main

import (
	"crypto/tls"
	"crypto/x509"
	"log"
	"log/slog"
	"os"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

func main() {
	plain, secure, root, cert, key := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	pem, err := os.ReadFile(root)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		log.Fatal(err)
	}
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumClientWritesPending = 1 << 16
	server := mqtt.New(&mqtt.Options{Capabilities: capabilities, Logger: slog.New(slog.DiscardHandler)})
	server.AddHook(new(auth.AllowHook), nil)
	for _, l := range []listeners.Listener{
		listeners.NewTCP(listeners.Config{ID: "plain", Address: plain}),
		listeners.NewTCP(listeners.Config{ID: "tls", Address: secure, TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert}}),
	} {
		if err := server.AddListener(l); err != nil {
			log.Fatal(err)
		}
	}
	if err := server.Serve(); err != nil {
		log.Fatal(err)
	}
	select {}
}
`

// mochi builds it outside this module.
func mochi(ctx context.Context, dir string, p *pki) (*broker, error) {
	const module = "github.com/mochi-mqtt/server/v2"
	source := filepath.Join(dir, "mochi")
	program := filepath.Join(source, "broker")
	if err := os.Mkdir(source, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(source, "main.go"), []byte(mochiProgram), 0o644); err != nil {
		return nil, err
	}
	for _, args := range [][]string{{"mod", "init", "mochi"}, {"get", module + "@" + mochiVersion, module + "/hooks/auth@" + mochiVersion}, {"build", "-o", program, "."}} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = source
		cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go %v: %w\n%s", args, err, out)
		}
	}
	return &broker{command: func(_, plain, secure string) (*exec.Cmd, error) {
		return exec.Command(program, plain, secure, p.root, p.serverCert, p.serverKey), nil
	}}, nil
}
