package atecc_test

import (
	"slices"
	"testing"

	"github.com/thingward/thingward/atecc"
)

// quiet is a configuration that nothing can be said against: one key that signs, everything else closed.
func quiet() atecc.Config {
	c := atecc.Factory508A()
	for slot := range atecc.SlotCount {
		c.SetSlot(slot, 0x8080) // secret, never written
		c.SetKey(slot, 0x001C)
	}
	c.SetSlot(0, 0x0081)
	c.SetKey(0, 0x0013)
	c[86], c[87] = 0, 0
	return c
}

func TestLint(t *testing.T) {
	type config = atecc.Config
	set := func(slot int, s atecc.SlotConfig, k atecc.KeyConfig) func(*config) {
		return func(c *config) { c.SetSlot(slot, s); c.SetKey(slot, k) }
	}
	f := func(change func(*config), want ...string) {
		t.Helper()
		c := quiet()
		change(&c)
		var got []string
		for _, finding := range c.Lint() {
			got = append(got, finding.Severity.String()+" "+finding.Rule)
			if finding.Text == "" || finding.Advice == "" {
				t.Errorf("%s without words", finding.Rule)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	model608 := func(c *config) { c[6], c[7], c[18] = 0x60, 0x02, 0 }
	and := func(changes ...func(*config)) func(*config) {
		return func(c *config) {
			for _, change := range changes {
				change(c)
			}
		}
	}
	at := func(offset int, v byte) func(*config) { return func(c *config) { c[offset] = v } }

	f(func(*config) {})

	// The chip.
	f(at(86, 0x55), "warning data-unlocked")
	f(and(at(86, 0x55), at(87, 0x55)), "warning config-unlocked")
	f(at(16, 0x00), "mistake i2c-address")
	f(at(16, 0xF0), "mistake i2c-address")
	f(at(16, 0x10))
	f(and(at(14, 0), at(16, 0)), "warning single-wire")
	f(at(18, 0x00), "mistake otp-mode")
	f(at(18, 0xAA))
	f(and(model608, at(18, 0x81), set(8, 0x0000, 0x001C)), "warning count-match")
	f(and(model608, at(18, 0x81)))
	f(and(model608, at(90, 0x02), at(91, 0x60), set(6, 0x8000, 0x001C)), "mistake readable-secret")
	f(and(model608, at(90, 0x02), at(91, 0x60)))
	f(and(at(87, 0x55), at(86, 0x55), at(88, 0xFD)), "warning config-unlocked", "mistake locked-empty")

	// Private keys.
	f(set(0, 0x0001, 0x0013), "mistake private-readable")
	f(set(0, 0x00C1, 0x0013), "mistake private-readable")
	f(set(0, 0x0081, 0x001F), "mistake private-type")
	f(set(0, 0x0081, 0x0011), "warning no-pub-info")
	f(set(0, 0x0080, 0x0013), "warning useless-key")
	f(set(0, 0x0083, 0x0013), "warning external-and-internal")
	f(set(0, 0x0085, 0x0013), "note two-purposes", "note secret-goes-out")
	f(set(0, 0x008C, 0x0013)) // ECDH to slot 1, which is secret
	f(and(set(0, 0x008C, 0x0013), set(1, 0x8000, 0x001C)), "mistake readable-secret")
	f(and(set(0, 0x008C, 0x0013), set(1, 0x0082, 0x0013)), "mistake ecdh-result")
	f(set(1, 0x008C, 0x0013), "mistake ecdh-result")
	f(set(0, 0x2081, 0x0013), "warning replaceable-key")
	f(set(0, 0x2081, 0x0033), "note replaceable-key")
	f(and(set(0, 0x2081, 0x0033), at(88, 0xFE))) // locked: nothing can replace it any more
	f(set(0, 0x2084, 0x0013), "note replaceable-key", "note secret-goes-out")
	f(set(0, 0x4481, 0x0013), "warning replaceable-key")
	f(set(0, 0x6481, 0x0013), "warning replaceable-key")
	f(and(set(0, 0x4481, 0x0013), set(4, 0x8000, 0x001C)), "warning replaceable-key", "mistake readable-secret")

	// Public keys.
	f(set(11, 0x8000, 0x0010))
	f(set(5, 0x8000, 0x0010), "mistake public-key-size")
	f(set(11, 0x0000, 0x0010), "warning open-public-key")
	f(and(set(11, 0x0000, 0x0030), at(89, 0xF7)))
	f(set(11, 0x800E, 0x0012), "mistake no-parent")
	f(and(set(11, 0x800E, 0x0012), set(14, 0x8000, 0x0010)))
	f(set(11, 0x1000, 0x0010), "warning never-validated")

	// Symmetric keys and data.
	f(set(5, 0x8080, 0x0000), "mistake key-type")
	f(set(5, 0x8080, 0x0018), "mistake key-type") // no AES in a 508A
	f(and(model608, at(13, 1), set(5, 0x8080, 0x0018)))
	f(and(model608, at(13, 0), set(5, 0x8080, 0x0018)), "mistake aes-disabled")
	f(and(model608, at(13, 1), set(5, 0x8000, 0x0018)), "mistake readable-secret")
	f(set(5, 0x8044, 0x001C), "mistake encrypted-not-secret")
	f(set(5, 0x0080, 0x001C), "warning open-secret")
	f(and(set(5, 0x0080, 0x003C), at(88, 0xDF)))
	f(set(5, 0x2000, 0x001C), "warning derived-readable")
	f(set(5, 0x80B0, 0x001C), "note limited-no-mac")

	// Keys that guard others.
	f(set(5, 0x44C4, 0x001C))
	f(set(5, 0x40C0, 0x001C), "mistake no-guard", "mistake no-guard") // slot 0 holds a private key
	f(and(set(5, 0x44C4, 0x001C), set(4, 0x8000, 0x001C)), "mistake readable-secret", "mistake readable-secret")
	f(and(set(5, 0x84C4, 0x001C), set(4, 0x0080, 0x001C)), "mistake open-guard", "warning open-secret")
	f(and(set(5, 0x84C4, 0x001C), set(4, 0x0080, 0x003C)), "warning open-guard", "warning open-secret")
	f(set(0, 0x0081, 0x0493))
	f(and(set(0, 0x0081, 0x0493), set(4, 0x8000, 0x001C)), "mistake readable-secret")
}

// The configurations that come with the package hold no mistakes.
func TestLintNamedConfigurations(t *testing.T) {
	for name, c := range map[string]atecc.Config{
		"factory 508A": atecc.Factory508A(), "factory 608A": atecc.Factory608A(), "AWS kit": atecc.AWSKit(), "trust-like": atecc.TrustLike(),
	} {
		for _, finding := range c.Lint() {
			if finding.Severity == atecc.Mistake {
				t.Errorf("%s: %s", name, finding)
			}
		}
	}
}

func TestLintOrder(t *testing.T) {
	c := atecc.AWSKit()
	findings := c.Lint()
	if !slices.IsSortedFunc(findings, func(a, b atecc.Finding) int { return int(b.Severity - a.Severity) }) {
		t.Errorf("not the worst first: %v", findings)
	}
	if got, want := findings[0].String(), "warning: chip: the configuration is not locked: keys cannot be made, and Random answers a fixed pattern; lock the configuration once it is right"; got != want {
		t.Errorf("got %s", got)
	}
}
