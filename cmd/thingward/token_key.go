package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"github.com/thingward/thingward/pkcs11"
)

// keyTypes are the names of --type.
var keyTypes = map[string]struct {
	mechanism pkcs11.MechanismType
	parameter pkcs11.Attribute
}{
	"p256":    {pkcs11.CKM_EC_KEY_PAIR_GEN, pkcs11.Bytes(pkcs11.CKA_EC_PARAMS, []byte{6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7})},
	"p384":    {pkcs11.CKM_EC_KEY_PAIR_GEN, pkcs11.Bytes(pkcs11.CKA_EC_PARAMS, []byte{6, 5, 0x2B, 0x81, 4, 0, 0x22})},
	"p521":    {pkcs11.CKM_EC_KEY_PAIR_GEN, pkcs11.Bytes(pkcs11.CKA_EC_PARAMS, []byte{6, 5, 0x2B, 0x81, 4, 0, 0x23})},
	"rsa2048": {pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, pkcs11.Number(pkcs11.CKA_MODULUS_BITS, uint(2048))},
	"rsa3072": {pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, pkcs11.Number(pkcs11.CKA_MODULUS_BITS, uint(3072))},
	"rsa4096": {pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, pkcs11.Number(pkcs11.CKA_MODULUS_BITS, uint(4096))},
}

// keyID is the usual CKA_ID: SHA-1 of the key's bits, which is the subject key identifier of most certificates too. So
// key and certificate find each other.
func keyID(public any) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	sum := sha1.Sum(info.Key.Bytes)
	return sum[:], nil
}

// chooseID is what the user gave in hexadecimal, else that of the key.
func chooseID(text string, public any) ([]byte, error) {
	if text == "" {
		return keyID(public)
	}
	id, err := hex.DecodeString(text)
	if err != nil || len(id) == 0 || len(id) > 64 {
		return nil, fmt.Errorf("--id %q: want 1 to 64 bytes in hexadecimal", text)
	}
	return id, nil
}

