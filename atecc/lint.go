package atecc

import (
	"cmp"
	"fmt"
	"slices"
)

// A Severity ranks findings.
type Severity int

const (
	// Note: as it must be for some designs; make sure that yours is one.
	Note Severity = iota
	// Warning: wrong for most designs.
	Warning
	// Mistake: wrong for every design we can think of. Do not lock it.
	Mistake
)

func (s Severity) String() string { return [...]string{"note", "warning", "mistake"}[s] }

// WholeChip is the Slot of a finding that is not about one slot.
const WholeChip = -1

// A Finding is something about a configuration that its owner should know before it is locked.
type Finding struct {
	Severity Severity
	Slot     int    // or WholeChip
	Rule     string // its name, for programs: "readable-secret"
	Text     string // what is the case, and what follows
	Advice   string // what to do
}

func (f Finding) String() string {
	where := "chip"
	if f.Slot != WholeChip {
		where = fmt.Sprintf("slot %d", f.Slot)
	}
	return fmt.Sprintf("%s: %s: %s; %s", f.Severity, where, f.Text, f.Advice)
}

// Lint looks for mistakes in a configuration: what would be locked for ever and should not be. The worst findings come
// first.
func (c *Config) Lint() []Finding {
	l := linter{Config: c}
	l.model, _ = c.Model()
	l.chip()
	for slot := range SlotCount {
		l.slot = slot
		switch {
		case c.Key(slot).Private():
			l.privateKey()
		case c.Key(slot).PublicKey():
			l.publicKey()
		default:
			l.secretOrData()
		}
		l.common()
	}
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Slot, b.Slot))
	})
	return l.findings
}

type linter struct {
	*Config
	model    Model
	slot     int
	findings []Finding
}

func (l *linter) add(on bool, s Severity, rule, text, advice string) {
	if on {
		l.findings = append(l.findings, Finding{s, l.slot, rule, text, advice})
	}
}

// chip checks what is not about one slot.
func (l *linter) chip() {
	l.slot = WholeChip
	l.add(!l.ConfigLocked(), Warning, "config-unlocked",
		"the configuration is not locked: keys cannot be made, and Random answers a fixed pattern", "lock the configuration once it is right")
	l.add(l.ConfigLocked() && !l.DataLocked(), Warning, "data-unlocked",
		"the data zone is not locked: the access rules of the slots are not applied", "write the slots, then lock the data zone")
	bus := l.I2CAddress() >> 1
	l.add(l.Config[14]&1 == 1 && (bus < 0x08 || bus > 0x77), Mistake, "i2c-address",
		fmt.Sprintf("the I2C address %02X (7 bits: %02X) is reserved on the bus: the chip could not be reached", l.I2CAddress(), bus),
		"choose one from 10 to EE, such as C0")
	l.add(l.Config[14]&1 == 0, Warning, "single-wire", "the part speaks the single-wire protocol, not I2C", "make sure that the board does too")
	switch l.model {
	case ATECC508A:
		mode := l.OTPMode()
		l.add(mode != OTPReadOnly && mode != OTPConsumption, Mistake, "otp-mode",
			fmt.Sprintf("OTP mode %02X has no meaning", byte(mode)), "AA makes OTP read-only, 55 lets writes clear bits")
	case ATECC608A:
		slot, on := l.CountMatch()
		l.add(on && l.Slot(slot).WriteMode() == WriteAlways && !l.SlotLocked(slot), Warning, "count-match",
			fmt.Sprintf("anybody can raise the limit of counter 0: it stands in slot %d, which can be written", slot), "let its WriteConfig be Never or Encrypt")
		l.ioProtection()
	}
}

func (l *linter) ioProtection() {
	if !l.ChipOptions().IOProtection() {
		return
	}
	key := l.ChipOptions().IOProtectionKey()
	l.slot = key
	l.add(!l.keepsSecret(key), Mistake, "readable-secret", "the IO protection key can be read", "set IsSecret")
	l.slot = WholeChip
}

// keepsSecret: the contents of a slot cannot be read in the clear.
func (l *linter) keepsSecret(slot int) bool {
	return l.Key(slot).Private() || l.Slot(slot).IsSecret()
}

