package gateway

import (
	"crypto/tls"
	"net"
	"time"
)

// legacyHello is the ClientHello of a 2016 ATECC508A board, 60 bytes with its record header: TLS 1.2, no
// session, suite c02b, no compression, and signature_algorithms with ecdsa_secp256r1_sha256 as its only
// extension. Its random bytes are zero here.
var legacyHello = append(append(
	[]byte{22, 3, 3, 0, 55, 1, 0, 0, 51, 3, 3}, make([]byte, 32)...),
	0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3)

// probe reports whether a server with this configuration answers legacyHello with a handshake message and
// not with an alert.
func probe(cfg *tls.Config) bool {
	client, server := net.Pipe()
	deadline := time.Now().Add(5 * time.Second)
	client.SetDeadline(deadline)
	server.SetDeadline(deadline)
	done := make(chan struct{})
	go func() {
		tls.Server(server, cfg).Handshake() // fails in any case: the probe goes no further
		server.Close()
		close(done)
	}()
	var answer [1]byte
	_, err := client.Write(legacyHello)
	if err == nil {
		_, err = client.Read(answer[:])
	}
	client.Close()
	<-done
	return err == nil && answer[0] == 22
}
