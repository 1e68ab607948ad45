package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/thingward/thingward/internal/store"
)

const (
	policyName = "device"
	document   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"}]}`
	batch      = 5000 // things in one transaction
)

// fill makes the data. The certificates are of one key and one CA: making a million key pairs would show nothing.
func fill(ctx context.Context, dir string, n int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Config{Path: filepath.Join(dir, "thingward.db")})
	if err != nil {
		return err
	}
	defer db.Close()
	now := time.Now().Add(-time.Hour)
	err = db.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreateAccount(&store.Account{ID: scope.Account, Created: now}); err != nil {
			return err
		}
		return tx.CreatePolicy(&store.Policy{Scope: scope, Name: policyName, Document: document, Version: 1, GenerationID: uuid(0), Created: now, Modified: now})
	})
	if err != nil {
		return err
	}
	issuer, err := newIssuer()
	if err != nil {
		return err
	}
	for first := 0; first < n; first += batch {
		// The work of the processor is done before the transaction begins.
		var list []*store.Certificate
		for i := first; i < min(first+batch, n); i++ {
			c, err := issuer.certificate(i, now.Add(time.Duration(i)*time.Millisecond))
			if err != nil {
				return err
			}
			list = append(list, c)
		}
		if err := db.Update(ctx, func(tx *store.Tx) error { return write(tx, first, list) }); err != nil {
			return err
		}
		if done := first + len(list); done%(20*batch) == 0 {
			log.Printf("%d", done)
		}
	}
	return nil
}

func write(tx *store.Tx, first int, list []*store.Certificate) error {
	for i, c := range list {
		t := &store.Thing{Scope: scope, Name: thingName(first + i), ID: uuid(first + i), Version: 1, Created: c.Created,
			Attributes: map[string]string{"floor": fmt.Sprint((first + i) % 100), "serial": fmt.Sprintf("SN%08d", first+i)}}
		if err := tx.CreateThing(t); err != nil {
			return err
		}
		if err := tx.CreateCertificate(c); err != nil {
			return err
		}
		if err := tx.PutThingPrincipal(&store.ThingPrincipal{Scope: scope, Thing: t.Name, Principal: c.ARN(), Created: c.Created}); err != nil {
			return err
		}
		if err := tx.AttachPolicy(scope, policyName, c.ARN(), c.Created); err != nil {
			return err
		}
	}
	return nil
}

// uuid has the form of a random one.
func uuid(i int) string {
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(i)*2654435761, i)
}

type issuer struct {
	root *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIssuer() (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return &issuer{key: key, root: &x509.Certificate{
		Subject: pkix.Name{Organization: []string{"Factory"}, CommonName: "Factory Signer"}, SubjectKeyId: []byte("factory signer")}}, nil
}

// certificate returns the record of a new certificate, as RegisterCertificateWithoutCA keeps it.
func (s *issuer) certificate(i int, created time.Time) (*store.Certificate, error) {
	x := &x509.Certificate{
		SerialNumber: big.NewInt(int64(i) + 1<<62), Subject: pkix.Name{Organization: []string{"Factory"}, CommonName: thingName(i)},
		NotBefore: created.UTC().Truncate(time.Second), NotAfter: time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, x, s.root, s.key.Public(), s.key)
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(der)
	return &store.Certificate{
		Scope: scope, ID: hex.EncodeToString(id[:]), PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		Status: store.Active, Mode: store.ModeSNIOnly, CustomerVersion: 1, GenerationID: uuid(i),
		NotBefore: x.NotBefore, NotAfter: x.NotAfter, Created: created, Modified: created,
	}, nil
}