func tokenKeygen(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := newTokenFlags("keygen", "")
	label := f.String("label", "", "`name` of the key")
	kind := f.String("type", "p256", "`type`: p256, p384, p521, rsa2048, rsa3072 or rsa4096")
	id := f.String("id", "", "`id` in hexadecimal (default SHA-1 of the public key)")
	replace := f.Bool("replace", false, "an old key of that name goes, for ever")
	derive := f.Bool("derive", false, "the key may also agree on secrets (ECDH)")
	if _, err := f.parseChip(args, stderr, 0, 0); err != nil {
		return err
	}
	k, ok := keyTypes[*kind]
	if !ok {
		return fmt.Errorf("--type %q: want p256, p384, p521, rsa2048, rsa3072 or rsa4096", *kind)
	}
	if *label == "" {
		return errors.New("name the key with --label")
	}
	t, err := f.open(true)
	if err != nil {
		return err
	}
	defer t.close()
	if *replace {
		err = t.remove(*label, pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_PUBLIC_KEY)
	} else if err = t.vacant(*label, pkcs11.CKO_PRIVATE_KEY); err != nil {
		err = fmt.Errorf("%w, or put a new one in its place: --replace", err)
	}
	if err != nil {
		return err
	}
	common := []pkcs11.Attribute{pkcs11.Bool(pkcs11.CKA_TOKEN, true), pkcs11.Text(pkcs11.CKA_LABEL, *label)}
	private := append(common[:2:2], pkcs11.Bool(pkcs11.CKA_DERIVE, *derive))
	pub, priv, err := t.GenerateKeyPair(t.session, pkcs11.Mechanism{Type: k.mechanism}, append(common[:2:2], k.parameter), private)
	if err != nil {
		return err
	}
	o, err := t.describe(priv)
	if err != nil {
		return err
	}
	if t.config.Chip == "" { // a chip's keys have the ids of their slots
		if o.id, err = chooseID(*id, o.public); err != nil {
			return errors.Join(err, t.DestroyObject(t.session, priv), t.DestroyObject(t.session, pub))
		}
		for _, h := range []pkcs11.ObjectHandle{pub, priv} {
			if err := t.SetAttributes(t.session, h, []pkcs11.Attribute{pkcs11.Bytes(pkcs11.CKA_ID, o.id)}); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(stdout, "Key %s (%s) is made; its private half never leaves the token.\n  %s\n  id %s\n", *label, keyKind(o.public), uri(t.info.Label, &o, "private"), idText(o.id))
	fmt.Fprintf(stdout, "Request a certificate with:  thingward token csr --token %s --label %s --subject CN=%s\n", shellQuote(t.info.Label), shellQuote(*label), shellQuote(*label))
	return nil
}

// remove takes out what has the label.
func (t *openToken) remove(label string, classes ...pkcs11.ObjectClass) error {
	for _, class := range classes {
		found, err := t.find(pkcs11.Number(pkcs11.CKA_CLASS, class), pkcs11.Text(pkcs11.CKA_LABEL, label))
		if err != nil {
			return err
		}
		for _, o := range found {
			if err := t.DestroyObject(t.session, o.handle); err != nil {
				return err
			}
		}
	}
	return nil
}

// vacant tells whether no other object has the label: programs find keys by it.
func (t *openToken) vacant(label string, class pkcs11.ObjectClass) error {
	found, err := t.find(pkcs11.Number(pkcs11.CKA_CLASS, class), pkcs11.Text(pkcs11.CKA_LABEL, label))
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("token %s has a %s %s already; choose another label, or take it out: thingward token delete --label %s",
			t.info.Label, found[0].kind(), label, shellQuote(label))
	}
	return nil
}

// one is the only object with the label.
func (t *openToken) one(label string, class pkcs11.ObjectClass) (*tokenObject, error) {
	template := []pkcs11.Attribute{pkcs11.Number(pkcs11.CKA_CLASS, class)}
	if label != "" {
		template = append(template, pkcs11.Text(pkcs11.CKA_LABEL, label))
	}
	found, err := t.find(template...)
	if err != nil {
		return nil, err
	}
	kind := (&tokenObject{class: class}).kind()
	switch {
	case len(found) == 1:
		return &found[0], nil
	case len(found) == 0 && label == "":
		return nil, fmt.Errorf("token %s has no %s", t.info.Label, kind)
	case len(found) == 0:
		return nil, fmt.Errorf("token %s has no %s %q; thingward token list tells what is there", t.info.Label, kind, label)
	}
	return nil, fmt.Errorf("token %s has more than one such %s: name it with --label", t.info.Label, kind)
}

func tokenCSR(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := newTokenFlags("csr", "")
	label := f.String("label", "", "`name` of the key (default the only one)")
	subject := f.String("subject", "", "`name` such as CN=pump-1,O=Example (default CN= and the name of the key)")
	out := f.String("out", "", "`file` for the PEM (default standard output)")
	if _, err := f.parseChip(args, stderr, 0, 0); err != nil {
		return err
	}
	t, err := f.open(true)
	if err != nil {
		return err
	}
	defer t.close()
	key, err := t.one(*label, pkcs11.CKO_PRIVATE_KEY)
	if err != nil {
		return err
	}
	if *subject == "" {
		*subject = "CN=" + key.label
	}
	name, err := parseSubject(*subject)
	if err != nil {
		return err
	}
	raw, err := asn1.Marshal(name)
	if err != nil {
		return err
	}
	signer, err := t.Signer(t.session, key.handle)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{RawSubject: raw}, signer)
	if err != nil {
		return err
	}
	return output(*out, stdout, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func tokenExport(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := newTokenFlags("export", "")
	label := f.String("label", "", "`name` of the object (default the only one)")
	public := f.Bool("public", false, "the public key, not the certificate")
	out := f.String("out", "", "`file` for the PEM (default standard output)")
	if _, err := f.parseChip(args, stderr, 0, 0); err != nil {
		return err
	}
	t, err := f.open(false)
	if err != nil {
		return err
	}
	defer t.close()
	if *public {
		o, err := t.one(*label, pkcs11.CKO_PUBLIC_KEY)
		if err != nil {
			return err
		}
		der, err := x509.MarshalPKIXPublicKey(o.public)
		if err != nil {
			return err
		}
		return output(*out, stdout, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	o, err := t.one(*label, pkcs11.CKO_CERTIFICATE)
	if err != nil {
		return err
	}
	if o.certificate == nil {
		return fmt.Errorf("certificate %s is none that can be read", o.label)
	}
	return output(*out, stdout, encodeCertificate(o.certificate.Raw))
}

func tokenDelete(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := newTokenFlags("delete", "")
	label := f.String("label", "", "`name` of what goes")
	kind := f.String("type", "", "only this `type`: private, public, cert, secret-key or data (default all with the name)")
	yes := f.Bool("yes", false, "do it")
	if _, err := f.parseChip(args, stderr, 0, 0); err != nil {
		return err
	}
	if *label == "" {
		return errors.New("name what goes with --label")
	}
	t, err := f.open(true)
	if err != nil {
		return err
	}
	defer t.close()
	found, err := t.find(pkcs11.Text(pkcs11.CKA_LABEL, *label))
	if err != nil {
		return err
	}
	n := 0
	for _, o := range found {
		if *kind != "" && o.uriType() != *kind {
			continue
		}
		n++
		if !*yes {
			fmt.Fprintf(stdout, "would take out: %s %s  %s\n", o.kind(), o.label, o.about())
			continue
		}
		err := t.DestroyObject(t.session, o.handle)
		if pkcs11.Code(err) == pkcs11.CKR_OBJECT_HANDLE_INVALID { // with the other half, in a chip
			continue
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "taken out: %s %s  %s\n", o.kind(), o.label, o.about())
	}
	switch {
	case n == 0:
		return fmt.Errorf("token %s has nothing of that name and type", t.info.Label)
	case !*yes:
		return errors.New("nothing done: what goes is gone for ever; add --yes")
	}
	return nil
}

// publicOf is the public half of what files have.
func publicOf(key any) any {
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		return &k.PublicKey
	case *rsa.PrivateKey:
		return &k.PublicKey
	}
	return key
}
