package ateccsim

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/thingward/thingward/atecc"
)

// What commands leave behind, beyond their status.

func TestEffectsOfGenKey(t *testing.T) {
	b := newBench(t, atecc.ATECC508A, dataLocked, slots{1: {generate, private | p256 | pubInfo, false}})
	create := atecc.GenKey{Mode: atecc.GenKeyPrivate, Slot: 1}
	first, err := create.Execute(t.Context(), b.chip)
	if err != nil {
		t.Fatal(err)
	}
	second, err := create.Execute(t.Context(), b.chip)
	if err != nil {
		t.Fatal(err)
	}
	public, err := atecc.GenKey{Mode: atecc.GenKeyPublic, Slot: 1}.Execute(t.Context(), b.chip)
	if err != nil {
		t.Fatal(err)
	}
	if first == second || first == pointOf(1) {
		t.Error("GenKey made the same key again")
	}
	if public != second {
		t.Error("the public key is not that of the new key")
	}
}

func TestEffectsOfOTPConsumption(t *testing.T) {
	b := newBench(t, atecc.ATECC508A, dataLocked, nil)
	b.change(func(s *State) {
		s.Config[18] = byte(atecc.OTPConsumption)
		copy(s.OTP[4:], []byte{0xF0, 0x0F, 0x00, 0xFF})
	})
	execute(t, b.chip, atecc.Write{Zone: atecc.ZoneOTP, Address: atecc.Address(0, 1), Data: []byte{0x3C, 0xFF, 0xFF, 0x55}})
	state := b.chip.State()
	if got, want := state.OTP[4:8], []byte{0x30, 0x0F, 0x00, 0x55}; !bytes.Equal(got, want) {
		t.Errorf("OTP is %X, want %X", got, want)
	}
}

// TestEffectsOfPartialBlock: the last block of a slot is shorter than 32 bytes.
func TestEffectsOfPartialBlock(t *testing.T) {
	b := newBench(t, atecc.ATECC508A, dataLocked, slots{10: {0, sha, false}, 11: {0, sha, false}})
	before := b.chip.State()
	execute(t, b.chip, atecc.Write{Zone: atecc.ZoneData, Address: atecc.SlotAddress(10, 2, 0), Data: bytes.Repeat([]byte{7}, 32)})
	got, err := atecc.Read{Zone: atecc.ZoneData, Address: atecc.SlotAddress(10, 2, 0), Block: true}.Execute(t.Context(), b.chip)
	if err != nil {
		t.Fatal(err)
	}
	if want := append(bytes.Repeat([]byte{7}, 8), make([]byte, 24)...); !bytes.Equal(got, want) {
		t.Errorf("read %X, want %X", got, want)
	}
	after := b.chip.State()
	if !bytes.Equal(before.Slot(11), after.Slot(11)) {
		t.Error("the next slot changed")
	}
}

func TestEffectsOfWriteOnPublicKey(t *testing.T) {
	f := func(key atecc.KeyConfig, block int, want byte) {
		t.Helper()
		b := newBench(t, atecc.ATECC508A, dataLocked, slots{9: {0, key, false}})
		b.change(func(s *State) { s.Slot(9)[0] = 0x50 })
		data := make([]byte, 32)
		data[0] = 0x57
		execute(t, b.chip, atecc.Write{Zone: atecc.ZoneData, Address: atecc.SlotAddress(9, block, 0), Data: data})
		state := b.chip.State()
		if got := state.Slot(9)[0]; got != want {
			t.Errorf("first byte %02X, want %02X", got, want)
		}
	}
	f(p256|pubInfo, 0, 0xA7) // a new key is not valid
	f(p256|pubInfo, 1, 0x50)
	f(p256, 0, 0x57) // a key that need not be validated
	f(sha|pubInfo, 0, 0x57)
}

