package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// A pki is the files that all brokers and clients use: one root, a certificate of the server and one of the clients, all P-256.
type pki struct {
	root, serverCert, serverKey, clientCert, clientKey string
	clientID                                           string // of the certificate
}

func newPKI(dir string) (*pki, error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := func(name string, serial int64) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: name}, SerialNumber: big.NewInt(serial),
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour), BasicConstraintsValid: true}
	}
	root := template("bench-peers", 1)
	root.IsCA, root.KeyUsage = true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		return nil, err
	}
	write := func(name, kind string, der []byte) (string, error) {
		file := filepath.Join(dir, name)
		return file, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
	}
	p := &pki{}
	if p.root, err = write("root.pem", "CERTIFICATE", der); err != nil {
		return nil, err
	}
	issue := func(name string, t *x509.Certificate) (cert, key string, der []byte, err error) {
		own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return "", "", nil, err
		}
		if der, err = x509.CreateCertificate(rand.Reader, t, root, own.Public(), rootKey); err != nil {
			return "", "", nil, err
		}
		secret, err := x509.MarshalPKCS8PrivateKey(own)
		if err != nil {
			return "", "", nil, err
		}
		if cert, err = write(name+".pem", "CERTIFICATE", der); err != nil {
			return "", "", nil, err
		}
		key, err = write(name+".key", "PRIVATE KEY", secret)
		return cert, key, der, err
	}
	serverTemplate := template("localhost", 2)
	serverTemplate.DNSNames, serverTemplate.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	if p.serverCert, p.serverKey, _, err = issue("server", serverTemplate); err != nil {
		return nil, err
	}
	client := template("client", 3)
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if p.clientCert, p.clientKey, der, err = issue("client", client); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	p.clientID = hex.EncodeToString(sum[:])
	return p, openToAll(p)
}

// openToAll opens what mosquitto reads after it has become another user.
func openToAll(p *pki) error {
	for _, file := range []string{p.root, p.serverCert} {
		if err := os.Chmod(file, 0o644); err != nil {
			return err
		}
	}
	return nil
}
