package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"

	"github.com/miekg/pkcs11"
)

var p256 = elliptic.P256()

const (
	privateLabel = "Device Priv TLS Key"
	publicLabel  = "Device Pub TLS Key"
	certLabel    = "Device Cert"
	codeLabel    = "Code Verify Key"
)

// A teller goes through the story; the first error ends it.
type teller struct {
	*pkcs11.Ctx
	session pkcs11.SessionHandle
	kind    string // ec, rsa, or chip: ec that the token makes itself
	device  []byte // the certificate that a chip has no room for
}

// story is provisioning, TLS client authentication and cleanup with the functions that Amazon FreeRTOS uses, in that order.
func story(module, kind string) error {
	p := pkcs11.New(module) // C_GetFunctionList
	if p == nil {
		return errors.New("the module does not load")
	}
	defer p.Destroy()
	s := &teller{Ctx: p, kind: kind}
	if err := s.start(); err != nil {
		return err
	}
	imported, err := s.provision()
	if err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	if err := s.authenticate(imported); err != nil {
		return fmt.Errorf("authenticate: %w", err)
	}
	if kind != "rsa" {
		if err := s.generate(); err != nil {
			return fmt.Errorf("generate: %w", err)
		}
	}
	if err := s.CloseSession(s.session); err != nil {
		return err
	}
	if err := s.Finalize(); err != nil {
		return err
	}
	fmt.Println("the story is told:", kind)
	return nil
}

// start: C_Initialize, C_Finalize, C_Initialize, C_GetSlotList, C_GetTokenInfo, C_OpenSession, C_Login.
func (s *teller) start() error {
	for _, f := range []func() error{func() error { return s.Initialize() }, s.Finalize, func() error { return s.Initialize() }} {
		if err := f(); err != nil {
			return err
		}
	}
	slots, err := s.GetSlotList(true)
	if err != nil || len(slots) == 0 {
		return fmt.Errorf("%d slots: %v", len(slots), err)
	}
	info, err := s.GetTokenInfo(slots[0])
	if err != nil {
		return err
	}
	if info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
		return errors.New("the token is not initialised")
	}
	if s.session, err = s.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION); err != nil {
		return err
	}
	return s.Login(s.session, pkcs11.CKU_USER, "1234")
}

func (s *teller) find(class uint, label string) (pkcs11.ObjectHandle, error) {
	if err := s.FindObjectsInit(s.session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)}); err != nil {
		return 0, err
	}
	found, _, err := s.FindObjects(s.session, 1)
	if err := errors.Join(err, s.FindObjectsFinal(s.session)); err != nil {
		return 0, err
	}
	if len(found) == 0 {
		return 0, fmt.Errorf("there is no %q", label)
	}
	return found[0], nil
}

// provision: C_DestroyObject what is there, C_CreateObject for private key and certificates.
func (s *teller) provision() (crypto.PublicKey, error) {
	for _, o := range []struct {
		class uint
		label string
	}{{pkcs11.CKO_PRIVATE_KEY, privateLabel}, {pkcs11.CKO_PUBLIC_KEY, publicLabel}, {pkcs11.CKO_CERTIFICATE, certLabel}, {pkcs11.CKO_CERTIFICATE, codeLabel}} {
		if h, err := s.find(o.class, o.label); err == nil {
			if err := s.DestroyObject(s.session, h); err != nil {
				return nil, err
			}
		}
	}
	if s.kind == "chip" {
		return s.provisionChip()
	}
	key, template, err := s.newKey()
	if err != nil {
		return nil, err
	}
	if _, err := s.CreateObject(s.session, template); err != nil {
		return nil, err
	}
	device, err := issue(key.Public())
	if err != nil {
		return nil, err
	}
	for _, label := range []string{certLabel, codeLabel} {
		if _, err := s.CreateObject(s.session, certificate(label, device)); err != nil {
			return nil, fmt.Errorf("%s: %w", label, err)
		}
	}
	return key.Public(), nil
}

