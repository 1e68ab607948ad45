package ca

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func parse(t testing.TB, file string) *x509.Certificate {
	t.Helper()
	c, err := ParseCertificate(file, read(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func der(t testing.TB, file string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(read(t, file)))
	return string(block.Bytes)
}

func block(kind, content string) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(content)}))
}

// What people paste instead of a certificate is named.
func TestParseCertificate(t *testing.T) {
	signer := read(t, "signer1.pem")
	f := func(text, want string) {
		t.Helper()
		got := "a certificate"
		if c, err := ParseCertificate("caCertificate", text); err != nil {
			got = strings.TrimPrefix(err.Error(), "caCertificate: ")
			got = strings.TrimPrefix(got, "want a certificate in PEM, got ")
		} else if id := CertificateID(c.Raw); id != "8f800505769d140c314755e15da44de00cdb34605e6f5c114ba591e3f3ab7eed" {
			got = id
		}
		if got != want {
			t.Errorf("%.40q:\ngot  %s\nwant %s", text, got, want)
		}
	}
	f(signer, "a certificate")
	f(strings.ReplaceAll(signer, "\n", "\r\n"), "a certificate")
	f("subject=CN = x\n"+signer, "a certificate")
	f(signer+read(t, "signer2.pem"), "a certificate") // the first counts
	f(block("EC PARAMETERS", "x")+signer, "a certificate")
	f("", "nothing")
	f(" \n", "nothing")
	f(read(t, "request.pem"), "a CSR (certificate signing request)")
	f(block("NEW CERTIFICATE REQUEST", "x"), "a CSR (certificate signing request)")
	f(block("EC PRIVATE KEY", "x"), "a private key; it has no place here and should not leave its owner")
	f(block("PRIVATE KEY", "x"), "a private key; it has no place here and should not leave its owner")
	f(block("PUBLIC KEY", "x"), "a public key")
	f(block("X509 CRL", "x"), "a revocation list")
	f(block("PKCS7", "x"), "a PKCS #7 bundle: extract the certificate with openssl pkcs7 -print_certs")
	f(block("TRUSTED CERTIFICATE", "x"), "an OpenSSL TRUSTED CERTIFICATE: write it again with openssl x509")
	f(block("AGE ENCRYPTED FILE", "x"), `a block of type "AGE ENCRYPTED FILE"`)
	f(der(t, "signer1.pem"), "DER, not PEM: convert it with openssl x509 -inform der")
	f(base64.StdEncoding.EncodeToString([]byte(der(t, "signer1.pem"))), "base64 without the BEGIN and END lines")
	f("file://signer.pem", "the name of a file instead of its content")
	f(strings.ReplaceAll(signer, "\n", `\n`), `PEM whose line breaks are the two characters \n: they must be real line breaks`)
	f(signer[:300], "PEM that is cut off: the END line is missing")
	f(strings.Replace(signer, "MII", "M*I", 1), "damaged PEM: between the BEGIN and END lines, each on a line of its own, there must be base64 only")
	f("hello", `text that begins with "hello"`)
	f(strings.Repeat("x", 70000), "70000 characters: at most 65536 are allowed")
	f(block("CERTIFICATE", "no DER"), "the PEM is intact but holds no valid certificate: malformed certificate")
	f(block("CERTIFICATE", der(t, "signer1.pem")+"x"), "the PEM is intact but holds no valid certificate: trailing data")
	f(block("CERTIFICATE", der(t, "request.pem")), "the PEM is intact but holds no valid certificate: inner and outer signature algorithm identifiers don't match")
}

func TestParseRequest(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got := "a request"
		if _, err := ParseRequest("csr", text); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%.40q:\ngot  %s\nwant %s", text, got, want)
		}
	}
	request := read(t, "request.pem")
	f(request, "a request")
	f(strings.ReplaceAll(request, "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"), "a request")
	f(read(t, "signer1.pem"), "csr: want a certificate signing request in PEM, got a certificate")
	f("", "csr: want a certificate signing request in PEM, got nothing")
	f(request+strings.Repeat("\n", 4096), "csr: want a certificate signing request in PEM, got 4475 characters: at most 4096 are allowed")
	f(read(t, "request-rsa1024.pem"), "csr: the key is RSA of 1024 bits; accepted are "+acceptedKeys)
	changed := []byte(der(t, "request.pem"))
	changed[strings.Index(string(changed), "0123abcd")] = '1' // in the common name
	f(block("CERTIFICATE REQUEST", string(changed)),
		"csr: its signature does not fit its public key: it was changed after signing, or signed with another key")
	f(block("CERTIFICATE REQUEST", "x"), "csr: the PEM is intact but holds no valid certificate signing request: syntax error: truncated tag or length")
	f(block("CERTIFICATE REQUEST", "\x02\x01\x01"), "csr: the PEM is intact but holds no valid certificate signing request: structure error: tags don't match")
}