// guarded: not everybody can put another value into a slot.
func (l *linter) guarded(slot int) bool {
	return l.SlotLocked(slot) || l.Slot(slot).WriteMode() != WriteAlways
}

// privateKey checks a slot with a private key.
func (l *linter) privateKey() {
	key, s := l.Key(l.slot), l.Slot(l.slot)
	l.add(!s.IsSecret() || s.EncryptRead(), Mistake, "private-readable",
		"a private key without IsSecret, or with EncryptRead: the data sheet forbids it", "set IsSecret and clear EncryptRead")
	l.add(key.KeyType() != KeyTypeP256, Mistake, "private-type",
		fmt.Sprintf("a private key of type %d", key.KeyType()), "the chip's only private keys are of type 4, P-256")
	l.add(!key.PubInfo(), Warning, "no-pub-info",
		"the public key can never be asked again: it is known only from the answer of the GenKey that makes it", "set PubInfo, or keep that answer")
	l.add(!s.ExternalSign() && !s.InternalSign() && !s.ECDH(), Warning, "useless-key",
		"the key may neither sign nor agree on secrets", "set one of the bits 0 to 2 of ReadKey")
	l.add(s.ExternalSign() && s.InternalSign(), Warning, "external-and-internal",
		"the key signs what the chip vouches for, and any digest as well: with the latter one can forge the former",
		"clear bit 0 of ReadKey for a key that vouches, bit 1 for one that signs certificates")
	l.add(s.ExternalSign() && s.ECDH(), Note, "two-purposes",
		"one key signs and agrees on secrets", "use two keys, unless an old protocol wants one")
	l.add(s.ECDH() && !s.ECDHToSlot(), Note, "secret-goes-out",
		"ECDH sends the shared secret over the bus in the clear", "set bit 3 of ReadKey to keep it in the next slot, if the host can fetch it encrypted")
	if s.ECDH() && s.ECDHToSlot() {
		result := l.slot | 1
		l.add(result == l.slot || l.Key(result).Private(), Mistake, "ecdh-result",
			fmt.Sprintf("there is no slot for the secret of ECDH: slot %d is one of private keys", result), "use an even slot and leave the next one to the secret")
		l.add(!l.Key(result).Private() && !l.keepsSecret(result), Mistake, "readable-secret",
			fmt.Sprintf("the secret of ECDH goes to slot %d, which can be read", result), fmt.Sprintf("set IsSecret of slot %d", result))
	}
	l.replaceable(key, s)
}

// replaceable: an identity must not change under its certificate.
func (l *linter) replaceable(key KeyConfig, s SlotConfig) {
	if l.SlotLocked(l.slot) || !s.GenKey() && !s.PrivWrite() {
		return
	}
	advice := "an identity needs a slot without GenKey and PrivWrite, or a Lockable one; a key made anew for each connection does not"
	if key.Lockable() {
		advice = "lock the slot of an identity once it has its key; a key made anew for each connection stays open"
	}
	how := "GenKey"
	switch {
	case s.GenKey() && s.PrivWrite():
		how = "GenKey and PrivWrite"
	case s.PrivWrite():
		how = "PrivWrite"
	}
	severity := Warning
	if key.Lockable() || s.ECDH() && !s.ExternalSign() && !s.InternalSign() {
		severity = Note
	}
	l.add(true, severity, "replaceable-key", how+" can replace the key, and whatever was certified is lost", advice)
	l.add(s.PrivWrite() && !l.keepsSecret(s.WriteKey()), Mistake, "readable-secret",
		fmt.Sprintf("whoever reads slot %d, which guards PrivWrite, can replace this key", s.WriteKey()), fmt.Sprintf("set IsSecret of slot %d", s.WriteKey()))
}

// publicKey checks a slot with a public key.
func (l *linter) publicKey() {
	key, s := l.Key(l.slot), l.Slot(l.slot)
	l.add(l.slot < 8, Mistake, "public-key-size", fmt.Sprintf("a public key of 72 bytes does not fit into %d", SlotSize(l.slot)), "use one of the slots 8 to 15")
	l.add(s.WriteMode() == WriteAlways && !l.SlotLocked(l.slot), Warning, "open-public-key",
		"anybody can put another public key here: what it proves is worth nothing", closeAdvice(key))
	parent := s.ReadKey()
	l.add(key.PubInfo() && !l.Key(parent).PublicKey(), Mistake, "no-parent",
		fmt.Sprintf("the key has to be validated by the public key in slot %d, and that slot holds none", parent), "name the slot of the parent's public key in ReadKey")
	l.add(s.WriteMode() == WritePubInvalid && !key.PubInfo(), Warning, "never-validated",
		"writes are allowed while the key is invalid, and without PubInfo it is never validated", "set PubInfo")
}

