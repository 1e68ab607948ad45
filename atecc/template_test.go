package atecc

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestEncodedDates(t *testing.T) {
	f, err := os.Open("testdata/compressed.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	section := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		field := strings.Fields(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case len(field) != 3:
			section = line
			continue
		}
		date, err := time.Parse(time.RFC3339, field[0])
		if err != nil {
			t.Fatal(err)
		}
		years, err := strconv.Atoi(field[1])
		if err != nil {
			t.Fatal(err)
		}
		got, err := encodeDates(date, years)
		if section == "bad dates" {
			if err == nil || !strings.Contains(err.Error(), field[2]) {
				t.Errorf("%s: got error %v, want one with %q", line, err, field[2])
			}
			continue
		}
		if err != nil || hex.EncodeToString(got[:]) != field[2] {
			t.Errorf("%s: got %x, %v", line, got, err)
		}
		if back, n, err := decodeDates(got); err != nil || !back.Equal(date) || n != years {
			t.Errorf("%s: comes back as %s %d, %v", line, back, n, err)
		}
	}
}

// The kit's two designs; see the table in the package documentation of the modules that use them.
var (
	signerConfig = TemplateConfig{ID: 1, SerialSource: SerialPublicKeyHash, SerialLength: 16, SignerID: SubjectName}
	deviceConfig = TemplateConfig{ID: 2, SerialSource: SerialPublicKeyHash, SerialLength: 16, SignerID: IssuerName}
)

func readCertificate(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/certificates/" + name + ".pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	return block.Bytes
}

