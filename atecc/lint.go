package atecc

import (
	"fmt"
	"slices"
)

// A Finding is something in a configuration that is seldom meant. After the configuration lock it stays.
type Finding struct {
	Slot int
	Text string
}

func (f Finding) String() string { return fmt.Sprintf("slot %d: %s", f.Slot, f.Text) }

// Lint looks for mistakes before the configuration is locked.
func (c *Config) Lint() []Finding {
	l := &linter{config: c}
	for n := range SlotCount {
		switch {
		case c.Key(n).Private():
			l.private(n)
		case c.Key(n).PublicKey():
			l.public(n)
		default:
			l.secret(n)
		}
		l.keys(n)
	}
	return l.findings
}

type linter struct {
	config   *Config
	findings []Finding
}

func (l *linter) find(on bool, slot int, format string, args ...any) {
	if on {
		l.findings = append(l.findings, Finding{slot, fmt.Sprintf(format, args...)})
	}
}

func (l *linter) private(n int) {
	s, key := l.config.Slot(n), l.config.Key(n)
	l.find(key.KeyType() != KeyTypeP256, n, "private, but its KeyType is %s: no command will use it", key.KeyType())
	replaceable := "until the slot is locked"
	if !key.Lockable() {
		replaceable = "for ever, as the slot is not lockable"
	}
	l.find(s.GenKey(), n, "GenKey can replace the private key %s", replaceable)
	l.find(s.PrivWrite(), n, "PrivWrite can replace the private key %s", replaceable)
	l.find(!s.ExternalSign() && !s.InternalSign() && !s.ECDH(), n, "the private key may neither sign nor do ECDH")
	l.find(s.ExternalSign() && s.InternalSign(), n,
		"signs external digests too: who has the chip can forge the messages that an internal Sign vouches for")
	l.find(!key.PubInfo(), n, "the public key can be read only once, from the answer to GenKey")
	_, even := n|1, n%2 == 0
	l.find(s.ECDH() && s.ECDHToSlot() && !even, n, "ECDH has no slot for its secret: only even slots have one")
	l.find(s.ECDH() && s.ECDHToSlot() && even && !l.config.Slot(n|1).IsSecret(), n, "the ECDH secret goes to slot %d, which is readable", n|1)
}

func (l *linter) public(n int) {
	s, key := l.config.Slot(n), l.config.Key(n)
	l.find(n < 8, n, "too small for a public key")
	l.find(s.IsSecret(), n, "the public key is secret: nobody can read it")
	l.find(key.PubInfo() && !l.config.Key(s.ReadKey()).PublicKey(), n,
		"must be validated by slot %d, which holds no public key", s.ReadKey())
	l.find(!key.PubInfo() && s.WriteMode() == WritePubInvalid, n, "WriteConfig PubInvalid does nothing without PubInfo: it is writable always")
}

func (l *linter) secret(n int) {
	s, key := l.config.Slot(n), l.config.Key(n)
	l.find(s.EncryptRead() && !s.IsSecret(), n, "encrypted reads without IsSecret")
	model, err := l.config.Model()
	l.find(err == nil && model == ATECC508A && key.KeyType() == KeyTypeAES, n, "an ATECC508A has no AES keys")
	l.find(err == nil && model == ATECC608A && key.KeyType() == KeyTypeAES && !l.config.AESEnable(), n, "AES is not enabled")
	l.find(key.KeyType() == KeyTypeAES && !s.IsSecret(), n, "the AES key is readable")

	users := l.usersOf(n)
	if len(users) == 0 {
		return
	}
	l.find(!s.IsSecret(), n, "the key that slots %v rely on is readable", users)
	l.find(s.WriteMode() == WriteAlways && !key.Lockable(), n, "the key that slots %v rely on can be overwritten by anybody, for ever", users)
	l.find(s.WriteMode() == WriteAlways && key.Lockable(), n, "the key that slots %v rely on can be overwritten by anybody until the slot is locked", users)
}

// A reliance is one slot's use of the symmetric key in another.
type reliance struct {
	key  int
	what string
}

// reliances are the slots whose keys slot n's access rules name.
func (c *Config) reliances(n int) (list []reliance) {
	s, key := c.Slot(n), c.Key(n)
	if !key.Private() {
		if s.EncryptRead() {
			list = append(list, reliance{s.ReadKey(), "encrypted reads"})
		}
		if s.WriteMode() == WriteEncrypt {
			list = append(list, reliance{s.WriteKey(), "encrypted writes"})
		}
		if s.DeriveKey() && s.DeriveFromParent() {
			list = append(list, reliance{s.WriteKey(), "DeriveKey"})
		}
	} else if s.PrivWrite() {
		list = append(list, reliance{s.WriteKey(), "PrivWrite"})
	}
	if key.ReqAuth() {
		list = append(list, reliance{key.AuthKey(), "its authorisation"})
	}
	return list
}

func (l *linter) keys(n int) {
	for _, r := range l.config.reliances(n) {
		l.find(l.config.Key(r.key).Private(), n, "the key for %s, in slot %d, is private and not a symmetric one", r.what, r.key)
		l.find(l.config.Key(r.key).PublicKey(), n, "the key for %s, in slot %d, is a public one", r.what, r.key)
	}
}

// usersOf are the slots that rely on the key in slot n.
func (l *linter) usersOf(n int) (users []int) {
	for m := range SlotCount {
		if m != n && slices.ContainsFunc(l.config.reliances(m), func(r reliance) bool { return r.key == n }) {
			users = append(users, m)
		}
	}
	return users
}