// closeAdvice is how a slot that anybody can write becomes one that nobody can.
func closeAdvice(key KeyConfig) string {
	if key.Lockable() {
		return "lock the slot once it has its contents"
	}
	return "let its WriteConfig be Never or Encrypt, or make the slot Lockable"
}

// secretOrData checks a slot with a symmetric key or data.
func (l *linter) secretOrData() {
	key, s := l.Key(l.slot), l.Slot(l.slot)
	t := key.KeyType()
	l.add(t != KeyTypeSHA && (t != KeyTypeAES || l.model == ATECC508A), Mistake, "key-type",
		fmt.Sprintf("KeyType %d is reserved", t), "7 is for SHA keys and data, 6 for AES keys of a 608A, 4 for P-256")
	aes := t == KeyTypeAES && l.model == ATECC608A
	l.add(aes && !l.AESEnable(), Mistake, "aes-disabled", "an AES key, and the AES command is switched off", "use a part with AES_Enable, or another KeyType")
	l.add(aes && !s.IsSecret(), Mistake, "readable-secret", "the AES key can be read", "set IsSecret")
	l.add(s.EncryptRead() && !s.IsSecret(), Mistake, "encrypted-not-secret",
		"reads are encrypted, and without IsSecret four bytes at a time go out in the clear", "set IsSecret")
	l.add(s.IsSecret() && s.WriteMode() == WriteAlways && !l.SlotLocked(l.slot), Warning, "open-secret",
		"nobody can read the secret, and anybody can replace it by one that they know", closeAdvice(key))
	l.add(s.DeriveKey() && !s.IsSecret(), Warning, "derived-readable", "DeriveKey makes a key here that can be read", "set IsSecret")
}

// common checks what a slot says of others: the keys that guard it.
func (l *linter) common() {
	key, s := l.Key(l.slot), l.Slot(l.slot)
	l.add(l.SlotLocked(l.slot) && !l.ConfigLocked(), Mistake, "locked-empty",
		"the slot is marked as locked before it has contents: it stays empty for ever", "leave the bytes 88 and 89 at FF")
	if !key.Private() && s.EncryptRead() {
		l.guard("reads", s.ReadKey())
	}
	if !key.Private() && s.WriteMode() == WriteEncrypt {
		l.guard("writes", s.WriteKey())
	}
	if key.ReqAuth() {
		l.guard("use", key.AuthKey())
	}
	l.add(s.LimitedUse() && !key.Private() && s.NoMac(), Note, "limited-no-mac", "uses are limited, and the key has hardly any: NoMac is set", "clear one of the two")
}

// guard checks the slot of a key that guards what is done with this one.
func (l *linter) guard(what string, guard int) {
	k := l.Key(guard)
	l.add(k.Private() || k.PublicKey(), Mistake, "no-guard",
		fmt.Sprintf("its %s are guarded by slot %d, which holds no symmetric key", what, guard), "name a slot of KeyType 7")
	if k.Private() || k.PublicKey() {
		return
	}
	l.add(!l.keepsSecret(guard), Mistake, "readable-secret",
		fmt.Sprintf("its %s are guarded by the key in slot %d, which everybody can read", what, guard), fmt.Sprintf("set IsSecret of slot %d", guard))
	if l.keepsSecret(guard) && !l.guarded(guard) {
		severity, advice := Mistake, fmt.Sprintf("let WriteConfig of slot %d be Never or Encrypt", guard)
		if l.Key(guard).Lockable() {
			severity, advice = Warning, fmt.Sprintf("lock slot %d once it has its key", guard)
		}
		l.add(true, severity, "open-guard",
			fmt.Sprintf("its %s are guarded by the key in slot %d, which everybody can replace", what, guard), advice)
	}
}