func newTemplate(t testing.TB, name string, cfg TemplateConfig) *Template {
	t.Helper()
	tmpl, err := NewTemplate(readCertificate(t, name), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func publicKeyOf(t testing.TB, name string) [64]byte {
	t.Helper()
	p, err := parseCertificate(readCertificate(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return [64]byte(p.publicKey.of(readCertificate(t, name)))
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// The offsets that the vendor's own definitions of the kit's certificates give.
func TestTemplateFindsElements(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		p, err := parseCertificate(readCertificate(t, name))
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(p.tbs.offset, p.tbs.length, p.serial.offset, p.notBefore.offset, p.notAfter.offset,
			p.publicKey.offset, p.subjectKeyID.offset, p.authorityKeyID.offset)
		if got != want {
			t.Errorf("%s: elements at %s, want %s", name, got, want)
		}
	}
	f("signer1", "4 411 15 117 132 247 362 395")
	f("device2", "4 343 15 121 136 246 0 327")
}

func TestCompressedCertificates(t *testing.T) {
	root1 := [64]byte(unhex("dbf312becf35de36d2626273125918deb1de902fd3ee3eb1061ea74a0772d79cc97d37ba6a82caeed7a21ee5ac8ef540909b687fa610ce7990d728589ae55d06"))
	root2 := [64]byte(unhex("b601e491231b0043a6b68d9d96e80704649c857c7d00c7c4978ee6531ad1cc2838dbed3c9f9d9adcbfe442c75edfb858f06b2694ce22c84826b7a01d6c6ea9e0"))
	f := func(name, template string, cfg TemplateConfig, issuer [64]byte, want string) {
		t.Helper()
		der := readCertificate(t, name)
		tmpl := newTemplate(t, template, cfg)
		c, err := tmpl.CompressCertificate(der, Fields{IssuerKey: issuer})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := hex.EncodeToString(c[:]); got != want {
			t.Errorf("%s compresses to\n%s, want\n%s", name, got, want)
		}
		back, err := tmpl.Expand(c, Fields{PublicKey: publicKeyOf(t, name), IssuerKey: issuer})
		if err != nil || !bytes.Equal(back, der) {
			t.Errorf("%s comes back different: %v\n%v", name, err, Diff(back, der))
		}
	}
	f("signer1", "signer2", signerConfig, root1,
		"524b7fdd3ba837bdfba5cd38130ec55eec6b9f39dd93657747b09bd6dfee8b9944798543ff912eb12a72f915cd23df973ec7d5a71076cad9a67d2089097538b283ce80000010a000")
	f("signer2", "signer1", signerConfig, root2,
		"32c83e1540e410bce8e6cb7ea578aeebe64f686b375fbc8481bbce57107a662fad9b2dd3fd0d5ff712c68fdf38dc9289bbfda5aca314aa81a850042d2ced9a8883ce80000010a000")
	f("device2", "device2", deviceConfig, publicKeyOf(t, "signer2"),
		"0dd7eba62903827441a029dbca1c03baafb330826b5d76ce82f9ed0d332fec789fe9c3aa7f7f14735c2ccd8776806bfc3ee2dccfe400b79dec0d5472398d47c183ce80000020a000")
}

// The verification certificate is not kept compressed, but its signed part comes from a template too.
func TestVerificationTBS(t *testing.T) {
	cfg := TemplateConfig{ID: 3, SerialSource: SerialPublicKeyHash, SerialLength: 16, SignerID: IssuerName}
	tmpl := newTemplate(t, "verification1", cfg)
	signer := publicKeyOf(t, "signer1")
	tbs, err := tmpl.TBS(Fields{
		PublicKey: signer, IssuerKey: signer, NotBefore: time.Date(2016, 7, 19, 20, 0, 0, 0, time.UTC),
		CommonName: "66fb4d8ef9ccd0cd2d3dc8107199380d470b7c32250bb0b93922c7efbef074ae",
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = "19934bbc249f68210de47e762be6f3e0e844af3775e6966b15aef6632f59cebf"
	if got := fmt.Sprintf("%x", sha256.Sum256(tbs)); got != want {
		t.Errorf("hash of the signed part %s, want %s", got, want)
	}
}

func TestSerialSources(t *testing.T) {
	f := Fields{
		PublicKey: publicKeyOf(t, "signer1"), NotBefore: time.Date(2016, 7, 19, 20, 0, 0, 0, time.UTC), SignerID: 0xBAF3,
		Chip: SerialNumber(unhex("012315033785f0a2ee")), SerialNumber: unhex("00112233"),
	}
	check := func(source SerialSource, length int, want string) {
		t.Helper()
		tmpl := &Template{serialSource: source, parts: certificateParts{serial: span{0, length}}}
		got, err := tmpl.serial(f, [3]byte(unhex("83ce80")))
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("source %X: got %x, %v, want %s", byte(source), got, err, want)
		}
	}
	check(SerialStored, 4, "00112233")
	check(SerialChip, 10, "40012315033785f0a2ee")
	check(SerialSigner, 3, "40baf3")
	check(SerialPublicKeyHash, 16, "517fdd83138b2688c14bdfc51c05c6cb")
	check(SerialChipHash, 16, "60c1812a1cd3dfb0a5cab84bb7a5143d")
	check(SerialPublicKeyHash63, 16, "117fdd83138b2688c14bdfc51c05c6cb")
	check(SerialChipHash63, 16, "60c1812a1cd3dfb0a5cab84bb7a5143d")
	check(SerialPublicKeyRaw, 16, "917fdd83138b2688c14bdfc51c05c6cb")
	check(SerialChipRaw, 16, "60c1812a1cd3dfb0a5cab84bb7a5143d")

	tmpl := &Template{serialSource: SerialChip, parts: certificateParts{serial: span{0, 9}}}
	if _, err := tmpl.serial(f, [3]byte{}); !errors.Is(err, errSerialSize) {
		t.Errorf("10 bytes for a field of 9: got %v", err)
	}
}

// A certificate of another design is refused before anything is stored, and the element is named.
func TestMismatchNamesElement(t *testing.T) {
	signer := publicKeyOf(t, "signer2")
	tmpl := newTemplate(t, "device2", deviceConfig)
	f := func(change func(der []byte, p certificateParts), want string) {
		t.Helper()
		der := readCertificate(t, "device2")
		p, err := parseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		change(der, p)
		_, err = tmpl.CompressCertificate(der, Fields{IssuerKey: signer})
		mismatch, ok := errors.AsType[*MismatchError](err)
		if !ok || len(mismatch.Differences) != 1 || mismatch.Differences[0].Element != want {
			t.Errorf("got %v, want a mismatch of %q only", err, want)
		}
	}
	f(func(der []byte, p certificateParts) { der[p.serial.offset+5] ^= 1 }, "serial number")
	f(func(der []byte, p certificateParts) { der[p.issuerCN.offset] ^= 1 }, "issuer")
	f(func(der []byte, p certificateParts) { der[p.notAfter.offset] = '8' }, "not after")
	f(func(der []byte, p certificateParts) { der[p.authorityKeyID.offset] ^= 1 }, "extension authorityKeyIdentifier")
}

func TestCompressedOfAnotherTemplate(t *testing.T) {
	f := func(i int, v byte, want string) {
		t.Helper()
		c := Compressed(unhex("0dd7eba62903827441a029dbca1c03baafb330826b5d76ce82f9ed0d332fec789fe9c3aa7f7f14735c2ccd8776806bfc3ee2dccfe400b79dec0d5472398d47c183ce80000020a000"))
		c[i] = v
		_, err := newTemplate(t, "device2", deviceConfig).Expand(c, Fields{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("byte %d = %02X: got %v, want an error with %q", i, v, err, want)
		}
	}
	f(69, 0x10, "template 1 of chain 0")
	f(70, 0xB0, "serial number")
	f(70, 0xA1, "version 1")
	f(64, 0xFF, "no date")
}

func FuzzParseCertificate(f *testing.F) {
	for _, name := range []string{"signer1", "verification1", "device2"} {
		f.Add(readCertificate(f, name))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		p, err := parseCertificate(der)
		if err != nil {
			return
		}
		for _, s := range []span{p.tbs, p.serial, p.issuerCN, p.subjectCN, p.notBefore, p.notAfter, p.publicKey, p.subjectKeyID, p.authorityKeyID, p.signature} {
			s.of(der)
		}
		if tmpl, err := NewTemplate(der, deviceConfig); err == nil {
			if c, err := tmpl.CompressCertificate(der, Fields{}); err == nil {
				if _, err := tmpl.Expand(c, Fields{PublicKey: [64]byte(p.publicKey.of(der))}); err != nil {
					t.Errorf("compressed, but does not come back: %v", err)
				}
			}
		}
	})
}
