package factory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
	"github.com/thingward/thingward/atecc/kit"
)

const code = "66fb4d8ef9ccd0cd2d3dc8107199380d470b7c32250bb0b93922c7efbef074ae"

func newChip(t testing.TB) *ateccsim.Chip {
	t.Helper()
	chip, err := ateccsim.New(ateccsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return chip
}

// connect serves a board at the other end of a pipe.
func connect(t testing.TB, b *kit.Board) *kit.Conn {
	t.Helper()
	host, board := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer board.Close()
		b.Serve(context.Background(), board)
	}()
	conn := kit.NewConn(host)
	t.Cleanup(func() { conn.Close(); <-done })
	return conn
}

// newBench is a bench with three new modules and no cloud.
func newBench(t testing.TB) (*Bench, *Thing) {
	t.Helper()
	root, err := NewRoot(t.Context(), newChip(t))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := NewSigner(t.Context(), newChip(t))
	if err != nil {
		t.Fatal(err)
	}
	thing, err := NewThing(t.Context(), newChip(t))
	if err != nil {
		t.Fatal(err)
	}
	return &Bench{Root: connect(t, root.Board), Signer: connect(t, signer.Board), Thing: connect(t, thing.Board)}, thing
}

func parse(t testing.TB, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("no PEM: %q", text)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// The bench makes a chain that crypto/x509 and openssl accept, and a verification certificate for the cloud.
func TestBench(t *testing.T) {
	b, thing := newBench(t)
	signed, err := b.CertifySigner(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	devicePEM, err := b.CertifyThing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Configure(t.Context(), "localhost", "pump-1", "lab", "secret99"); err != nil {
		t.Fatal(err)
	}
	rootPEM, err := b.RootCertificate(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	root, signer, device := parse(t, rootPEM), parse(t, signed.Certificate), parse(t, devicePEM)
	roots, middle := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(root)
	middle.AddCert(signer)
	if _, err := device.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middle, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Error(err)
	}
	verification := parse(t, signed.Verification)
	if err := verification.CheckSignatureFrom(signer); err != nil || verification.Subject.CommonName != code {
		t.Errorf("verification certificate: CN %s, %v", verification.Subject.CommonName, err)
	}
	if !signer.IsCA || device.IsCA || verification.IsCA {
		t.Error("only the signer is an authority")
	}

	id, err := thing.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if id.Host != "localhost" || id.ThingName != "pump-1" {
		t.Errorf("host %q, thing %q", id.Host, id.ThingName)
	}
	if !bytes.Equal(id.Chain[0], device.Raw) || !bytes.Equal(id.Chain[1], signer.Raw) {
		t.Error("the chain in the chip is not the one that was issued")
	}

	dir := t.TempDir()
	for name, text := range map[string][]byte{"root": rootPEM, "signer": signed.Certificate, "device": devicePEM} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("openssl", "verify", "-CAfile", "root", "-untrusted", "signer", "device")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "device: OK\n" {
		t.Errorf("openssl verify: %v\n%s", err, out)
	}
}

// The recorded sessions of the training log give these digests for these keys: the certificates come out to the byte.
func TestDigestsOfTheLog(t *testing.T) {
	f := func(tmpl *atecc.Template, public, issuer, want string) {
		t.Helper()
		date := issueDate(t0)
		tbs, err := tmpl.TBS(atecc.Fields{PublicKey: point(public), IssuerKey: point(issuer), NotBefore: date})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(tbs)); got != want {
			t.Errorf("digest %s, want %s", got, want)
		}
	}
	f(signerTemplate,
		"83ba59d8c8a5965dba9368e43b7d03059577d8e92692f93091dcac4ec5f36e7cc2d910329120d4da4795867967f65cbffd9a9e07ebbb96252cbafe497b698ecb",
		"dbf312becf35de36d2626273125918deb1de902fd3ee3eb1061ea74a0772d79cc97d37ba6a82caeed7a21ee5ac8ef540909b687fa610ce7990d728589ae55d06",
		"441a2c929f499c12038da357dbe4b6a78fdf218526027518fc23fae4c72d3e61")
	f(deviceTemplate,
		"d385e1204937ccdd1d3be315d0d0bcdc8b28268a16e6100b8ba80501699a79b3375c9fb55ab10979f9e409ca043fd222751e09fcb8f25726ae1dc887dce3a20d",
		"30cf488cc751c413a61a43b4ad2b8aa744c7a394cbd55e7bd53c17b02c2f843300e91433b77c8e4e0e94f3a77609132f44aa59c44ca97e6a0829f5e3331fb27a",
		"be375253da226f4666d64ab7dcb54d9acada3dfa4cd013b279042f5d9d48e1e1")
}

func point(s string) [64]byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return [64]byte(b)
}

