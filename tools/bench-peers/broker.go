package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"

	"github.com/thingward/thingward/internal/server"
)

// A broker is a program and how it is started.
type broker struct {
	name  string
	keeps bool   // messages for sessions that are offline, on disk or not
	only  string // the one kind of scenario that it runs; empty: all

	command   func(data, plain, tls string) (*exec.Cmd, error)
	configure func(ctx context.Context, data string) error // once it runs, the first time; may be nil
}

// A process is a broker that runs.
type process struct {
	cmd        *exec.Cmd
	data       string
	plain, tls string // addresses
	said       *bytes.Buffer
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(20*time.Second, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	p.cmd.Wait()
}

// start runs the broker with nothing in it.
func (b *broker) start(ctx context.Context, data string) (*process, error) {
	plain, err := freeAddress()
	if err != nil {
		return nil, err
	}
	secure, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return b.run(ctx, &process{data: data, plain: plain, tls: secure}, b.configure)
}

// restart runs it again on what it has kept, at the same addresses.
func (b *broker) restart(ctx context.Context, old *process) (*process, error) {
	return b.run(ctx, &process{data: old.data, plain: old.plain, tls: old.tls}, nil)
}

func (b *broker) run(ctx context.Context, p *process, configure func(context.Context, string) error) (*process, error) {
	cmd, err := b.command(p.data, p.plain, p.tls)
	if err != nil {
		return nil, err
	}
	p.cmd, p.said = cmd, new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = p.said, p.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	err = listening(ctx, p.tls)
	if err == nil && configure != nil {
		err = configure(ctx, p.data)
	}
	if err == nil {
		err = listening(ctx, p.plain)
	}
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("%s: %w\n%s", b.name, err, p.said)
	}
	return p, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func listening(ctx context.Context, addr string) error {
	for range 200 {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("nobody listens on %s", addr)
}

// prepare returns the brokers that were asked for.
func prepare(ctx context.Context, cfg config, dir string, p *pki) (all []*broker, err error) {
	add := func(name, only string, keeps bool, make func() (*broker, error)) {
		if !cfg.selected(name) || err != nil {
			return
		}
		b, failed := make()
		if failed != nil {
			err = fmt.Errorf("%s: %w (leave it out with -brokers)", name, failed)
			return
		}
		b.name, b.only, b.keeps = name, only, keeps
		all = append(all, b)
	}
	add("thingward", "", true, func() (*broker, error) { return thingward(cfg, p, "process") })
	add("mosquitto", "", true, func() (*broker, error) { return mosquitto(cfg, p, "persistence true") })
	add("mochi", "", false, func() (*broker, error) { return mochi(ctx, dir, p) })
	add("thingward-disk", "offline", true, func() (*broker, error) { return thingward(cfg, p, "disk") })
	add("mosquitto-memory", "offline", true, func() (*broker, error) { return mosquitto(cfg, p, "persistence false") })
	add("mosquitto-every-second", "offline", true, func() (*broker, error) { return mosquitto(cfg, p, "persistence true\nautosave_interval 1") })
	if err == nil && len(all) == 0 {
		err = errors.New("no broker")
	}
	return all, err
}

func mosquitto(cfg config, p *pki, persistence string) (*broker, error) {
	if _, err := exec.LookPath(cfg.mosquitto); err != nil {
		return nil, err
	}
	return &broker{command: func(data, plain, secure string) (*exec.Cmd, error) {
		host, plainPort, _ := net.SplitHostPort(plain)
		_, securePort, _ := net.SplitHostPort(secure)
		text := fmt.Sprintf(`allow_anonymous true
max_queued_messages 0
log_type error
%s
persistence_location %s/
listener %s %s
listener %s %s
cafile %s
certfile %s
keyfile %s
require_certificate true
`, persistence, data, plainPort, host, securePort, host, p.root, p.serverCert, p.serverKey)
		file := filepath.Join(data, "mosquitto.conf")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return nil, err
		}
		if err := readableByMosquitto(data, p); err != nil {
			return nil, err
		}
		return exec.Command("sh", "-c", `ulimit -n $(ulimit -Hn); exec "$0" "$@"`, cfg.mosquitto, "-c", file), nil
	}}, nil
}

// readableByMosquitto opens the files to the user that mosquitto becomes when root starts it.
func readableByMosquitto(data string, p *pki) error {
	if os.Getuid() != 0 {
		return nil
	}
	return errors.Join(os.Chmod(filepath.Dir(data), 0o755), os.Chmod(data, 0o777), os.Chmod(p.serverKey, 0o644))
}

func thingward(cfg config, p *pki, durability string) (*broker, error) {
	if _, err := os.Stat(cfg.thingward); err != nil {
		return nil, fmt.Errorf("%w: make build", err)
	}
	api, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return &broker{
		command: func(data, plain, secure string) (*exec.Cmd, error) {
			return exec.Command(cfg.thingward, "serve", "--data", filepath.Join(data, "thingward"), "--profile", "mqtt", "--durability", durability,
				"--mqtt", secure, "--plain", plain, "--plain-as", p.clientID, "--api", api, "--name", "localhost", "--name", "127.0.0.1",
				"--tls-cert", p.serverCert, "--tls-key", p.serverKey, "--log-level", "ERROR", "--connect-rate-in-all", "-1"), nil
		},
		configure: func(ctx context.Context, data string) error {
			return register(ctx, filepath.Join(data, "thingward"), p)
		},
	}, nil
}

// register makes the clients' certificate known, with a policy as devices have one.
func register(ctx context.Context, data string, p *pki) error {
	environment, err := server.ReadEnvironment(data)
	for range 100 { // it listens before this is written
		if err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
		environment, err = server.ReadEnvironment(data)
	}
	if err != nil {
		return err
	}
	v := map[string]string{}
	for _, line := range environment {
		name, value, _ := strings.Cut(line, "=")
		v[name] = value
	}
	cloud := iot.NewFromConfig(aws.Config{
		Region: v["AWS_REGION"], BaseEndpoint: aws.String(v["AWS_ENDPOINT_URL"]),
		Credentials: credentials.NewStaticCredentialsProvider(v["AWS_ACCESS_KEY_ID"], v["AWS_SECRET_ACCESS_KEY"], ""),
	})
	pem, err := os.ReadFile(p.clientCert)
	if err != nil {
		return err
	}
	registered, err := cloud.RegisterCertificateWithoutCA(ctx, &iot.RegisterCertificateWithoutCAInput{CertificatePem: aws.String(string(pem)), Status: types.CertificateStatusActive})
	if err != nil {
		return err
	}
	_, err = cloud.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: aws.String("bench"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:*:*:client/bench-*"},
		{"Effect":"Allow","Action":["iot:Publish","iot:Receive"],"Resource":"arn:aws:iot:*:*:topic/bench/*"},
		{"Effect":"Allow","Action":"iot:Subscribe","Resource":"arn:aws:iot:*:*:topicfilter/bench/*"}]}`)})
	if err != nil {
		return err
	}
	_, err = cloud.AttachPolicy(ctx, &iot.AttachPolicyInput{PolicyName: aws.String("bench"), Target: registered.CertificateArn})
	return err
}