// provisionChip makes the key in the chip; the device keeps its certificate.
func (s *teller) provisionChip() (crypto.PublicKey, error) {
	object, _, err := s.generatePair(privateLabel)
	if err != nil {
		return nil, err
	}
	value, err := s.GetAttributeValue(s.session, object, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
	if err != nil {
		return nil, err
	}
	var point []byte
	if _, err := asn1.Unmarshal(value[0].Value, &point); err != nil {
		return nil, err
	}
	public, err := ecdsa.ParseUncompressedPublicKey(p256, point)
	if err != nil {
		return nil, err
	}
	if s.device, err = issue(public); err != nil {
		return nil, err
	}
	if _, err := s.CreateObject(s.session, certificate(certLabel, s.device)); !errors.Is(err, pkcs11.Error(pkcs11.CKR_DEVICE_MEMORY)) {
		return nil, fmt.Errorf("a certificate of another design in the chip: %v", err)
	}
	return public, nil
}

func certificate(label string, der []byte) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_CERTIFICATE), pkcs11.NewAttribute(pkcs11.CKA_SUBJECT, []byte("TestSubject")),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE, der), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_CERTIFICATE_TYPE, pkcs11.CKC_X_509), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
	}
}

func (s *teller) newKey() (crypto.Signer, []*pkcs11.Attribute, error) {
	template := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), pkcs11.NewAttribute(pkcs11.CKA_LABEL, privateLabel),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true)}
	add := func(t uint, v any) { template = append(template, pkcs11.NewAttribute(t, v)) }
	if s.kind == "ec" {
		key, err := ecdsa.GenerateKey(p256, rand.Reader)
		if err != nil {
			return nil, nil, err
		}
		secret, err := key.Bytes()
		if err != nil {
			return nil, nil, err
		}
		add(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC)
		add(pkcs11.CKA_EC_PARAMS, curveOID())
		add(pkcs11.CKA_VALUE, secret)
		return key, template, nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	add(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA)
	add(pkcs11.CKA_MODULUS, key.N.Bytes())
	add(pkcs11.CKA_PUBLIC_EXPONENT, big.NewInt(int64(key.E)).Bytes())
	add(pkcs11.CKA_PRIVATE_EXPONENT, key.D.Bytes())
	add(pkcs11.CKA_PRIME_1, key.Primes[0].Bytes())
	add(pkcs11.CKA_PRIME_2, key.Primes[1].Bytes())
	add(pkcs11.CKA_EXPONENT_1, key.Precomputed.Dp.Bytes())
	add(pkcs11.CKA_EXPONENT_2, key.Precomputed.Dq.Bytes())
	add(pkcs11.CKA_COEFFICIENT, key.Precomputed.Qinv.Bytes())
	return key, template, nil
}

func curveOID() []byte {
	b, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7})
	if err != nil {
		panic(err)
	}
	return b
}

// issue asks the factory of the test for a certificate, which our server knows.
func issue(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	answer, err := http.Post(os.Getenv("FACTORY"), "application/octet-stream", bytes.NewReader(der))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New(answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func (s *teller) generatePair(label string) (public, private pkcs11.ObjectHandle, err error) {
	return s.GenerateKeyPair(s.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)},
		[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, curveOID()),
			pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, publicLabel), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true)},
		[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true)})
}

// generate: C_GenerateKeyPair for a new key, which signs and verifies.
func (s *teller) generate() error {
	public, private, err := s.generatePair("new")
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte("challenge"))
	mechanism := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}
	if err := s.SignInit(s.session, mechanism, private); err != nil {
		return err
	}
	signature, err := s.Sign(s.session, digest[:])
	if err != nil {
		return err
	}
	if err := s.VerifyInit(s.session, mechanism, public); err != nil {
		return err
	}
	if err := s.Verify(s.session, digest[:], signature); err != nil {
		return err
	}
	return errors.Join(s.DestroyObject(s.session, private), s.DestroyObject(s.session, public))
}