// The certificates that a secure element signed, with their end in the year 9999.
func TestRealCertificates(t *testing.T) {
	signer := parse(t, "signer1.pem")
	if err := IsCA(signer); err != nil {
		t.Errorf("signer1: %v", err)
	}
	if err := CheckSignature(parse(t, "verification1.pem"), signer); err != nil {
		t.Errorf("verification1 by signer1: %v", err)
	}
	if err := CheckSignature(parse(t, "device2.pem"), parse(t, "signer2.pem")); err != nil {
		t.Errorf("device2 by signer2: %v", err)
	}
	if err := CheckSignature(parse(t, "device2.pem"), signer); err == nil {
		t.Error("device2 by signer1 verified")
	}
	if err := IsCA(parse(t, "verification1.pem")); err == nil {
		t.Error("verification1 is a CA")
	}
	if got := signer.NotAfter.Format("2006-01-02"); got != "9999-12-31" {
		t.Errorf("signer1 ends %s", got)
	}
}

func TestAlgorithms(t *testing.T) {
	f := func(file, want string) {
		t.Helper()
		got := "accepted"
		c, err := ParseCertificate("it", read(t, file))
		if err == nil {
			err = CheckAlgorithms(c)
		}
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s:\ngot  %s\nwant %s...", file, got, want)
		}
	}
	f("signer1.pem", "accepted")
	f("p384.pem", "accepted")
	f("p521.pem", "accepted")
	f("rsa-pss-signature.pem", "accepted")
	f("v1.pem", "accepted")
	f("rsa1024.pem", "the key is RSA of 1024 bits; accepted are RSA of 2048")
	f("p224.pem", "the key is ECDSA on P-224; ")
	f("ed25519.pem", "the key is Ed25519; ")
	f("dsa.pem", "the key is of another kind; ")
	f("rsa-pss-key.pem", "the key is of another kind; ")
	f("secp256k1.pem", "it: the PEM is intact but holds no valid certificate: unsupported elliptic curve")
	f("sha1.pem", "the certificate is signed with SHA1-RSA; accepted are SHA-256")
}

func TestIsCA(t *testing.T) {
	f := func(c x509.Certificate, want string) {
		t.Helper()
		got := "a CA"
		if err := IsCA(&c); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(x509.Certificate{Version: 3, BasicConstraintsValid: true, IsCA: true}, "a CA")
	f(x509.Certificate{Version: 3, BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign}, "a CA")
	f(x509.Certificate{Version: 3, BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature}, "it may not sign certificates: keyUsage lacks keyCertSign")
	f(x509.Certificate{Version: 3, BasicConstraintsValid: true}, "it is no CA certificate: basicConstraints says CA:FALSE")
	f(*parse(t, "v1.pem"), "it is no CA certificate: basicConstraints is missing (version 1 certificate)")
}

func seeds(f *testing.F) {
	files, err := filepath.Glob("testdata/*.pem")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		text := read(f, filepath.Base(file))
		f.Add(text)
		f.Add(der(f, filepath.Base(file)))
		f.Add(strings.ReplaceAll(text, "\n", `\n`))
	}
}

// Whatever comes in, it is a certificate that can be written and read again, or an error that names the input.
func FuzzParseCertificate(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCertificate("caCertificate", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "caCertificate: ") || len(err.Error()) > 1000 {
				t.Errorf("error %q", err)
			}
			return
		}
		again, err := ParseCertificate("again", EncodeCertificate(c.Raw))
		if err != nil || CertificateID(again.Raw) != CertificateID(c.Raw) {
			t.Errorf("written and read again: %v", err)
		}
		CheckAlgorithms(c)
		CheckSignature(c, c)
		IsCA(c)
	})
}

func FuzzParseRequest(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := ParseRequest("csr", text); err != nil && !strings.HasPrefix(err.Error(), "csr: ") {
			t.Errorf("error %q", err)
		}
	})
}
