package main

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/thingward/thingward/pkcs11"
)

// A tokenObject is what the commands know of an object.
type tokenObject struct {
	handle      pkcs11.ObjectHandle
	class       pkcs11.ObjectClass
	label       string
	id          []byte
	certificate *x509.Certificate
	public      any // of a key
	local       bool
	extractable bool
}

func number(v []byte) uint {
	if len(v) != 8 {
		return pkcs11.Unavailable
	}
	return uint(binary.LittleEndian.Uint64(v))
}

// find returns the token's objects that match.
func (t *openToken) find(template ...pkcs11.Attribute) ([]tokenObject, error) {
	template = append(template, pkcs11.Bool(pkcs11.CKA_TOKEN, true))
	if err := t.FindInit(t.session, template); err != nil {
		return nil, err
	}
	handles, err := t.Find(t.session, 1<<20)
	if err := errors.Join(err, t.FindFinal(t.session)); err != nil {
		return nil, err
	}
	var list []tokenObject
	for _, h := range handles {
		o, err := t.describe(h)
		if pkcs11.Code(err) == pkcs11.CKR_OBJECT_HANDLE_INVALID {
			continue // another process has destroyed it
		}
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	order := []pkcs11.ObjectClass{pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_PUBLIC_KEY, pkcs11.CKO_CERTIFICATE}
	slices.SortStableFunc(list, func(a, b tokenObject) int {
		return cmp.Or(strings.Compare(a.label, b.label), slices.Index(order, a.class)-slices.Index(order, b.class))
	})
	return list, nil
}

func (t *openToken) describe(h pkcs11.ObjectHandle) (o tokenObject, err error) {
	types := []pkcs11.AttributeType{pkcs11.CKA_CLASS, pkcs11.CKA_LABEL, pkcs11.CKA_ID, pkcs11.CKA_PUBLIC_KEY_INFO, pkcs11.CKA_LOCAL, pkcs11.CKA_EXTRACTABLE}
	v, err := t.GetAttributes(t.session, h, types)
	if code := pkcs11.Code(err); code != pkcs11.CKR_OK && code != pkcs11.CKR_ATTRIBUTE_TYPE_INVALID {
		return o, err
	}
	o = tokenObject{handle: h, class: pkcs11.ObjectClass(number(v[0].Value)), label: string(v[1].Value), id: v[2].Value,
		local: slices.Equal(v[4].Value, []byte{1}), extractable: slices.Equal(v[5].Value, []byte{1})}
	if o.class == pkcs11.CKO_CERTIFICATE {
		v, err := t.GetAttributes(t.session, h, []pkcs11.AttributeType{pkcs11.CKA_VALUE})
		if err != nil {
			return o, err
		}
		o.certificate, _ = x509.ParseCertificate(v[0].Value) // programs may store what they like
	} else if len(v[3].Value) > 0 {
		o.public, _ = x509.ParsePKIXPublicKey(v[3].Value)
	}
	return o, nil
}

func (o *tokenObject) kind() string {
	switch o.class {
	case pkcs11.CKO_PRIVATE_KEY:
		return "private key"
	case pkcs11.CKO_PUBLIC_KEY:
		return "public key"
	case pkcs11.CKO_SECRET_KEY:
		return "secret key"
	case pkcs11.CKO_CERTIFICATE:
		return "certificate"
	}
	return "data"
}

func keyKind(public any) string {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		return k.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	}
	return ""
}

// about is the rest of its line.
func (o *tokenObject) about() string {
	text := keyKind(o.public)
	if c := o.certificate; c != nil {
		return fmt.Sprintf("%s, ends %s", c.Subject, c.NotAfter.UTC().Format(time.DateOnly))
	}
	if o.class == pkcs11.CKO_PRIVATE_KEY {
		switch {
		case o.extractable:
			text += ", can be taken out"
		case o.local:
			text += ", made here, never leaves"
		default:
			text += ", imported, never leaves"
		}
	}
	return strings.TrimPrefix(text, ", ")
}

// uri is the name of an object for programs, of RFC 7512.
func uri(token string, o *tokenObject, kind string) string {
	text := "pkcs11:token=" + uriEscape(token)
	if o.label != "" {
		text += ";object=" + uriEscape(o.label)
	} else if len(o.id) > 0 {
		text += ";id=" + uriID(o.id)
	}
	if kind != "" {
		text += ";type=" + kind
	}
	return text
}

func uriEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func uriID(id []byte) string {
	var b strings.Builder
	for _, c := range id {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

func (o *tokenObject) uriType() string {
	return map[pkcs11.ObjectClass]string{pkcs11.CKO_PRIVATE_KEY: "private", pkcs11.CKO_PUBLIC_KEY: "public", pkcs11.CKO_CERTIFICATE: "cert",
		pkcs11.CKO_SECRET_KEY: "secret-key", pkcs11.CKO_DATA: "data"}[o.class]
}

func tokenList(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := newTokenFlags("list", "")
	if _, err := f.parseChip(args, stderr, 0, 0); err != nil {
		return err
	}
	cfg, path, err := readTokenConf()
	if err != nil {
		return err
	}
	if len(cfg.Slots) == 0 {
		fmt.Fprintf(stdout, "%s has no slots. Make a token with:  thingward token init --label gateway\n", path)
		return nil
	}
	m, err := pkcs11.Open(cfg)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer m.Close()
	pin, err := firstLine(f.pinFile, pinVariable)
	if err != nil {
		return err
	}
	a := m.Open()
	for i, s := range cfg.Slots {
		info, err := a.TokenInfo(pkcs11.SlotID(s.ID))
		if f.token != "" && f.token != info.Label && f.token != fmt.Sprint(s.ID) {
			continue
		}
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		t := &openToken{Application: a, module: m, slot: pkcs11.SlotID(s.ID), config: s, info: info}
		if err := t.list(stdout, pin, err); err != nil {
			return err
		}
	}
	return nil
}

func (t *openToken) list(w io.Writer, pin string, broken error) error {
	where := t.config.File
	if where == "" {
		where = t.config.Chip
	}
	switch {
	case broken != nil:
		fmt.Fprintf(w, "slot %d  %s\n  %v\n", t.slot, where, broken)
		return nil
	case t.info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0:
		fmt.Fprintf(w, "slot %d  %s\n  no token yet\n", t.slot, where)
		return nil
	}
	fmt.Fprintf(w, "slot %d  %s  %s\n  %s %s, serial number %s%s\n", t.slot, t.info.Label, where,
		t.info.Manufacturer, t.info.Model, t.info.SerialNumber, pinState(t.info.Flags))
	var err error
	if t.session, err = t.OpenSession(t.slot, pkcs11.CKF_SERIAL_SESSION); err != nil {
		return err
	}
	required := t.info.Flags&pkcs11.CKF_LOGIN_REQUIRED != 0
	if pin != "" && required {
		if err := pinError(t.Login(t.session, pkcs11.CKU_USER, []byte(pin))); err != nil {
			return err
		}
	}
	objects, err := t.find()
	if err != nil {
		return err
	}
	for _, o := range objects {
		fmt.Fprintf(w, "\n  %-11s  %s\n    %s\n    id %s\n", o.kind(), o.about(), uri(t.info.Label, &o, o.uriType()), idText(o.id))
	}
	if len(objects) == 0 {
		fmt.Fprintf(w, "\n  nothing that may be seen\n")
	}
	if pin == "" && required {
		fmt.Fprintf(w, "\n  private keys are seen only with the PIN: --pin-file, or %s\n", pinVariable)
	}
	return nil
}

func idText(id []byte) string {
	if len(id) == 0 {
		return "none"
	}
	return fmt.Sprintf("%x", id)
}

func pinState(flags uint) string {
	for _, s := range []struct {
		flag uint
		text string
	}{
		{pkcs11.CKF_USER_PIN_LOCKED, ", the user's PIN is locked"},
		{pkcs11.CKF_USER_PIN_FINAL_TRY, ", one more wrong PIN locks it"},
		{pkcs11.CKF_SO_PIN_LOCKED, ", the security officer's PIN is locked"},
	} {
		if flags&s.flag != 0 {
			return s.text
		}
	}
	if flags&pkcs11.CKF_USER_PIN_INITIALIZED == 0 {
		return ", the user has no PIN yet"
	}
	return ""
}
