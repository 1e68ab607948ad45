package main

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/kit"
	"github.com/thingward/thingward/internal/factory"
)

// certFlags choose a certificate in a chip. Without --template it is one of the AWS kit's layout; with it, of any design.
type certFlags struct {
	*chipFlags
	name         string
	template     string
	slot, key    int
	issuer       string
	signerID     string
	serialLength int
}

func chipCert(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	run := map[string]func(context.Context, *certFlags, []string, io.Writer, io.Writer) error{
		"show": certShow, "rebuild": certRebuild, "diff": certDiff,
	}
	if len(args) == 0 || run[args[0]] == nil {
		fmt.Fprint(stderr, `usage: thingward chip cert show CHIP       what the chip keeps, and what the 72 bytes say
       thingward chip cert rebuild CHIP    the certificates as PEM, the device's first
       thingward chip cert diff CHIP FILE  compare one with a certificate in a file, field by field
`)
		return errUsage
	}
	f := &certFlags{chipFlags: newChipFlags("cert "+args[0], "CHIP").forChip()}
	f.StringVar(&f.name, "name", "", "the `certificate`, where a chip keeps more than one: device, signer, root or verification")
	f.StringVar(&f.template, "template", "", "`file` with any certificate of the design, for chips of another layout than the AWS kit's")
	f.IntVar(&f.slot, "slot", 10, "with --template: `slot` of the compressed certificate")
	f.IntVar(&f.key, "key", 0, "with --template: `slot` of the certificate's key, private or public")
	f.StringVar(&f.issuer, "issuer", "", "with --template: `file` with the issuer's certificate (default the issuer of the template)")
	f.StringVar(&f.signerID, "signer-id", "none", "with --template: which `name` ends in the signer id: issuer, subject or none")
	f.IntVar(&f.serialLength, "serial-length", 0, "with --template: how many `bytes` of the serial number vary (default all)")
	return run[args[0]](ctx, f, args[1:], stdout, stderr)
}

// stored finds the certificates in a chip.
func (f *certFlags) stored(ctx context.Context, c *openChip) ([]factory.StoredCertificate, error) {
	if config := c.Config(); !config.DataLocked() {
		return nil, errors.New("the data zone of this chip is not locked, and until then slots cannot be read")
	}
	var found []factory.StoredCertificate
	var err error
	if f.template != "" {
		found, err = f.ofDesign(ctx, c)
	} else {
		found, err = factory.StoredCertificates(ctx, c.Device)
	}
	if err != nil {
		return nil, err
	}
	var chosen []factory.StoredCertificate
	for _, s := range found {
		if f.name == "" || s.Name == f.name {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("the chip keeps no such certificate (in the slots 10 and 12 of the AWS kit's layout; for others name a --template and a --slot)")
	}
	return chosen, nil
}

// ofDesign reads the one certificate that the flags describe. What the template does not say stands in the 72 bytes.
func (f *certFlags) ofDesign(ctx context.Context, c *openChip) ([]factory.StoredCertificate, error) {
	sample, err := readCertificate(f.template)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkSlot(f.slot), checkSlot(f.key)); err != nil {
		return nil, err
	}
	b, err := c.ReadSlot(ctx, f.slot, atecc.CompressedSize)
	if err != nil {
		return nil, err
	}
	s := factory.StoredCertificate{Name: "slot " + fmt.Sprint(f.slot), Slot: f.slot, Compressed: atecc.Compressed(b)}
	if !s.Compressed.Plausible() {
		return nil, fmt.Errorf("slot %d holds no compressed certificate", f.slot)
	}
	names := map[string]atecc.NameOf{"none": atecc.NoName, "issuer": atecc.IssuerName, "subject": atecc.SubjectName}
	name, ok := names[f.signerID]
	if !ok {
		return nil, fmt.Errorf("--signer-id %q: want issuer, subject or none", f.signerID)
	}
	s.Template, err = atecc.NewTemplate(sample.Raw, atecc.TemplateConfig{
		ID: s.Compressed.TemplateID(), Chain: s.Compressed.ChainID(), SerialSource: s.Compressed.SerialSource(),
		SerialLength: f.serialLength, SignerID: name,
	})
	if err != nil {
		return nil, err
	}
	s.Fields.Chip = c.SerialNumber()
	s.Fields.IssuerKeyID = sample.AuthorityKeyId
	if f.issuer != "" {
		issuer, err := readCertificate(f.issuer)
		if err != nil {
			return nil, err
		}
		s.Fields.IssuerKeyID = issuer.SubjectKeyId
	}
	s.Fields.PublicKey, err = publicKeyIn(ctx, c, f.key)
	return []factory.StoredCertificate{s}, err
}

