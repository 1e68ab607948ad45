package atecc

import (
	"fmt"
	"strings"
)

// A KeyConfig says what kind of key a slot holds and what its use requires.
type KeyConfig uint16

// A KeyType is the kind of a slot's contents.
type KeyType int

const (
	KeyTypeP256 KeyType = 4
	KeyTypeAES  KeyType = 6 // 608A only
	KeyTypeSHA  KeyType = 7 // SHA keys and all other data
)

func (t KeyType) String() string {
	switch t {
	case KeyTypeP256:
		return "P-256 key"
	case KeyTypeAES:
		return "AES key"
	case KeyTypeSHA:
		return "SHA key or data"
	}
	return fmt.Sprintf("key type %d", int(t))
}

// The fields, bit by bit.
func (k KeyConfig) Private() bool    { return k&1 == 1 }
func (k KeyConfig) PubInfo() bool    { return k>>1&1 == 1 }
func (k KeyConfig) KeyType() KeyType { return KeyType(k >> 2 & 7) }
func (k KeyConfig) Lockable() bool   { return k>>5&1 == 1 }

// ReqRandom: commands that use the key need TempKey from a random nonce.
func (k KeyConfig) ReqRandom() bool { return k>>6&1 == 1 }

// ReqAuth: commands that use the key need a CheckMac with AuthKey first.
func (k KeyConfig) ReqAuth() bool { return k>>7&1 == 1 }
func (k KeyConfig) AuthKey() int  { return int(k >> 8 & 15) }

// PersistentDisable (608A): the key works only while the persistent latch is set. On the 508A the same
// bit is IntrusionDisable.
func (k KeyConfig) PersistentDisable() bool { return k>>12&1 == 1 }

// X509id selects the X509format byte for certificates that this key signs.
func (k KeyConfig) X509id() int { return int(k >> 14) }

// PublicKey reports whether the slot holds a public key.
func (k KeyConfig) PublicKey() bool { return !k.Private() && k.KeyType() == KeyTypeP256 }

func (k KeyConfig) String() string {
	parts := []string{k.KeyType().String()}
	flag := func(on bool, name string) {
		if on {
			parts = append(parts, name)
		}
	}
	if k.KeyType() == KeyTypeP256 {
		parts[0] = "public P-256 key"
	}
	if k.Private() {
		parts[0] = "private " + k.KeyType().String()
		flag(k.PubInfo(), "public key readable")
	} else {
		flag(k.PubInfo(), "must be validated")
	}
	flag(k.Lockable(), "lockable")
	flag(k.ReqRandom(), "needs a random nonce")
	flag(k.ReqAuth(), fmt.Sprintf("needs CheckMac with slot %d", k.AuthKey()))
	flag(k.PersistentDisable(), "persistent disable")
	return strings.Join(parts, ", ")
}
