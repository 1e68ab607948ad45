package device

import (
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"io"
	"net"
	"time"
)

// TLS is a TLS 1.2 client (RFC 5246) as the firmware of the 2016 secure-element boards has it, and nothing
// more: one cipher suite, ECDHE-ECDSA-AES128-GCM-SHA256 (number c02b, RFC 5289), one curve, secp256r1, no
// session resumption, no renegotiation. It is written to be read: [TLS.Client] is the handshake of RFC 5246
// section 7.3, one line per message, and every message can be watched.
//
// A TLS may be used for several connections, one after the other.
type TLS struct {
	// Roots are the CA certificates that the server's chain may lead to; a board has one. Required.
	Roots *x509.CertPool

	// ServerName is a host name or address that the server's certificate must have. Empty: any will do, as
	// for the firmware, which trusts all that its root has signed.
	ServerName string

	// Chain is the device's certificate chain in DER, leaf first. Empty: the device shows none.
	Chain [][]byte

	// Key is the leaf's P-256 private key. It may be in a chip: only Sign is called, with a SHA-256 digest.
	Key crypto.Signer

	// KeyExchange makes an ephemeral P-256 key and agrees on a secret with the server's. A chip may do it.
	// Nil: SoftwareKeyExchange.
	KeyExchange KeyExchange

	// Modern also sends server_name, supported_groups and ec_point_formats, which the 2016 firmware does not
	// and most servers of today want. The suite stays the same.
	Modern bool

	// Observe is shown every handshake message, and both ChangeCipherSpec, in order. Nil: nobody watches.
	Observe func(Message)

	// Rand is where random numbers come from, for instance the chip. Nil: crypto/rand.Reader.
	Rand io.Reader

	// Time is the device's clock. Nil: time.Now.
	Time func() time.Time
}

// A Message is a message of the handshake, as it is before encryption.
type Message struct {
	Name  string // as in RFC 5246: "ClientHello"
	Sent  bool   // by the device
	Bytes []byte // with its header of four bytes; of a ChangeCipherSpec its one byte
}

// A KeyExchange makes a new key pair on curve secp256r1 and returns its public half, and the secret that
// the private half and peer lead to: the x-coordinate of their product (RFC 8422 section 5.10).
type KeyExchange func(peer *ecdh.PublicKey) (public *ecdh.PublicKey, secret []byte, err error)

// SoftwareKeyExchange is a KeyExchange without a chip.
func SoftwareKeyExchange(peer *ecdh.PublicKey) (*ecdh.PublicKey, []byte, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	secret, err := key.ECDH(peer)
	return key.PublicKey(), secret, err
}

// Client does the handshake over c, within the time of ctx, and returns the secured connection. After an
// error c is closed. An error of the TLS protocol is an *AlertError.
func (t *TLS) Client(ctx context.Context, c net.Conn) (*Conn, error) {
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	conn := &Conn{net: c}
	h := &handshake{TLS: t, conn: conn}
	err := h.run()
	if !stop() && err == nil {
		err = context.Cause(ctx) // too late: the deadline is set
	}
	if err == nil {
		return conn, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else if alert := conn.lastWord(err); alert != nil {
		err = alert
	}
	conn.fail(err)
	return nil, err
}

// run is a full handshake with client authentication (RFC 5246 section 7.3, figure 1).
func (h *handshake) run() error {
	for _, step := range []func() error{
		h.sendClientHello,        //  1
		h.readServerHello,        //  2
		h.readCertificate,        //  3
		h.readServerKeyExchange,  //  4
		h.readCertificateRequest, //  5, if the server wants a certificate
		h.readServerHelloDone,    //  6
		h.sendCertificate,        //  7, if it does
		h.sendClientKeyExchange,  //  8
		h.sendCertificateVerify,  //  9, if there was a certificate in 7
		h.sendChangeCipherSpec,   // 10
		h.sendFinished,           // 11
		h.readChangeCipherSpec,   // 12
		h.readFinished,           // 13
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (t *TLS) rand() io.Reader {
	if t.Rand != nil {
		return t.Rand
	}
	return rand.Reader
}

func (t *TLS) now() time.Time {
	if t.Time != nil {
		return t.Time()
	}
	return time.Now()
}

func (t *TLS) exchange(peer *ecdh.PublicKey) (*ecdh.PublicKey, []byte, error) {
	if t.KeyExchange != nil {
		return t.KeyExchange(peer)
	}
	return SoftwareKeyExchange(peer)
}
