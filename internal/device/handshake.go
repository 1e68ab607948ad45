package device

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"slices"
)

// maxMessage bounds a handshake message. A server's chain has 2 to 4 KB.
const maxMessage = 64 << 10

// A handshake is the state between the messages of one handshake. Its methods are the messages, in the order
// of [handshake.run].
type handshake struct {
	*TLS
	conn *Conn

	transcript hash.Hash // of all handshake messages so far
	next       []byte    // a message that was read ahead

	clientRandom, serverRandom []byte
	serverKey                  *ecdsa.PublicKey // of the server's certificate
	serverPoint                *ecdh.PublicKey  // its ephemeral key
	requested                  bool             // the server wants a certificate
	master                     []byte           // the master secret
	client, server             *gcm             // what comes after ChangeCipherSpec
}

// 1. The device says what it can do.
func (h *handshake) sendClientHello() error {
	if h.Roots == nil {
		return errors.New("tls: the device has no root certificate to check the server with")
	}
	h.transcript = sha256.New()
	h.clientRandom = binary.BigEndian.AppendUint32(nil, uint32(h.now().Unix())) // gmt_unix_time
	h.clientRandom = append(h.clientRandom, make([]byte, 28)...)
	if _, err := io.ReadFull(h.rand(), h.clientRandom[4:]); err != nil {
		return err
	}
	return h.send(clientHello(h.clientRandom, h.Modern, h.ServerName))
}

// 2. The server chooses. There is nothing to choose from.
func (h *handshake) readServerHello() error {
	body, err := h.read(typeServerHello)
	if err != nil {
		return err
	}
	hello, err := parseServerHello(body)
	if err != nil {
		return alertf(alertDecodeError, "ServerHello: %w", err)
	}
	switch {
	case hello.version != version12:
		return alertf(alertProtocolVersion, "the server wants version %04x, this device speaks TLS 1.2 (0303)", hello.version)
	case hello.suite != suite:
		return alertf(alertIllegalParameter, "the server chose suite %04x, which was not offered", hello.suite)
	case hello.compression != 0:
		return alertf(alertIllegalParameter, "the server chose compression method %d, which was not offered", hello.compression)
	}
	for _, kind := range hello.extensions { // a server answers extensions, it has none of its own
		if !h.Modern || kind != extPointFormats && kind != extServerName {
			return alertf(alertUnsupportedExtension, "the server sent extension %d, which was not offered", kind)
		}
	}
	h.serverRandom = hello.random
	return nil
}

// 3. The server shows its certificate, and the device sees whether a root vouches for it.
func (h *handshake) readCertificate() error {
	body, err := h.read(typeCertificate)
	if err != nil {
		return err
	}
	chain, err := parseCertificate(body)
	if err != nil {
		return alertf(alertDecodeError, "Certificate: %w", err)
	}
	if len(chain) == 0 {
		return alertf(alertDecodeError, "the server sent no certificate")
	}
	h.serverKey, err = h.verifyChain(chain)
	return err
}

// verifyChain returns the key of a server chain that leads to a root.
func (t *TLS) verifyChain(chain [][]byte) (*ecdsa.PublicKey, error) {
	certs := make([]*x509.Certificate, len(chain))
	options := x509.VerifyOptions{
		Roots:         t.Roots,
		Intermediates: x509.NewCertPool(),
		CurrentTime:   t.now(),
		DNSName:       t.ServerName,
	}
	for i, der := range chain {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, alertf(alertBadCertificate, "certificate %d of the server: %w", i+1, err)
		}
		if certs[i] = cert; i > 0 {
			options.Intermediates.AddCert(cert)
		}
	}
	if _, err := certs[0].Verify(options); err != nil {
		number := byte(alertBadCertificate)
		if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
			number = alertUnknownCA
		} else if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
			number = alertCertificateExpired
		}
		return nil, alertf(number, "the device does not trust the server's certificate %q: %w", certs[0].Subject, err)
	}
	key, ok := certs[0].PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, alertf(alertIllegalParameter, "the server's certificate has no P-256 key")
	}
	return key, nil
}