// TestEffectsOfECDH: where the secret goes.
func TestEffectsOfECDH(t *testing.T) {
	remote, err := privateOf(99).ECDH()
	if err != nil {
		t.Fatal(err)
	}
	want := func(slot int) []byte {
		local, err := ecdh.P256().NewPublicKey(append([]byte{4}, point(slot)...))
		if err != nil {
			t.Fatal(err)
		}
		secret, err := remote.ECDH(local)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	b := newBench(t, atecc.ATECC508A, dataLocked, slots{
		0: {agree | ecdhToSlot, private | p256, false},
		2: {agree, private | p256, false},
	})
	out, err := atecc.ECDH{Slot: 2, Public: pointOf(99)}.Execute(t.Context(), b.chip)
	if err != nil || !bytes.Equal(out, want(2)) {
		t.Errorf("secret of slot 2 is %X (%v)", out, err)
	}
	out, err = atecc.ECDH{Slot: 0, Public: pointOf(99)}.Execute(t.Context(), b.chip)
	if err != nil || out != nil {
		t.Errorf("the secret of slot 0 came out: %X (%v)", out, err)
	}
	state := b.chip.State()
	if !bytes.Equal(state.Slot(1)[:32], want(0)) {
		t.Error("slot 1 has not the secret of slot 0")
	}
}

func point(slot int) []byte {
	p := pointOf(slot)
	return p[:]
}

// TestEffectsOfDamagedPacket: FF and 03 change nothing, TempKey included.
func TestEffectsOfDamagedPacket(t *testing.T) {
	b := newBench(t, atecc.ATECC508A, dataLocked, slots{1: {external, private | p256, false}})
	f := func(packet []byte, want atecc.Status) {
		t.Helper()
		if err := fixedNonce(b); err != nil {
			t.Fatal(err)
		}
		reply, err := b.chip.Execute(t.Context(), packet)
		if err != nil {
			t.Fatal(err)
		}
		if got := atecc.Status(reply[1]); got != want {
			t.Errorf("%X: status %02X, want %02X", packet, byte(got), byte(want))
		}
		if err := sign(1)(b); err != nil {
			t.Errorf("%X cost TempKey: %v", packet, err)
		}
	}
	packet := atecc.Command{Opcode: atecc.OpSign, Param1: 0x80, Param2: 1}.Append(nil)
	damaged := bytes.Clone(packet)
	damaged[len(damaged)-1] ^= 0x10
	f(damaged, atecc.StatusCommunication)
	f(packet[:len(packet)-1], atecc.StatusCommunication)
	f(append(bytes.Clone(packet), 0), atecc.StatusCommunication)
	f(nil, atecc.StatusCommunication)
	f(make([]byte, 300), atecc.StatusCommunication)
	f(atecc.Command{Opcode: 0x99}.Append(nil), atecc.StatusParse)
	f(atecc.Command{Opcode: atecc.OpSign, Param1: 0x80, Param2: 16}.Append(nil), atecc.StatusParse)
	f(atecc.Command{Opcode: atecc.OpSign, Param1: 0x80, Param2: 1, Data: []byte{1}}.Append(nil), atecc.StatusParse)
	f(atecc.Command{Opcode: atecc.OpAES}.Append(nil), atecc.StatusParse) // the other part has it
}

// TestEffectsOfUse: what a LimitedUse key counts.
func TestEffectsOfUse(t *testing.T) {
	f := func(key atecc.KeyConfig, run step, want uint32) {
		t.Helper()
		b := newBench(t, atecc.ATECC508A, dataLocked, slots{5: {limited | external, key, false}})
		run(b)
		state := b.chip.State()
		if got := state.Config.Counter(0); got != want {
			t.Errorf("counter is %d, want %d", got, want)
		}
	}
	mac := with(atecc.MAC{Slot: 5})
	f(sha, steps(mac, mac, mac), 3)
	f(sha, only(atecc.CheckMac{Slot: 5}), 1) // a guess counts
	f(private|p256, steps(empty(5), fixedNonce, sign(5)), 1)
	f(sha|reqAuth4, mac, 0) // a refusal does not
	f(sha, steps(randomNonce, taint(5)), 0)
	f(sha, with(atecc.MAC{Slot: 6}), 0)
}

// empty makes a slot all zeros.
func empty(slot int) step {
	return func(b *bench) error {
		b.change(func(s *State) { clear(s.Slot(slot)) })
		return nil
	}
}

func TestEffectsOfLastKeyUse(t *testing.T) {
	b := newBench(t, atecc.ATECC508A, dataLocked, slots{15: {limited, sha, false}})
	b.change(func(s *State) { copy(s.Config.LastKeyUse(), bytes.Repeat([]byte{0xFF}, 16)) })
	uses := 0
	for uses <= 128 && with(atecc.MAC{Slot: 15})(b) == nil {
		uses++
	}
	if uses != 128 {
		t.Errorf("%d uses, want 128", uses)
	}
	state := b.chip.State()
	if state.Config.Counter(0) != 0 {
		t.Error("Counter0 counted too")
	}
}

// TestEffectsOfCheckMacCopy: the copied key is what MAC then hashes.
func TestEffectsOfCheckMacCopy(t *testing.T) {
	b := newBench(t, atecc.ATECC508A, dataLocked, slots{5: {secret, sha, false}})
	if err := steps(randomNonce, checkMacTempKey(1, 4))(b); err != nil {
		t.Fatal(err)
	}
	got, err := atecc.MAC{Mode: 7}.Execute(t.Context(), b.chip)
	if err != nil {
		t.Fatal(err)
	}
	key := secretOf(5)
	header := atecc.Command{Opcode: atecc.OpMAC, Param1: 7}.Header()
	if want := atecc.MACDigest(key[:], key[:], header, atecc.Identity{Serial: b.serial()}); got != want {
		t.Errorf("MAC is %X, want %X", got, want)
	}
}

// TestEffectsOnInfo: what Info tells about keys and TempKey.
func TestEffectsOnInfo(t *testing.T) {
	b := newBench(t, atecc.ATECC508A, dataLocked, slots{
		0: {external, private | p256, false},
		1: {external, private | p256, false},
		7: {0, p256, false},
		8: {0, p256, false}, 9: {0, p256 | pubInfo, false}, 10: {0, p256 | pubInfo, false}, 11: {0, p256, false},
	})
	b.change(func(s *State) {
		clear(s.Slot(1))
		s.Slot(10)[0] = 0x50
		s.Slot(11)[71] ^= 1
		padded := atecc.PadPublicKey(pointOf(12)) // in a slot for data
		copy(s.Slot(12), padded[:])
	})
	for slot, want := range map[int]bool{0: true, 1: false, 2: false, 7: false, 8: true, 9: false, 10: true, 11: false, 12: false} {
		got, err := atecc.Info{Mode: atecc.InfoKeyValid, Param: uint16(slot)}.Execute(t.Context(), b.chip)
		if err != nil {
			t.Fatal(err)
		}
		if (got == [4]byte{1}) != want {
			t.Errorf("KeyValid of slot %d is %X", slot, got)
		}
	}
	state := func() atecc.State {
		got, err := atecc.Info{Mode: atecc.InfoState}.Execute(t.Context(), b.chip)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if s := state(); s.Valid() || s.Authorised() {
		t.Errorf("state after wake is %X", s)
	}
	steps(authorise(4), randomNonce, genDig(5))(b)
	if s := state(); !s.Valid() || s.FixedInput() || !s.GenDigData() || s.GenKeyData() || s.KeyID() != 5 || !s.Authorised() || s.AuthKey() != 4 {
		t.Errorf("state after GenDig is %X", s)
	}
	steps(fixedNonce, hashPublic(9))(b)
	if s := state(); !s.Valid() || !s.FixedInput() || s.GenDigData() || !s.GenKeyData() || s.KeyID() != 9 {
		t.Errorf("state after GenKey is %X", s)
	}
}

// TestEffectsOfWatchdog: a while after the wake the chip falls asleep, whatever it does.
func TestEffectsOfWatchdog(t *testing.T) {
	f := func(chipMode byte, after time.Duration, want error) {
		t.Helper()
		now := time.Unix(0, 0)
		config := atecc.Factory508A()
		config[19] = chipMode
		chip, err := New(Options{Config: &config, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		wake(t, chip)
		now = now.Add(after)
		reply, err := chip.Execute(t.Context(), atecc.Command{Opcode: atecc.OpInfo}.Append(nil))
		if err == nil && len(reply) == 4 {
			err = atecc.Status(reply[1])
		}
		if !errors.Is(err, want) {
			t.Errorf("after %v: %v, want %v", after, err, want)
		}
	}
	f(0, 0, nil)
	f(0, time.Second, nil)
	f(0, 1290*time.Millisecond, atecc.StatusWatchdog)
	f(0, 1300*time.Millisecond, ErrAsleep)
	f(0, time.Hour, ErrAsleep)
	f(4, 2*time.Second, nil)
	f(4, 13*time.Second, ErrAsleep)
}

// TestEffectsOfWatchdogOnTempKey: falling asleep forgets, idle in time does not.
func TestEffectsOfWatchdogOnTempKey(t *testing.T) {
	f := func(pause func(*Chip, *time.Time), want bool) {
		t.Helper()
		now := time.Unix(0, 0)
		chip, err := New(Options{Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		wake(t, chip)
		if err := atecc.LoadTempKey(t.Context(), chip, message[:]); err != nil {
			t.Fatal(err)
		}
		pause(chip, &now)
		wake(t, chip)
		got, err := atecc.Info{Mode: atecc.InfoState}.Execute(t.Context(), chip)
		if err != nil {
			t.Fatal(err)
		}
		if atecc.State(got).Valid() != want {
			t.Errorf("TempKey valid: %v, want %v", !want, want)
		}
	}
	f(func(c *Chip, now *time.Time) {}, true)
	f(func(c *Chip, now *time.Time) { *now = now.Add(2 * time.Second) }, false)
	f(func(c *Chip, now *time.Time) { c.Idle(t.Context()); *now = now.Add(time.Hour) }, true)
	f(func(c *Chip, now *time.Time) { c.Sleep(t.Context()) }, false)
	f(func(c *Chip, now *time.Time) { *now = now.Add(2 * time.Second); c.Idle(t.Context()) }, false)
	f(func(c *Chip, now *time.Time) { c.Idle(t.Context()); c.Sleep(t.Context()) }, false)
}

// TestEffectsOfBrokenRandom: a chip without randomness says so and makes no keys.
func TestEffectsOfBrokenRandom(t *testing.T) {
	b := newBench(t, atecc.ATECC508A, dataLocked, slots{1: {generate, private | p256, false}})
	b.chip.options.Random = strings.NewReader("")
	b.chip.options.NewKey = func() [32]byte { return [32]byte{} }
	before := b.chip.State()
	for _, s := range []step{with(atecc.Random{}), randomNonce, genKey(atecc.GenKeyPrivate, 1)} {
		if got := status(t, s(b)); got != atecc.StatusHealthTest {
			t.Errorf("status %02X", byte(got))
		}
	}
	if b.chip.State() != before {
		t.Error("the chip changed")
	}
}

func TestEffectsOfDeterministicSign(t *testing.T) {
	f := func(deterministic bool) {
		t.Helper()
		b := newBench(t, atecc.ATECC508A, dataLocked, slots{1: {external, private | p256, false}})
		b.chip.options.DeterministicSign = deterministic
		var signatures [2][64]byte
		for n := range signatures {
			if err := fixedNonce(b); err != nil {
				t.Fatal(err)
			}
			var err error
			if signatures[n], err = (atecc.Sign{Mode: atecc.SignExternal, Slot: 1}).Execute(t.Context(), b.chip); err != nil {
				t.Fatal(err)
			}
			if !verifies(t, point(1), message[:], signatures[n][:]) {
				t.Error("not a signature")
			}
		}
		if (signatures[0] == signatures[1]) != deterministic {
			t.Errorf("deterministic %v: signatures are the same: %v", deterministic, !deterministic)
		}
	}
	f(false)
	f(true)
}

// TestEffectsOfDelay: a chip can take its time.
func TestEffectsOfDelay(t *testing.T) {
	var took time.Duration
	chip, err := New(Options{Delay: func(d time.Duration) { took += d }})
	if err != nil {
		t.Fatal(err)
	}
	wake(t, chip)
	if _, err := (atecc.Random{}).Execute(t.Context(), chip); err != nil {
		t.Fatal(err)
	}
	if took != 23*time.Millisecond {
		t.Errorf("Random took %v", took)
	}
}
