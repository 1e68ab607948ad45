package pkcs11

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

// testSigner makes a key, a certificate by each algorithm, and TLS connections of both versions with it on both sides.
func testSigner(t *testing.T, a *Application, s SessionHandle, m MechanismType, parameter Attribute) {
	t.Helper()
	pub, priv, err := a.GenerateKeyPair(s, Mechanism{Type: m}, []Attribute{parameter}, []Attribute{Bool(CKA_TOKEN, true)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Signer(s, pub); err == nil {
		t.Error("a public key as signer")
	}
	signer, err := a.Signer(s, priv)
	if err != nil {
		t.Fatal(err)
	}
	algorithms := []x509.SignatureAlgorithm{x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512}
	if m == CKM_RSA_PKCS_KEY_PAIR_GEN {
		algorithms = []x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA, x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS}
	}
	for _, opts := range []crypto.SignerOpts{&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}, &rsa.PSSOptions{}, &rsa.PSSOptions{Hash: crypto.MD5}} {
		if _, err := signer.Sign(nil, make([]byte, 16), opts); err == nil && m == CKM_RSA_PKCS_KEY_PAIR_GEN {
			t.Errorf("a signature with %#v", opts)
		}
	}
	var cert *x509.Certificate
	for _, algorithm := range algorithms {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, DNSNames: []string{"x"}, SignatureAlgorithm: algorithm,
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
		der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
		if err != nil {
			t.Fatalf("%v: %v", algorithm, err)
		}
		if cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		if err := cert.CheckSignature(algorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
			t.Fatalf("%v: %v", algorithm, err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	own := tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: signer}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := &tls.Config{Certificates: []tls.Certificate{own}, RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, ServerName: "x",
			MinVersion: version, MaxVersion: version}
		here, there := net.Pipe()
		done := make(chan error, 1)
		go func() { done <- tls.Server(there, cfg).Handshake() }()
		client := tls.Client(here, cfg)
		if err := client.Handshake(); err != nil {
			t.Errorf("TLS %x: %v", version, err)
		}
		go client.Read(make([]byte, 1)) // the server's ticket
		if err := <-done; err != nil {
			t.Errorf("TLS %x: %v", version, err)
		}
		here.Close()
		there.Close()
	}
}