// 4. The server makes an ephemeral key, and signs it together with both random numbers, so that the
// signature cannot be from another handshake.
func (h *handshake) readServerKeyExchange() error {
	body, err := h.read(typeServerKeyExchange)
	if err != nil {
		return err
	}
	exchange, err := parseServerKeyExchange(body)
	if err != nil {
		return alertf(alertDecodeError, "ServerKeyExchange: %w", err)
	}
	if exchange.curveType != namedCurve || exchange.curve != curve {
		return alertf(alertIllegalParameter, "the server chose curve %d, this device has only secp256r1 (%d)", exchange.curve, curve)
	}
	if exchange.scheme != scheme {
		return alertf(alertIllegalParameter, "the server signed with %04x, which was not offered", exchange.scheme)
	}
	digest := sha256.Sum256(slices.Concat(h.clientRandom, h.serverRandom, exchange.params))
	if !ecdsa.VerifyASN1(h.serverKey, digest[:], exchange.signature) {
		return alertf(alertDecryptError, "the signature of ServerKeyExchange is not by the key of the server's certificate")
	}
	h.serverPoint, err = ecdh.P256().NewPublicKey(exchange.point)
	if err != nil {
		return alertf(alertIllegalParameter, "the server's ephemeral key: %w", err)
	}
	return nil
}

// 5. The server may ask for the device's certificate.
func (h *handshake) readCertificateRequest() error {
	kind, err := h.peek()
	if err != nil || kind != typeCertificateRequest {
		return err
	}
	body, err := h.read(typeCertificateRequest)
	if err != nil {
		return err
	}
	request, err := parseCertificateRequest(body)
	if err != nil {
		return alertf(alertDecodeError, "CertificateRequest: %w", err)
	}
	if len(h.Chain) > 0 && (!slices.Contains(request.types, certificateType) || !slices.Contains(request.schemes, scheme)) {
		return alertf(alertHandshakeFailure, "the server takes no certificate with ECDSA and SHA-256")
	}
	h.requested = true
	return nil
}

// 6. The server waits for the device.
func (h *handshake) readServerHelloDone() error {
	body, err := h.read(typeServerHelloDone)
	if err == nil && len(body) > 0 {
		err = alertf(alertDecodeError, "ServerHelloDone: %w", errMalformed)
	}
	return err
}

// 7. The device shows its certificate, and that of the CA that signed it.
func (h *handshake) sendCertificate() error {
	if !h.requested {
		return nil
	}
	return h.send(certificate(h.Chain))
}

// 8. The device makes its ephemeral key. With the other's, both sides have the same secret now, and make the
// keys of the connection from it.
func (h *handshake) sendClientKeyExchange() error {
	public, secret, err := h.exchange(h.serverPoint)
	if err != nil {
		return alertf(alertInternalError, "key exchange: %w", err)
	}
	h.master = masterSecret(secret, h.clientRandom, h.serverRandom)
	h.client, h.server = keys(h.master, h.clientRandom, h.serverRandom)
	return h.send(clientKeyExchange(public.Bytes()))
}

// 9. The device proves that it has the key of its certificate, by signing all that was said so far.
func (h *handshake) sendCertificateVerify() error {
	if !h.requested || len(h.Chain) == 0 {
		return nil
	}
	signature, err := h.Key.Sign(h.rand(), h.transcript.Sum(nil), crypto.SHA256)
	if err != nil {
		return alertf(alertInternalError, "sign with the device key: %w", err)
	}
	return h.send(certificateVerify(signature))
}

// 10. From here on the device encrypts.
func (h *handshake) sendChangeCipherSpec() error {
	h.observe(Message{Name: "ChangeCipherSpec", Sent: true, Bytes: []byte{1}})
	if err := h.conn.writeRecord(recordChangeCipherSpec, []byte{1}); err != nil {
		return err
	}
	h.conn.out.Lock()
	defer h.conn.out.Unlock()
	h.conn.out.cipher = h.client
	return nil
}