// What the modules refuse, and with which status.
func TestRefusals(t *testing.T) {
	b, thing := newBench(t)
	f := func(c *kit.Conn, request string, want kit.Status) {
		t.Helper()
		if _, err := c.Do(request); !errors.Is(err, want) {
			t.Errorf("%.60s: got %v, want %v", request, err, want)
		}
	}
	zero32, zero64 := strings.Repeat("00", 32), strings.Repeat("00", 64)
	for _, c := range []*kit.Conn{b.Root, b.Signer, b.Thing} {
		f(c, "aws:p()", kit.InvalidParameter)
		f(c, "aws:p(01)", kit.InvalidParameter)
		f(c, "aws:p(03,00)", kit.InvalidParameter)
		f(c, "aws:g(07,00)", kit.InvalidParameter)
		f(c, "aws:si(03,00)", kit.InvalidParameter)
		f(c, "aws:zz()", kit.UnknownCommand)
	}
	f(b.Root, "aws:si(00,"+zero32+")", kit.InvalidParameter)
	f(b.Root, "aws:i("+zero64+")", kit.UnknownCommand)
	f(b.Signer, "aws:i("+zero32+","+zero64+")", kit.InvalidParameter) // not a point of the curve
	f(b.Signer, "aws:ss(01,"+zero64+")", kit.InvalidParameter)        // nothing is pending
	f(b.Thing, "aws:i("+zero64+")", kit.InvalidParameter)
	f(b.Thing, "aws:ss(03,"+zero64+")", kit.InvalidParameter)
	f(b.Thing, "aws:sc(01,no certificate)", kit.InvalidParameter)
	f(b.Thing, "aws:sc(03,x)", kit.InvalidParameter)
	f(b.Thing, "aws:sw("+hexText("lab")+","+strings.Repeat("61", 63)+")", kit.InvalidParameter)

	// A signature of somebody else is not stored.
	root, err := b.Root.Do("aws:p(03)")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Signer.Do(fmt.Sprintf("aws:i(%s,%X)", code, root.Data)); err != nil {
		t.Fatal(err)
	}
	wrong, err := b.Root.Do("aws:si(03," + zero32 + ")")
	if err != nil {
		t.Fatal(err)
	}
	f(b.Signer, fmt.Sprintf("aws:ss(01,%X)", wrong.Data), kit.InvalidParameter)
	f(b.Signer, "aws:g(01,00)", kit.DeviceFailed)
	if _, err := thing.Identity(t.Context()); err == nil {
		t.Error("a thing without certificate has an identity")
	}
}

// A module that is opened again has its key and certificates: they are in the chip.
func TestModulesKeepWhatTheyHave(t *testing.T) {
	chip := newChip(t)
	first, err := NewRoot(t.Context(), chip)
	if err != nil {
		t.Fatal(err)
	}
	want, err := first.certificate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := NewRoot(t.Context(), chip)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := second.certificate(t.Context()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("another certificate after opening the chip again: %v", err)
	}
}

// The user data of the kit's second recorded session.
func TestUserDataLayout(t *testing.T) {
	var u userData
	for field, value := range map[*userField]string{
		&fieldSSID: "lab", &fieldPSK: "secret99",
		&fieldHost: "a3adakhi3icyv9.iot.us-west-2.amazonaws.com", &fieldThingName: "OscarIoT",
	} {
		if err := u.set(*field, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	want := "030000006c61620000000000000000000000000000000000000000000000000000000000" +
		"080000007365637265743939000000000000000000000000000000000000000000000000" +
		"2a00000061336164616b68693369637976392e696f742e75732d776573742d322e616d617a6f6e6177732e636f6d00000000000000000000000000000000000000000000" +
		"080000004f73636172496f54000000000000000000000000000000000000000000000000"
	if got := hex.EncodeToString(u[:176]); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}
