package ateccsim

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/thingward/thingward/atecc"
)

// A stage is how far a chip's locks have gone.
type stage int

const (
	blank stage = iota
	configLocked
	dataLocked
)

func (s stage) String() string { return [...]string{"blank", "config locked", "data locked"}[s] }

// Bits of SlotConfig and KeyConfig, to spell them in cases.
const (
	key4       = 0x0404 // ReadKey and WriteKey are slot 4
	external   = 0x0001
	internal   = 0x0002
	agree      = 0x0004
	ecdhToSlot = 0x0008
	noMac      = 0x0010
	limited    = 0x0020
	encRead    = 0x0040
	secret     = 0x0080
	pubInvalid = 0x1000
	fromParent = 0x1000
	generate   = 0x2000 // GenKey or DeriveKey
	never      = 0x8000
	encWrite   = 0x4000
	needMAC    = 0x8000

	private    = 0x0001
	pubInfo    = 0x0002
	p256       = 0x0010
	aesKey     = 0x0018
	sha        = 0x001C
	lockable   = 0x0020
	reqRandom  = 0x0040
	reqAuth4   = 0x0480 // with slot 4
	persistent = 0x1000
)

type slotDef struct {
	slot   atecc.SlotConfig
	key    atecc.KeyConfig
	locked bool
}

type slots map[int]slotDef

// A bench is a chip with known contents: a data slot begins with SHA-256("slot n"), a private slot has the
// scalar SHA-256("key n"), a public-key slot the public half of that.
type bench struct {
	testing.TB
	chip  *Chip
	stage stage
}

func newBench(t testing.TB, m atecc.Model, s stage, defs slots) *bench {
	t.Helper()
	chip, err := New(Options{Model: m, Now: stopped, Serial: atecc.SerialNumber{1, 0x23, 2, 3, 4, 5, 6, 7, 0xEE}})
	if err != nil {
		t.Fatal(err)
	}
	state := chip.State()
	for n := range atecc.SlotCount {
		def, ok := defs[n]
		if !ok {
			def = slotDef{0x0F0F, sha, false}
		}
		state.Config.SetSlot(n, def.slot)
		state.Config.SetKey(n, def.key)
		if def.locked {
			state.setSlotLocked(n)
		}
		fill(&state, n, def.key)
	}
	if s >= configLocked {
		state.setLocked(atecc.ZoneConfig)
	}
	if s >= dataLocked {
		state.setLocked(atecc.ZoneData)
	}
	b := &bench{t, chip, s}
	b.restore(state)
	return b
}

func (b *bench) restore(s State) {
	b.Helper()
	if err := b.chip.Restore(s); err != nil {
		b.Fatal(err)
	}
	wake(b, b.chip)
}

// change edits the chip's memory from outside.
func (b *bench) change(f func(*State)) {
	s := b.chip.State()
	f(&s)
	b.restore(s)
}

func fill(s *State, n int, key atecc.KeyConfig) {
	switch {
	case key.Private():
		clear(s.Slot(n))
		scalar := scalarOf(n)
		copy(s.Slot(n)[4:], scalar[:])
	case key.PublicKey() && n >= 8:
		padded := atecc.PadPublicKey(pointOf(n))
		copy(s.Slot(n), padded[:])
	default:
		value := secretOf(n)
		copy(s.Slot(n), value[:])
	}
}

func secretOf(n int) [32]byte { return sha256.Sum256(fmt.Appendf(nil, "slot %d", n)) }
func scalarOf(n int) [32]byte { return sha256.Sum256(fmt.Appendf(nil, "key %d", n)) }

func privateOf(n int) *ecdsa.PrivateKey {
	scalar := scalarOf(n)
	key, err := parseScalar(scalar[:])
	if err != nil {
		panic(err)
	}
	return key
}

func pointOf(n int) [64]byte {
	point, err := atecc.Point(&privateOf(n).PublicKey)
	if err != nil {
		panic(err)
	}
	return point
}

// signatureOf is made by the key that belongs to slot n.
func signatureOf(n int, digest [32]byte) [64]byte {
	der, err := privateOf(n).Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		panic(err)
	}
	raw, err := atecc.ParseSignature(der)
	if err != nil {
		panic(err)
	}
	return raw
}

func (b *bench) serial() atecc.SerialNumber { return b.chip.serial() }

// A step is something done to the chip; its error is what the chip said.
type step func(*bench) error

// send is a packet that the typed commands cannot express.
func send(op atecc.Opcode, p1 byte, p2 uint16, size int) step {
	return func(b *bench) error {
		_, err := atecc.Command{Opcode: op, Param1: p1, Param2: p2, Data: make([]byte, size)}.Execute(b.Context(), b.chip)
		return err
	}
}

// only is for commands whose Execute returns nothing but an error.
func only(cmd interface {
	Execute(context.Context, atecc.Transport) error
}) step {
	return func(b *bench) error { return cmd.Execute(b.Context(), b.chip) }
}

// with is for commands whose Execute returns a value too.
func with[T any](cmd interface {
	Execute(context.Context, atecc.Transport) (T, error)
}) step {
	return func(b *bench) error {
		_, err := cmd.Execute(b.Context(), b.chip)
		return err
	}
}

// steps does one after the other and tells the outcome of the last; the earlier ones may fail, as they
// do in a stage that forbids them.
func steps(list ...step) step {
	return func(b *bench) (err error) {
		for _, s := range list {
			err = s(b)
		}
		return err
	}
}

var message = sha256.Sum256([]byte("message"))

func randomNonce(b *bench) error {
	_, err := atecc.Nonce{Input: make([]byte, 20)}.Execute(b.Context(), b.chip)
	return err
}

func fixedNonce(b *bench) error {
	return atecc.LoadTempKey(b.Context(), b.chip, message[:])
}

