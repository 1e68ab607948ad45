package atecc

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestLintAWSKit(t *testing.T) {
	config := AWSKit()
	var got []string
	for _, f := range config.Lint() {
		got = append(got, f.String())
	}
	want := []string{
		"slot 0: GenKey can replace the private key until the slot is locked",
		"slot 0: signs external digests too: who has the chip can forge the messages that an internal Sign vouches for",
		"slot 2: GenKey can replace the private key for ever, as the slot is not lockable",
		"slot 2: signs external digests too: who has the chip can forge the messages that an internal Sign vouches for",
		"slot 3: GenKey can replace the private key for ever, as the slot is not lockable",
		"slot 3: signs external digests too: who has the chip can forge the messages that an internal Sign vouches for",
		"slot 4: the key that slots [1 5 9] rely on can be overwritten by anybody until the slot is locked",
		"slot 6: the key that slots [5] rely on can be overwritten by anybody until the slot is locked",
		"slot 7: GenKey can replace the private key until the slot is locked",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestLint changes one slot of a configuration without findings.
func TestLint(t *testing.T) {
	f := func(slot int, s SlotConfig, k KeyConfig, want ...string) {
		t.Helper()
		c := quiet()
		if found := c.Lint(); len(found) != 0 {
			t.Fatalf("the quiet configuration has %v", found)
		}
		c.SetSlot(slot, s)
		c.SetKey(slot, k)
		var got []string
		for _, f := range c.Lint() {
			got = append(got, fmt.Sprintf("%d: %s", f.Slot, f.Text))
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(0, 0x0081, 0x0013)
	f(0, 0x0080, 0x0013, "0: the private key may neither sign nor do ECDH")
	f(0, 0x0081, 0x0011, "0: the public key can be read only once, from the answer to GenKey")
	f(0, 0x0081, 0x001F, "0: private, but its KeyType is SHA key or data: no command will use it")
	f(0, 0x2081, 0x0033, "0: GenKey can replace the private key until the slot is locked")
	f(0, 0x2081, 0x0013, "0: GenKey can replace the private key for ever, as the slot is not lockable")
	f(0, 0x4481, 0x0033, "0: PrivWrite can replace the private key until the slot is locked")
	f(0, 0x008C, 0x0013, "0: the ECDH secret goes to slot 1, which is readable")
	f(1, 0x008C, 0x0013, "1: ECDH has no slot for its secret: only even slots have one")
	f(9, 0x0080, 0x0010, "9: the public key is secret: nobody can read it")
	f(1, 0x0000, 0x0010, "1: too small for a public key")
	f(9, 0x0005, 0x0012, "9: must be validated by slot 5, which holds no public key")
	f(9, 0x1000, 0x0010, "9: WriteConfig PubInvalid does nothing without PubInfo: it is writable always")
	f(9, 0x0044, 0x001C, "9: encrypted reads without IsSecret")
	f(9, 0x0080, 0x0018, "9: an ATECC508A has no AES keys")
	f(9, 0x0000, 0x0018, "9: an ATECC508A has no AES keys", "9: the AES key is readable")
	f(9, 0x00C0, 0x001C, "9: the key for encrypted reads, in slot 0, is private and not a symmetric one")
	f(9, 0x4200, 0x001C, "2: the key that slots [9] rely on is readable", "2: the key that slots [9] rely on can be overwritten by anybody, for ever")
	f(9, 0x0000, 0x0A9C, "9: the key for its authorisation, in slot 10, is a public one")
}

// quiet is a configuration without findings: slot 0 private, slot 4 a fixed secret, slot 10 a public key.
func quiet() Config {
	c := Factory508A()
	for n := range SlotCount {
		c.SetSlot(n, 0x0000)
		c.SetKey(n, 0x001C)
	}
	c.SetSlot(0, 0x0081)
	c.SetKey(0, 0x0013)
	c.SetSlot(4, 0x8080)
	c.SetKey(10, 0x0010)
	return c
}