// publicKeyIn is the public half of a private key, or a stored public key.
func publicKeyIn(ctx context.Context, c *openChip, slot int) ([64]byte, error) {
	if config := c.Config(); !config.Key(slot).Private() {
		return c.ReadPublicKey(ctx, slot)
	}
	key, err := c.privateKey(ctx, slot)
	if err != nil {
		return [64]byte{}, err
	}
	return key.PublicPoint(), nil
}

func readCertificate(file string) (*x509.Certificate, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(b); block != nil {
		b = block.Bytes
	}
	cert, err := x509.ParseCertificate(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return cert, nil
}

// open parses the flags and opens the chip.
func (f *certFlags) openFor(ctx context.Context, args []string, stderr io.Writer, more int) (*openChip, []string, error) {
	arguments, err := f.parseChip(args, stderr, 1+more, 1+more)
	if err != nil {
		return nil, nil, err
	}
	c, err := f.open(ctx, arguments[0], noOptions)
	return c, arguments[1:], err
}

func certShow(ctx context.Context, f *certFlags, args []string, stdout, stderr io.Writer) error {
	c, _, err := f.openFor(ctx, args, stderr, 0)
	if err != nil {
		return err
	}
	defer c.close()
	stored, err := f.stored(ctx, c)
	if err != nil {
		return err
	}
	for i, s := range stored {
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		if err := showCertificate(stdout, &s); err != nil {
			return err
		}
	}
	return nil
}

func showCertificate(w io.Writer, s *factory.StoredCertificate) error {
	der, err := s.DER()
	if err != nil {
		return fmt.Errorf("%s certificate in slot %d: %w", s.Name, s.Slot, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("%s certificate in slot %d: %w", s.Name, s.Slot, err)
	}
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(w, "%s: %d bytes, rebuilt from the %d in slot %d\n", s.Name, len(der), atecc.CompressedSize, s.Slot)
	line("subject", "%s", cert.Subject)
	line("issuer", "%s", cert.Issuer)
	line("serial number", "%X (%s)", cert.SerialNumber, s.Compressed.SerialSource())
	line("valid", "%s to %s", cert.NotBefore.UTC().Format(time.DateTime), cert.NotAfter.UTC().Format(time.DateTime))
	line("public key", "%X…", s.Fields.PublicKey[:16])
	line("template", "%d of chain %d, signer id %04X", s.Compressed.TemplateID(), s.Compressed.ChainID(), s.Compressed.SignerID())
	return nil
}

func certRebuild(ctx context.Context, f *certFlags, args []string, stdout, stderr io.Writer) error {
	out := f.String("out", "", "`file` for the PEM (default standard output)")
	c, _, err := f.openFor(ctx, args, stderr, 0)
	if err != nil {
		return err
	}
	defer c.close()
	stored, err := f.stored(ctx, c)
	if err != nil {
		return err
	}
	var text []byte
	for _, s := range stored {
		der, err := s.DER()
		if err != nil {
			return fmt.Errorf("%s certificate in slot %d: %w", s.Name, s.Slot, err)
		}
		text = append(text, encodeCertificate(der)...)
	}
	return output(*out, stdout, text)
}

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func certDiff(ctx context.Context, f *certFlags, args []string, stdout, stderr io.Writer) error {
	f.wants = "CHIP FILE"
	c, rest, err := f.openFor(ctx, args, stderr, 1)
	if err != nil {
		return err
	}
	defer c.close()
	want, err := readCertificate(rest[0])
	if err != nil {
		return err
	}
	stored, err := f.stored(ctx, c)
	if err != nil {
		return err
	}
	s := stored[0]
	got, err := s.DER()
	if err != nil {
		return fmt.Errorf("%s certificate in slot %d: %w", s.Name, s.Slot, err)
	}
	diff := atecc.Diff(got, want.Raw)
	if len(diff) == 0 {
		fmt.Fprintf(stdout, "The %s certificate in the chip and %s are the same, all %d bytes.\n", s.Name, rest[0], len(got))
		return nil
	}
	for _, d := range diff {
		fmt.Fprintln(stdout, d.Element)
		fmt.Fprintf(stdout, "  chip  %s\n  file  %s\n", field(d.Element, d.Got), field(d.Element, d.Want))
	}
	return fmt.Errorf("the %s certificate in the chip and %s differ in %s", s.Name, rest[0], plural(len(diff), "field"))
}

// field prints dates and names as text, and all else in hexadecimal.
func field(name string, b []byte) string {
	switch {
	case len(b) == 0:
		return "(none)"
	case strings.HasPrefix(name, "not "):
		return string(b)
	case name == "issuer" || name == "subject":
		var rdn pkix.RDNSequence
		if rest, err := asn1.Unmarshal(b, &rdn); err == nil && len(rest) == 0 {
			return rdn.String()
		}
	}
	text := fmt.Sprintf("%X", b)
	if len(text) > 64 {
		text = text[:64] + "…"
	}
	return text
}

func chipCertify(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("certify", "")
	var names [3]string
	f.StringVar(&names[0], "root", "", "`name` of the kit of the root module: tcp:, serial:, hid: or exec:")
	f.StringVar(&names[1], "signer", "", "`name` of the kit of the signer module")
	f.StringVar(&names[2], "thing", "", "`name` of the kit of the thing")
	code := f.String("code", strings.Repeat("00", 32), "registration `code` of the cloud for the signer's verification certificate")
	host := f.String("host", "localhost", "`host` that the thing is to connect to")
	thing := f.String("thing-name", "thing", "what the thing is `called`")
	out := f.String("out", ".", "`directory` for root.pem, signer.pem, verification.pem and device.pem")
	if _, err := f.parseChip(args, stderr, 0, 0); err != nil {
		return err
	}
	var conns [3]*kit.Conn
	for i, name := range names {
		if name == "" {
			return errors.New("name all three kits, with --root, --signer and --thing")
		}
		conn, err := kit.Open(ctx, name)
		if err != nil {
			return err
		}
		defer conn.Close()
		conns[i] = conn
	}
	return certify(ctx, &factory.Bench{Root: conns[0], Signer: conns[1], Thing: conns[2]}, *code, *host, *thing, *out, stdout)
}

// certify runs the flows of the bench that need no cloud.
func certify(ctx context.Context, b *factory.Bench, code, host, thing, dir string, stdout io.Writer) error {
	parts, err := b.Parts(ctx)
	if err != nil {
		return err
	}
	for _, p := range parts {
		fmt.Fprintf(stdout, "  %-7s %s, firmware %d.%d.%d\n", p.Role, p.Name, p.Firmware[0], p.Firmware[1], p.Firmware[2])
	}
	root, err := b.RootCertificate(ctx)
	if err != nil {
		return fmt.Errorf("root's certificate: %w", err)
	}
	signed, err := b.CertifySigner(ctx, code)
	if err != nil {
		return err
	}
	device, err := b.PrepareThing(ctx, host, thing)
	if err != nil {
		return err
	}
	where, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer where.Close()
	for _, file := range []struct {
		name string
		text []byte
	}{{"root.pem", root}, {"signer.pem", signed.Certificate}, {"verification.pem", signed.Verification}, {"device.pem", device}} {
		if err := where.WriteFile(file.name, file.text, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintln(stdout, "The root has certified the signer, and the signer the thing. The chips keep their certificates; copies are in")
	fmt.Fprintf(stdout, "root.pem, signer.pem, verification.pem and device.pem in %s\n", dir)
	return nil
}
