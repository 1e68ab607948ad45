package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/thingward/thingward/pkcs11"
)

// maxImport is the size of a file with keys and certificates.
const maxImport = 1 << 20

func tokenImport(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := newTokenFlags("import", "FILE...")
	label := f.String("label", "", "`name` of the key and its certificate")
	id := f.String("id", "", "`id` in hexadecimal (default SHA-1 of the public key, by which key and certificate find each other)")
	extractable := f.Bool("extractable", false, "the key may be wrapped and taken out again")
	files, err := f.parseChip(args, stderr, 1, 100)
	if err != nil {
		return err
	}
	if *label == "" {
		return errors.New("name what is imported with --label")
	}
	password, err := f.passphrase()
	if err != nil {
		return err
	}
	var things []any
	for _, name := range files {
		found, err := readKeys(name, password)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		things = append(things, found...)
	}
	t, err := f.open(true)
	if err != nil {
		return err
	}
	defer t.close()
	im := &importer{openToken: t, label: *label, id: *id, extractable: *extractable, w: stdout}
	for _, thing := range things {
		if _, ok := thing.(*x509.Certificate); ok {
			im.certificates++
		}
	}
	for _, thing := range things {
		if err := im.put(thing); err != nil {
			return err
		}
	}
	return nil
}

// readKeys returns keys and certificates of a file, private keys first.
func readKeys(name, password string) ([]any, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxImport {
		return nil, fmt.Errorf("%d bytes is more than any file of keys has", info.Size())
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(b); block == nil {
		return parseDER(b, password)
	}
	var things []any
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		found, err := parseBlock(block)
		if err != nil {
			return nil, err
		}
		things = append(things, found...)
	}
	if len(things) == 0 {
		return nil, errors.New("neither a key nor a certificate")
	}
	return privateFirst(things), nil
}

func privateFirst(things []any) []any {
	var first, rest []any
	for _, t := range things {
		if publicOf(t) != t {
			first = append(first, t)
		} else {
			rest = append(rest, t)
		}
	}
	return append(first, rest...)
}

func parseBlock(block *pem.Block) ([]any, error) {
	if strings.HasPrefix(block.Headers["Proc-Type"], "4,ENCRYPTED") || block.Type == "ENCRYPTED PRIVATE KEY" {
		return nil, errors.New("the private key is encrypted; put it into PKCS #12 (openssl pkcs12 -export), or decrypt it (openssl pkey) where nobody else reads along")
	}
	switch block.Type {
	case "EC PARAMETERS":
		return nil, nil
	case "CERTIFICATE", "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "PUBLIC KEY", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		return parseDER(block.Bytes, "")
	}
	return nil, fmt.Errorf("a PEM block %q is neither a key nor a certificate", block.Type)
}

// parseDER finds out what the bytes are.
func parseDER(b []byte, password string) ([]any, error) {
	if c, err := x509.ParseCertificate(b); err == nil {
		return []any{c}, nil
	}
	if k, err := x509.ParsePKCS8PrivateKey(b); err == nil {
		return []any{k}, nil
	}
	if k, err := x509.ParseECPrivateKey(b); err == nil {
		return []any{k}, nil
	}
	if k, err := x509.ParsePKCS1PrivateKey(b); err == nil {
		return []any{k}, nil
	}
	if k, err := x509.ParsePKIXPublicKey(b); err == nil {
		return []any{k}, nil
	}
	key, cert, chain, err := pkcs12.DecodeChain(b, password)
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, errors.New("PKCS #12 with another passphrase: name a file that has it with --passphrase-file")
	}
	if err != nil {
		return nil, errors.New("neither a key nor a certificate, in DER, PEM or PKCS #12")
	}
	things := []any{key, cert}
	for _, c := range chain {
		things = append(things, c)
	}
	return things, nil
}

// An importer puts things into a token under one label.
type importer struct {
	*openToken
	label, id   string
	extractable bool
	w           io.Writer

	certificates int // in all files
	chain        int // those of CAs so far
}

func (im *importer) put(thing any) error {
	switch k := thing.(type) {
	case *x509.Certificate:
		return im.putCertificate(k)
	case *ecdsa.PrivateKey, *rsa.PrivateKey:
		return im.putPair(k)
	case *ecdsa.PublicKey, *rsa.PublicKey:
		return im.putKey(k, pkcs11.CKO_PUBLIC_KEY)
	}
	return fmt.Errorf("keys of type %T have no place in the token: P-256, P-384, P-521 and RSA have", thing)
}

func (im *importer) putPair(key any) error {
	if err := im.putKey(key, pkcs11.CKO_PRIVATE_KEY); err != nil {
		return err
	}
	if im.config.Chip != "" { // which has the public half of its own
		return nil
	}
	return im.putKey(publicOf(key), pkcs11.CKO_PUBLIC_KEY)
}

func (im *importer) putKey(key any, class pkcs11.ObjectClass) error {
	if err := im.vacant(im.label, class); err != nil {
		return err
	}
	id, err := chooseID(im.id, publicOf(key))
	if err != nil {
		return err
	}
	template, err := pkcs11.KeyAttributes(key)
	if err != nil {
		return err
	}
	if class == pkcs11.CKO_PRIVATE_KEY {
		template = append(template, pkcs11.Bool(pkcs11.CKA_EXTRACTABLE, im.extractable))
	}
	return im.create(im.label, id, template)
}

func (im *importer) putCertificate(c *x509.Certificate) error {
	label := im.label
	id, err := chooseID(im.id, c.PublicKey)
	if err != nil {
		return err
	}
	chained, err := im.chained(c)
	if err != nil {
		return err
	}
	if chained {
		if label, id, err = im.nameCA(c); err != nil {
			return err
		}
	}
	if err := im.vacant(label, pkcs11.CKO_CERTIFICATE); err != nil {
		return err
	}
	template := []pkcs11.Attribute{pkcs11.Number(pkcs11.CKA_CLASS, pkcs11.CKO_CERTIFICATE), pkcs11.Number(pkcs11.CKA_CERTIFICATE_TYPE, uint(pkcs11.CKC_X_509)),
		pkcs11.Bytes(pkcs11.CKA_VALUE, c.Raw)}
	return im.create(label, id, template)
}

// chained tells whether a certificate goes along with the chain of another one: it is a CA's, and of no key in the token.
func (im *importer) chained(c *x509.Certificate) (bool, error) {
	if !c.IsCA || im.certificates == 1 {
		return false, nil
	}
	id, err := keyID(c.PublicKey)
	if err != nil {
		return false, err
	}
	found, err := im.find(pkcs11.Number(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), pkcs11.Bytes(pkcs11.CKA_ID, id))
	return len(found) == 0, err
}

// nameCA names the certificate of a CA so that it is not taken for that of the key.
func (im *importer) nameCA(c *x509.Certificate) (string, []byte, error) {
	im.chain++
	id, err := keyID(c.PublicKey)
	if im.chain == 1 {
		return im.label + " CA", id, err
	}
	return fmt.Sprintf("%s CA %d", im.label, im.chain), id, err
}

func (im *importer) create(label string, id []byte, template []pkcs11.Attribute) error {
	template = append(template, pkcs11.Bool(pkcs11.CKA_TOKEN, true), pkcs11.Text(pkcs11.CKA_LABEL, label), pkcs11.Bytes(pkcs11.CKA_ID, id))
	h, err := im.CreateObject(im.session, template)
	if err != nil {
		return err
	}
	o, err := im.describe(h)
	if err != nil {
		return err
	}
	fmt.Fprintf(im.w, "imported: %s %s  %s\n", o.kind(), o.label, o.about())
	return nil
}