// 11. The device shows that it has the same secret and has seen the same messages.
func (h *handshake) sendFinished() error {
	return h.send(finished(verifyData(h.master, "client finished", h.transcript.Sum(nil))))
}

// 12. The server encrypts, too.
func (h *handshake) readChangeCipherSpec() error {
	h.conn.in.Lock()
	defer h.conn.in.Unlock()
	if len(h.next) > 0 || len(h.conn.in.handshake) > 0 {
		return alertf(alertUnexpectedMessage, "the server sent a handshake message instead of ChangeCipherSpec")
	}
	kind, content, err := h.conn.readRecord()
	if err != nil {
		return err
	}
	if kind != recordChangeCipherSpec || !bytes.Equal(content, []byte{1}) {
		return alertf(alertUnexpectedMessage, "the server sent a record of type %d instead of ChangeCipherSpec", kind)
	}
	h.conn.in.cipher = h.server
	h.observe(Message{Name: "ChangeCipherSpec", Bytes: content})
	return nil
}

// 13. The server shows the same.
func (h *handshake) readFinished() error {
	want := verifyData(h.master, "server finished", h.transcript.Sum(nil))
	got, err := h.read(typeFinished)
	if err != nil {
		return err
	}
	if !hmac.Equal(got, want) {
		return alertf(alertDecryptError, "the server's Finished is wrong: it has seen another handshake or has another secret")
	}
	if len(h.conn.in.handshake) > 0 {
		return alertf(alertUnexpectedMessage, "the server sent more after its Finished")
	}
	return nil
}

// send sends a handshake message in a record of its own, as the firmware does, and adds it to the transcript.
// A long one takes several records.
func (h *handshake) send(m []byte) error {
	h.observe(Message{Name: typeNames[m[0]], Sent: true, Bytes: m})
	h.transcript.Write(m)
	for part := range slices.Chunk(m, maxPlaintext) {
		if err := h.conn.writeRecord(recordHandshake, part); err != nil {
			return err
		}
	}
	return nil
}

// peek returns the type of the next handshake message without taking it.
func (h *handshake) peek() (kind byte, err error) {
	for h.next == nil {
		m, err := h.conn.readMessage()
		if err != nil {
			return 0, err
		}
		if m[0] != typeHelloRequest { // to be ignored now, and no part of the transcript
			h.next = m
		}
	}
	return h.next[0], nil
}

// read takes the next handshake message, which must be of this type, and returns its body.
func (h *handshake) read(kind byte) (body []byte, err error) {
	got, err := h.peek()
	if err != nil {
		return nil, err
	}
	if got != kind {
		return nil, alertf(alertUnexpectedMessage, "the server sent message %d %s instead of %s", got, typeNames[got], typeNames[kind])
	}
	m := h.next
	h.next = nil
	h.observe(Message{Name: typeNames[kind], Bytes: m})
	h.transcript.Write(m)
	return m[4:], nil
}

func (h *handshake) observe(m Message) {
	if h.Observe != nil {
		h.Observe(m)
	}
}

// readMessage returns the next handshake message with its header. A record may hold several, and a message
// may be spread over several records.
func (c *Conn) readMessage() ([]byte, error) {
	c.in.Lock()
	defer c.in.Unlock()
	for {
		if b := c.in.handshake; len(b) >= 4 {
			n := 4 + int(b[1])<<16 + int(b[2])<<8 + int(b[3])
			if n > maxMessage {
				return nil, alertf(alertDecodeError, "the server sent a handshake message of %d bytes", n)
			}
			if len(b) >= n {
				c.in.handshake = b[n:]
				return slices.Clone(b[:n]), nil
			}
		}
		kind, content, err := c.readRecord()
		if err != nil {
			return nil, err
		}
		if kind != recordHandshake {
			return nil, alertf(alertUnexpectedMessage, "the server sent a record of type %d in the middle of the handshake", kind)
		}
		c.in.handshake = append(c.in.handshake, content...)
	}
}