func sleep(b *bench) error {
	b.chip.Sleep(b.Context())
	return b.chip.Wake(b.Context())
}

func idleAndWake(b *bench) error {
	b.chip.Idle(b.Context())
	return b.chip.Wake(b.Context())
}

func genDig(slot int) step {
	return only(atecc.GenDig{Source: atecc.GenDigData, Param2: uint16(slot)})
}

// taint makes TempKey from a NoMac key.
func taint(slot int) step {
	return only(atecc.GenDig{Source: atecc.GenDigData, Param2: uint16(slot), Data: make([]byte, 4)})
}

// session loads TempKey for encrypted access with the key in slot.
func session(slot int) step { return steps(randomNonce, genDig(slot)) }

func read(slot int) step {
	return with(atecc.Read{Zone: atecc.ZoneData, Address: atecc.SlotAddress(slot, 0, 0), Block: true})
}

func readWord(slot int) step {
	return with(atecc.Read{Zone: atecc.ZoneData, Address: atecc.SlotAddress(slot, 0, 0)})
}

func write(slot int) step {
	return only(atecc.Write{Zone: atecc.ZoneData, Address: atecc.SlotAddress(slot, 0, 0), Data: make([]byte, 32)})
}

func writeWord(slot int) step {
	return only(atecc.Write{Zone: atecc.ZoneData, Address: atecc.SlotAddress(slot, 0, 0), Data: make([]byte, 4)})
}

// writeEncrypted opens a session with the key in keySlot and writes slot.
func writeEncrypted(slot, keySlot int) step {
	return func(b *bench) error {
		s, err := atecc.OpenSession(b.Context(), b.chip, b.serial(), keySlot, secretOf(keySlot))
		if err != nil {
			return err
		}
		return s.WriteBlock(b.Context(), b.chip, atecc.SlotAddress(slot, 0, 0), message, b.stage == dataLocked)
	}
}

// writeWith sends an encrypted write under what TempKey happens to be.
func writeWith(slot int) step {
	return func(b *bench) error {
		s := &atecc.Session{TempKey: b.chip.tempKey.low(), Serial: b.serial()}
		return s.WriteBlock(b.Context(), b.chip, atecc.SlotAddress(slot, 0, 0), message, b.stage == dataLocked)
	}
}

// privWriteWith likewise.
func privWriteWith(slot int) step {
	return func(b *bench) error {
		s := &atecc.Session{TempKey: b.chip.tempKey.low(), Serial: b.serial()}
		return atecc.PrivWrite{Slot: slot, Key: scalarOf(99), Session: s}.Execute(b.Context(), b.chip)
	}
}

// authorise passes CheckMac with the key in slot.
func authorise(slot int) step {
	return func(b *bench) error {
		cmd := atecc.CheckMac{Slot: slot}
		key := secretOf(slot)
		cmd.Response = atecc.CheckMacDigest(key[:], cmd.Challenge[:], cmd.OtherData, [8]byte{}, b.serial())
		return cmd.Execute(b.Context(), b.chip)
	}
}

// checkMacTempKey passes CheckMac over TempKey as it stands.
func checkMacTempKey(mode atecc.MACMode, slot int) step {
	return func(b *bench) error {
		key, tempKey := secretOf(slot), b.chip.tempKey.low()
		cmd := atecc.CheckMac{Mode: mode, Slot: slot}
		block1 := key[:]
		if mode&atecc.MACBlock1TempKey != 0 {
			block1 = tempKey[:]
		}
		cmd.Response = atecc.CheckMacDigest(block1, tempKey[:], cmd.OtherData, [8]byte{}, b.serial())
		return cmd.Execute(b.Context(), b.chip)
	}
}

func sign(slot int) step         { return with(atecc.Sign{Mode: atecc.SignExternal, Slot: slot}) }
func signInternal(slot int) step { return with(atecc.Sign{Mode: atecc.SignInternal, Slot: slot}) }

func genKey(mode atecc.GenKeyMode, slot int) step {
	return with(atecc.GenKey{Mode: mode, Slot: slot})
}

func verifyStored(slot int) step {
	return with(atecc.Verify{Slot: slot, Signature: signatureOf(slot, message)})
}

func ecdhWith(slot int) step { return with(atecc.ECDH{Slot: slot, Public: pointOf(99)}) }

// offCurve is no point of P-256.
func offCurve() (point [64]byte) {
	point = pointOf(99)
	point[63] ^= 1
	return point
}

// validate signs with the key of parent and asks for the public key in slot to be made valid or invalid.
func validate(mode atecc.VerifyMode, slot, parent int) step {
	return func(b *bench) error {
		cmd := atecc.Verify{Mode: mode, Slot: slot}
		cmd.OtherData[17] = invalidates(mode)
		cmd.Signature = signatureOf(parent, atecc.ValidateDigest(b.chip.tempKey.low(), cmd.OtherData, b.serial()))
		_, err := cmd.Execute(b.Context(), b.chip)
		return err
	}
}

// hashPublic puts the digest of the public key in slot into TempKey.
func hashPublic(slot int) step { return genKey(atecc.GenKeyPublicDigest, slot) }

func derive(slot int) step { return only(atecc.DeriveKey{Slot: slot}) }

// deriveWithMAC authorises with the key in parent.
func deriveWithMAC(slot, parent int) step {
	return func(b *bench) error {
		key := secretOf(parent)
		header := atecc.Command{Opcode: atecc.OpDeriveKey, Param2: uint16(slot)}.Header()
		mac := atecc.DeriveKeyMAC(key[:], header, b.serial())
		return atecc.DeriveKey{Slot: slot, MAC: mac[:]}.Execute(b.Context(), b.chip)
	}
}