// authenticate: C_FindObjects*, C_GetAttributeValue, C_GenerateRandom, C_DigestInit/Update/Final, C_SignInit, C_Sign, C_VerifyInit, C_Verify;
// and all of it in the handshake with the server.
func (s *teller) authenticate(public crypto.PublicKey) error {
	private, err := s.find(pkcs11.CKO_PRIVATE_KEY, privateLabel)
	if err != nil {
		return err
	}
	cert, err := s.certificate()
	if err != nil {
		return err
	}
	random, err := s.GenerateRandom(s.session, 32)
	if err != nil || bytes.Equal(random, make([]byte, 32)) {
		return fmt.Errorf("random %x: %v", random, err)
	}
	signer := &tokenSigner{teller: s, private: private, public: public}
	digest, err := signer.digest(random)
	if err != nil {
		return err
	}
	if want := sha256.Sum256(random); !bytes.Equal(digest, want[:]) {
		return errors.New("a wrong digest")
	}
	if err := signAndVerify(signer, public, digest); err != nil {
		return err
	}
	return handshake(tls.Certificate{Certificate: [][]byte{cert}, PrivateKey: signer})
}

func (s *teller) certificate() ([]byte, error) {
	if s.device != nil {
		return s.device, nil
	}
	object, err := s.find(pkcs11.CKO_CERTIFICATE, certLabel)
	if err != nil {
		return nil, err
	}
	value, err := s.GetAttributeValue(s.session, object, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, nil)})
	if err != nil {
		return nil, err
	}
	return value[0].Value, nil
}

// handshake connects to the server, and says CONNECT: only its answer means that the certificate was taken.
func handshake(cert tls.Certificate) error {
	root, err := os.ReadFile(os.Getenv("ROOT"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c, err := tls.Dial("tcp", "127.0.0.1:"+os.Getenv("PORT"), &tls.Config{RootCAs: pool, ServerName: "localhost", Certificates: []tls.Certificate{cert},
			MinVersion: version, MaxVersion: version})
		if err != nil {
			return err
		}
		if _, err := c.Write([]byte{0x10, 17, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 5, 's', 't', 'o', 'r', 'y'}); err != nil {
			return err
		}
		answer := make([]byte, 4)
		if _, err := io.ReadFull(c, answer); err != nil {
			return fmt.Errorf("no CONNACK: %w", err)
		}
		if answer[0] != 0x20 || answer[3] != 0 {
			return fmt.Errorf("CONNACK %x", answer)
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}

// A tokenSigner is the key in the token.
type tokenSigner struct {
	*teller
	private pkcs11.ObjectHandle
	public  crypto.PublicKey
}

func (s *tokenSigner) Public() crypto.PublicKey { return s.public }

func (s *tokenSigner) digest(data []byte) ([]byte, error) {
	if err := s.DigestInit(s.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_SHA256, nil)}); err != nil {
		return nil, err
	}
	for _, part := range [][]byte{data[:len(data)/2], data[len(data)/2:]} {
		if err := s.DigestUpdate(s.session, part); err != nil {
			return nil, err
		}
	}
	return s.DigestFinal(s.session)
}

// The prefix of a SHA-256 digest in PKCS #1.
var sha256Prefix = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}

func (s *tokenSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	mechanism, data := pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil), digest
	if s.kind == "rsa" {
		mechanism, data = pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil), append(bytes.Clone(sha256Prefix), digest...)
		if _, ok := opts.(*rsa.PSSOptions); ok {
			mechanism, data = pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_PSS, pkcs11.NewPSSParams(pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256, 32)), digest
		}
		if opts.HashFunc() != crypto.SHA256 {
			return nil, errors.New("only SHA-256, as on the device")
		}
	}
	if err := s.SignInit(s.session, []*pkcs11.Mechanism{mechanism}, s.private); err != nil {
		return nil, err
	}
	signature, err := s.Ctx.Sign(s.session, data)
	if err != nil || s.kind == "rsa" {
		return signature, err
	}
	r, t := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return asn1.Marshal(struct{ R, S *big.Int }{r, t})
}
