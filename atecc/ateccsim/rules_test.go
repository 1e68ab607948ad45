package ateccsim

import (
	"testing"

	"github.com/thingward/thingward/atecc"
)

// A rule is one row: the same steps in each lock stage, and what the last of them is answered.
type rule struct {
	name string
	defs slots
	run  step
	want stages
}

// stages is a status for each of blank, configuration locked, data locked.
type stages [3]atecc.Status

// Short names for the columns.
const (
	ok    = atecc.StatusSuccess
	miss  = atecc.StatusMiscompare
	parse = atecc.StatusParse
	fault = atecc.StatusECCFault
	no    = atecc.StatusExecution
)

func testRules(t *testing.T, m atecc.Model, rules []rule) {
	for _, r := range rules {
		for s, want := range r.want {
			b := newBench(t, m, stage(s), r.defs)
			if got := status(t, r.run(b)); got != want {
				t.Errorf("%s, %s: status %02X, want %02X", r.name, stage(s), byte(got), byte(want))
			}
		}
	}
}

// TestRules has every access rule from both sides, in each lock stage.
func TestRules(t *testing.T) {
	testRules(t, atecc.ATECC508A, readRules())
	testRules(t, atecc.ATECC508A, writeRules())
	testRules(t, atecc.ATECC508A, zoneRules())
	testRules(t, atecc.ATECC508A, lockRules())
	testRules(t, atecc.ATECC508A, genKeyRules())
	testRules(t, atecc.ATECC508A, signRules())
	testRules(t, atecc.ATECC508A, verifyRules())
	testRules(t, atecc.ATECC508A, ecdhRules())
	testRules(t, atecc.ATECC508A, macRules())
	testRules(t, atecc.ATECC508A, genDigRules())
	testRules(t, atecc.ATECC508A, deriveKeyRules())
	testRules(t, atecc.ATECC508A, privWriteRules())
	testRules(t, atecc.ATECC508A, counterRules())
	testRules(t, atecc.ATECC508A, shaRules())
	testRules(t, atecc.ATECC608A, rules608A())
}

func readRules() []rule {
	encrypted := slots{9: {key4 | encRead | secret, sha, false}}
	tainted := slots{4: {noMac, sha, false}, 9: {key4 | encRead | secret, sha, false}}
	return []rule{
		{"read clear block", nil, read(9), stages{no, no, ok}},
		{"read clear word", nil, readWord(9), stages{no, no, ok}},
		{"read secret block", slots{9: {secret, sha, false}}, read(9), stages{no, no, no}},
		{"read secret word", slots{9: {secret, sha, false}}, readWord(9), stages{no, no, no}},
		{"read private key", slots{1: {0, private | p256, false}}, read(1), stages{no, no, no}},
		{"read private word", slots{1: {0, private | p256, false}}, readWord(1), stages{no, no, no}},
		{"read encrypted private key", slots{1: {key4 | encRead, private | p256, false}}, steps(session(4), read(1)), stages{no, no, no}},
		{"read encrypted", encrypted, steps(session(4), read(9)), stages{no, no, ok}},
		{"read encrypted word", encrypted, steps(session(4), readWord(9)), stages{no, no, no}},
		{"read encrypted, not secret", slots{9: {key4 | encRead, sha, false}}, steps(session(4), read(9)), stages{no, no, ok}},
		{"read encrypted word, not secret", slots{9: {key4 | encRead, sha, false}}, steps(session(4), readWord(9)), stages{no, no, no}},
		{"read encrypted without session", encrypted, read(9), stages{no, no, no}},
		{"read encrypted without GenDig", encrypted, steps(randomNonce, read(9)), stages{no, no, no}},
		{"read encrypted with other key", encrypted, steps(session(5), read(9)), stages{no, no, no}},
		{"read encrypted with fixed nonce", encrypted, steps(fixedNonce, genDig(4), read(9)), stages{no, no, no}},
		{"read encrypted twice", encrypted, steps(session(4), read(9), read(9)), stages{no, no, no}},
		{"read encrypted after refusal", encrypted, steps(session(4), readWord(9), sign(4), read(9)), stages{no, no, no}},
		{"read encrypted with tainted TempKey", tainted, steps(randomNonce, taint(4), read(9)), stages{no, no, no}},
		{"read encrypted with digest of GenKey", slots{9: {9 | encRead | secret, p256, false}},
			steps(randomNonce, hashPublic(9), read(9)), stages{no, no, no}},
		{"read encrypted, session then fixed nonce", encrypted, steps(session(4), fixedNonce, read(9)), stages{no, no, no}},
		{"read encrypted after sleep", encrypted, steps(session(4), sleep, read(9)), stages{no, no, no}},
		{"read encrypted after idle", encrypted, steps(session(4), idleAndWake, read(9)), stages{no, no, ok}},
		{"read a locked slot", slots{9: {0, sha, true}}, read(9), stages{no, no, ok}},
	}
}

func writeRules() []rule {
	encrypted := slots{9: {key4 | encWrite, sha, false}}
	wrongMAC := func(b *bench) error {
		return atecc.Write{Zone: atecc.ZoneData, Address: atecc.SlotAddress(9, 0, 0), Data: make([]byte, 32),
			MAC: make([]byte, 32), Encrypted: b.stage != dataLocked}.Execute(b.Context(), b.chip)
	}
	validated := func(b *bench) error {
		b.change(func(s *State) { s.Slot(9)[0] = 0x50 })
		return nil
	}
	otherWay := func(b *bench) error { // announce the encryption in the wrong stage
		s := &atecc.Session{TempKey: b.chip.tempKey.low(), Serial: b.serial()}
		return s.WriteBlock(b.Context(), b.chip, atecc.SlotAddress(9, 0, 0), message, b.stage != dataLocked)
	}
	rules := []rule{
		{"write block", slots{9: {0, sha, false}}, write(9), stages{no, ok, ok}},
		{"write word", slots{9: {0, sha, false}}, writeWord(9), stages{no, no, ok}},
		{"write secret block", slots{9: {secret, sha, false}}, write(9), stages{no, ok, ok}},
		{"write secret word", slots{9: {secret, sha, false}}, writeWord(9), stages{no, no, no}},
		{"write private slot", slots{1: {0, private | p256, false}}, write(1), stages{no, no, no}},
		{"write private slot encrypted", slots{1: {key4 | encWrite, private | p256, false}}, writeEncrypted(1, 4), stages{no, no, no}},
		{"write locked slot", slots{9: {0, sha, true}}, write(9), stages{no, no, no}},
		{"write word of locked slot", slots{9: {0, sha, true}}, writeWord(9), stages{no, no, no}},
		{"write locked slot encrypted", slots{9: {key4 | encWrite, sha, true}}, writeEncrypted(9, 4), stages{no, no, no}},
		{"write encrypted", encrypted, writeEncrypted(9, 4), stages{no, ok, ok}},
		{"write encrypted in the clear", encrypted, write(9), stages{no, ok, no}},
		{"write word of encrypted", encrypted, writeWord(9), stages{no, no, no}},
		{"write encrypted with other key", encrypted, writeEncrypted(9, 5), stages{no, no, no}},
		{"write encrypted with wrong MAC", encrypted, steps(session(4), wrongMAC), stages{no, miss, miss}},
		{"write encrypted without session", encrypted, writeWith(9), stages{no, no, no}},
		{"write encrypted without GenDig", encrypted, steps(randomNonce, writeWith(9)), stages{no, no, no}},
		{"write encrypted with fixed nonce", encrypted, steps(fixedNonce, genDig(4), writeWith(9)), stages{no, no, no}},
		{"write encrypted with tainted TempKey", slots{4: {noMac, sha, false}, 9: {key4 | encWrite, sha, false}},
			steps(randomNonce, taint(4), writeWith(9)), stages{no, no, no}},
		{"write encrypted, announced wrongly", encrypted, steps(session(4), otherWay), stages{no, no, no}},
		{"write encrypted twice", encrypted, steps(writeEncrypted(9, 4), writeWith(9)), stages{no, no, no}},
		{"write encrypted into a clear slot", slots{9: {key4, sha, false}}, writeEncrypted(9, 4), stages{no, ok, no}},
		{"write encrypted into a never slot", slots{9: {key4 | never, sha, false}}, writeEncrypted(9, 4), stages{no, ok, no}},
		{"write public key", slots{9: {pubInvalid, p256 | pubInfo, false}}, write(9), stages{no, ok, ok}},
		{"write validated public key", slots{9: {pubInvalid, p256 | pubInfo, false}}, steps(validated, write(9)), stages{no, ok, no}},
		{"write word of validated public key", slots{9: {pubInvalid, p256 | pubInfo, false}}, steps(validated, writeWord(9)), stages{no, no, no}},
		{"write validated public key, always", slots{9: {0, p256 | pubInfo, false}}, steps(validated, write(9)), stages{no, ok, ok}},
	}
	for _, config := range []atecc.SlotConfig{0x2000, 0x3000, 0x8000, 0x9000, 0xA000, 0xB000} {
		rules = append(rules, rule{"write never " + config.String(), slots{9: {config, sha, false}}, write(9), stages{no, ok, no}})
	}
	for _, config := range []atecc.SlotConfig{0x4000, 0x5000, 0x6000, 0x7000, 0xC000, 0xD000, 0xE000, 0xF000} {
		defs := slots{9: {key4 | config, sha, false}}
		rules = append(rules,
			rule{"write encrypted " + config.String(), defs, writeEncrypted(9, 4), stages{no, ok, ok}},
			rule{"write in the clear " + config.String(), defs, write(9), stages{no, ok, no}})
	}
	return rules
}

func zoneRules() []rule {
	otp := func(mode atecc.OTPMode, size int) step {
		return func(b *bench) error {
			b.change(func(s *State) { s.Config[18] = byte(mode) })
			return atecc.Write{Zone: atecc.ZoneOTP, Data: make([]byte, size)}.Execute(b.Context(), b.chip)
		}
	}
	config := func(offset, size int) step {
		return only(atecc.Write{Zone: atecc.ZoneConfig, Address: atecc.Address(offset/32, offset%32/4), Data: make([]byte, size)})
	}
	rules := []rule{
		{"read config word", nil, with(atecc.Read{Zone: atecc.ZoneConfig}), stages{ok, ok, ok}},
		{"read config block", nil, with(atecc.Read{Zone: atecc.ZoneConfig, Block: true}), stages{ok, ok, ok}},
		{"read OTP word", nil, with(atecc.Read{Zone: atecc.ZoneOTP}), stages{no, no, ok}},
		{"read OTP block", nil, with(atecc.Read{Zone: atecc.ZoneOTP, Block: true}), stages{no, no, ok}},
		{"write OTP block, read-only", nil, otp(atecc.OTPReadOnly, 32), stages{no, ok, no}},
		{"write OTP word, read-only", nil, otp(atecc.OTPReadOnly, 4), stages{no, no, no}},
		{"write OTP block, consumption", nil, otp(atecc.OTPConsumption, 32), stages{no, ok, ok}},
		{"write OTP word, consumption", nil, otp(atecc.OTPConsumption, 4), stages{no, no, ok}},
		{"write OTP block, unknown mode", nil, otp(0x00, 32), stages{no, ok, no}},
		{"write config block 0", nil, config(0, 32), stages{no, no, no}},
		{"write config block 1", nil, config(32, 32), stages{ok, no, no}},
		{"write config block 2", nil, config(64, 32), stages{no, no, no}},
		{"write config block 3", nil, config(96, 32), stages{ok, no, no}},
		{"write OTP encrypted", nil, send(atecc.OpWrite, 0x81, 0, 64), stages{parse, parse, parse}},
		{"write config encrypted", nil, send(atecc.OpWrite, 0x80, 8, 64), stages{parse, parse, parse}},
	}
	for offset := 0; offset < atecc.ConfigSize; offset += 4 {
		want := stages{ok, no, no}
		if offset < 16 || offset == 84 {
			want = stages{no, no, no}
		}
		rules = append(rules, rule{"write config word", nil, config(offset, 4), want})
	}
	return rules
}

func lockRules() []rule {
	crc := func(target atecc.LockTarget, wrong uint16) step {
		return func(b *bench) error {
			s := b.chip.State()
			sum := s.Config.CRC()
			if target == atecc.LockDataZone {
				sum = s.memory().CRC(&s.Config)
			}
			return atecc.Lock{Target: target, CRC: sum ^ wrong}.Execute(b.Context(), b.chip)
		}
	}
	blindly := func(target atecc.LockTarget) step { return only(atecc.Lock{Target: target, IgnoreCRC: true}) }
	slot := func(n int) step { return only(atecc.Lock{Target: atecc.LockSlot, Slot: n}) }
	return []rule{
		{"lock config", nil, crc(atecc.LockConfigZone, 0), stages{ok, no, no}},
		{"lock config with wrong CRC", nil, crc(atecc.LockConfigZone, 1), stages{no, no, no}},
		{"lock config blindly", nil, blindly(atecc.LockConfigZone), stages{ok, no, no}},
		{"lock config twice", nil, steps(blindly(atecc.LockConfigZone), blindly(atecc.LockConfigZone)), stages{no, no, no}},
		{"lock data", slots{1: {0, private | p256, false}}, crc(atecc.LockDataZone, 0), stages{no, ok, no}},
		{"lock data with wrong CRC", nil, crc(atecc.LockDataZone, 1), stages{no, no, no}},
		{"lock data blindly", nil, blindly(atecc.LockDataZone), stages{no, ok, no}},
		{"lock data twice", nil, steps(blindly(atecc.LockDataZone), blindly(atecc.LockDataZone)), stages{no, no, no}},
		{"lock slot", slots{9: {0, sha | lockable, false}}, slot(9), stages{no, ok, ok}},
		{"lock slot that is not lockable", nil, slot(9), stages{no, no, no}},
		{"lock slot twice", slots{9: {0, sha | lockable, true}}, slot(9), stages{no, no, no}},
		{"lock unknown zone", nil, send(atecc.OpLock, 3, 0, 0), stages{parse, parse, parse}},
		{"lock config with slot bits", nil, send(atecc.OpLock, 0x84, 0, 0), stages{parse, parse, parse}},
	}
}

func genKeyRules() []rule {
	create, public := genKey(atecc.GenKeyPrivate, 1), genKey(atecc.GenKeyPublic, 1)
	digest := genKey(atecc.GenKeyPublic|atecc.GenKeyDigest, 1)
	def := func(slot atecc.SlotConfig, key atecc.KeyConfig) slots {
		return slots{1: {slot, key, false}}
	}
	emptied := func(b *bench) error {
		b.change(func(s *State) { clear(s.Slot(1)) })
		return nil
	}
	return []rule{
		{"create key", def(generate, private|p256), create, stages{no, ok, ok}},
		{"create key without permission", def(0, private|p256), create, stages{no, ok, no}},
		{"create key in locked slot", slots{1: {generate, private | p256, true}}, create, stages{no, no, no}},
		{"create key in data slot", def(generate, sha), create, stages{no, no, no}},
		{"create key in public slot", def(generate, p256), create, stages{no, no, no}},
		{"create key of other type", def(generate, private|sha), create, stages{no, no, no}},
		{"create key, not authorised", def(generate, private|p256|reqAuth4), create, stages{no, no, no}},
		{"create key, authorised", def(generate, private|p256|reqAuth4), steps(authorise(4), create), stages{no, ok, ok}},
		{"create key and digest", def(generate, private|p256), steps(fixedNonce, genKey(atecc.GenKeyPrivate|atecc.GenKeyDigest, 1)), stages{no, ok, ok}},
		{"create key and digest without TempKey", def(generate, private|p256), genKey(atecc.GenKeyPrivate|atecc.GenKeyDigest, 1), stages{no, no, no}},
		{"public key", def(0, private|p256|pubInfo), public, stages{no, ok, ok}},
		{"public key of a locked slot", slots{1: {0, private | p256 | pubInfo, true}}, public, stages{no, ok, ok}},
		{"public key without PubInfo", def(0, private|p256), public, stages{no, no, no}},
		{"public key of nothing", def(0, private|p256|pubInfo), steps(emptied, public), stages{no, fault, fault}},
		{"public key, not authorised", def(0, private|p256|pubInfo|reqAuth4), public, stages{no, no, no}},
		{"public digest", def(0, private|p256|pubInfo), steps(fixedNonce, digest), stages{no, ok, ok}},
		{"public digest without TempKey", def(0, private|p256|pubInfo), digest, stages{no, no, no}},
		{"public digest, random wanted, fixed", def(0, private|p256|pubInfo|reqRandom), steps(fixedNonce, digest), stages{no, no, no}},
		{"public digest, random wanted", def(0, private|p256|pubInfo|reqRandom), steps(randomNonce, digest), stages{no, ok, ok}},
		{"stored digest", slots{9: {0, p256, false}}, steps(fixedNonce, hashPublic(9)), stages{no, ok, ok}},
		{"stored digest without TempKey", slots{9: {0, p256, false}}, hashPublic(9), stages{no, no, no}},
		{"stored digest of data", nil, steps(fixedNonce, hashPublic(9)), stages{no, no, no}},
		{"stored digest of a private slot", def(0, private|p256), steps(fixedNonce, hashPublic(1)), stages{no, no, no}},
		{"stored digest of a small slot", def(0, p256), steps(fixedNonce, hashPublic(1)), stages{no, no, no}},
		{"unknown mode", def(0, private|p256), send(atecc.OpGenKey, 0x20, 1, 0), stages{parse, parse, parse}},
		{"key in TempKey", nil, send(atecc.OpGenKey, 0x04, 0xFFFF, 0), stages{parse, parse, parse}},
	}
}

func signRules() []rule {
	def := func(slot atecc.SlotConfig, key atecc.KeyConfig) slots {
		return slots{1: {slot, private | p256 | key, false}}
	}
	emptied := func(b *bench) error {
		b.change(func(s *State) { clear(s.Slot(1)) })
		return nil
	}
	full := func(b *bench) error { // no use is left
		b.change(func(s *State) { s.setCounter(0, atecc.MaxCounter) })
		return nil
	}
	almost := func(b *bench) error {
		b.change(func(s *State) { s.setCounter(0, atecc.MaxCounter-1) })
		return nil
	}
	signed := func(b *bench) error { return steps(fixedNonce, sign(1))(b) }
	other := slots{1: {external, private | p256 | reqAuth4, false}, 5: {0, sha, false}}
	public9 := slots{1: {internal, private | p256, false}, 9: {0, p256, false}}
	return []rule{
		{"sign", def(external, 0), steps(fixedNonce, sign(1)), stages{no, ok, ok}},
		{"sign with random nonce", def(external, 0), steps(randomNonce, sign(1)), stages{no, ok, ok}},
		{"sign in a locked slot", slots{1: {external, private | p256, true}}, steps(fixedNonce, sign(1)), stages{no, ok, ok}},
		{"sign without permission", def(internal|agree, 0), steps(fixedNonce, sign(1)), stages{no, no, no}},
		{"sign without TempKey", def(external, 0), sign(1), stages{no, no, no}},
		{"sign twice", def(external, 0), steps(fixedNonce, sign(1), sign(1)), stages{no, no, no}},
		{"sign after a refused sign", def(external, 0), steps(fixedNonce, sign(2), sign(1)), stages{no, no, no}},
		{"sign with data", slots{1: {external, sha, false}}, steps(fixedNonce, sign(1)), stages{no, no, no}},
		{"sign with a public key", slots{9: {external, p256, false}}, steps(fixedNonce, sign(9)), stages{no, no, no}},
		{"sign with nothing", def(external, 0), steps(emptied, fixedNonce, sign(1)), stages{no, fault, fault}},
		{"sign, random wanted, fixed", def(external, reqRandom), steps(fixedNonce, sign(1)), stages{no, no, no}},
		{"sign, random wanted", def(external, reqRandom), steps(randomNonce, sign(1)), stages{no, ok, ok}},
		{"sign, not authorised", def(external, reqAuth4), steps(fixedNonce, sign(1)), stages{no, no, no}},
		{"sign, not authorised by key 0", def(external, 0x80), steps(fixedNonce, sign(1)), stages{no, no, no}},
		{"sign, latch bit means nothing here", def(external, persistent), steps(fixedNonce, sign(1)), stages{no, ok, ok}},
		{"sign, authorised", def(external, reqAuth4), steps(authorise(4), fixedNonce, sign(1)), stages{no, ok, ok}},
		{"sign, authorised by another key", other, steps(authorise(5), fixedNonce, sign(1)), stages{no, no, no}},
		{"sign, authorised before sleep", def(external, reqAuth4), steps(authorise(4), sleep, fixedNonce, sign(1)), stages{no, no, no}},
		{"sign, authorised before idle", def(external, reqAuth4), steps(authorise(4), idleAndWake, fixedNonce, sign(1)), stages{no, ok, ok}},
		{"sign after sleep", def(external, 0), steps(fixedNonce, sleep, sign(1)), stages{no, no, no}},
		{"sign after idle", def(external, 0), steps(fixedNonce, idleAndWake, sign(1)), stages{no, ok, ok}},
		{"sign, uses left", def(external|limited, 0), steps(almost, signed), stages{no, ok, ok}},
		{"sign, one use left", def(external|limited, 0), steps(almost, signed, signed), stages{no, no, no}},
		{"sign, no use left", def(external|limited, 0), steps(full, signed), stages{no, no, no}},
		{"sign, counter full, unlimited", def(external, 0), steps(full, signed), stages{no, ok, ok}},
		{"sign internal of GenDig", def(internal, 0), steps(fixedNonce, genDig(4), signInternal(1)), stages{no, ok, ok}},
		{"sign internal of GenKey", public9, steps(fixedNonce, hashPublic(9), signInternal(1)), stages{no, ok, ok}},
		{"sign internal without permission", def(external|agree, 0), steps(fixedNonce, genDig(4), signInternal(1)), stages{no, no, no}},
		{"sign internal of a nonce", def(internal, 0), steps(randomNonce, signInternal(1)), stages{no, no, no}},
		{"sign internal of nothing", def(internal, 0), signInternal(1), stages{no, no, no}},
		{"sign internal after sleep", def(internal, 0), steps(fixedNonce, genDig(4), sleep, signInternal(1)), stages{no, no, no}},
		{"sign internal of configuration", def(internal, 0), steps(fixedNonce, genDig(4), only(atecc.GenDig{}), signInternal(1)), stages{no, no, no}},
		{"sign from message buffer", def(external, 0), send(atecc.OpSign, 0xA0, 1, 0), stages{parse, parse, parse}},
	}
}

func verifyRules() []rule {
	external := func(point [64]byte, signer int) step {
		return with(atecc.Verify{Mode: atecc.VerifyExternal, Signature: signatureOf(signer, message), Public: point})
	}
	nibble := func(slot int, value byte) step {
		return func(b *bench) error {
			b.change(func(s *State) { s.Slot(slot)[0] = value })
			return nil
		}
	}
	broken := func(b *bench) error {
		b.change(func(s *State) { s.Slot(9)[71] ^= 1 })
		return nil
	}
	stored := func(key atecc.KeyConfig) slots { return slots{9: {0, p256 | key, false}} }
	child := slots{9: {0, p256, false}, 10: {9, p256 | pubInfo, false}}
	hashed := steps(fixedNonce, hashPublic(10))
	valid, invalid := validate(atecc.VerifyValidate, 10, 9), validate(atecc.VerifyInvalidate, 10, 9)
	wrongByte := func(b *bench) error {
		cmd := atecc.Verify{Mode: atecc.VerifyValidate, Slot: 10}
		cmd.OtherData[17] = 1
		cmd.Signature = signatureOf(9, atecc.ValidateDigest(b.chip.tempKey.low(), cmd.OtherData, b.serial()))
		_, err := cmd.Execute(b.Context(), b.chip)
		return err
	}
	otherSlot := slots{9: {0, p256, false}, 10: {9, p256 | pubInfo, false}, 11: {9, p256 | pubInfo, false}}
	return []rule{
		{"verify external", nil, steps(fixedNonce, external(pointOf(7), 7)), stages{ok, ok, ok}},
		{"verify external, wrong key", nil, steps(fixedNonce, external(pointOf(8), 7)), stages{miss, miss, miss}},
		{"verify external without TempKey", nil, external(pointOf(7), 7), stages{no, no, no}},
		{"verify external twice", nil, steps(fixedNonce, external(pointOf(7), 7), external(pointOf(7), 7)), stages{no, no, no}},
		{"verify external after sleep", nil, steps(fixedNonce, sleep, external(pointOf(7), 7)), stages{no, no, no}},
		{"verify external off the curve", nil, steps(fixedNonce, external(offCurve(), 7)), stages{no, no, no}},
		{"verify external, other curve", nil, steps(fixedNonce, send(atecc.OpVerify, 2, 3, 128)), stages{parse, parse, parse}},
		{"verify stored", stored(0), steps(fixedNonce, verifyStored(9)), stages{no, ok, ok}},
		{"verify stored without TempKey", stored(0), verifyStored(9), stages{no, no, no}},
		{"verify stored, wrong signature", stored(0), steps(randomNonce, verifyStored(9)), stages{no, miss, miss}},
		{"verify stored, off the curve", stored(0), steps(broken, fixedNonce, verifyStored(9)), stages{no, no, no}},
		{"verify stored in data", nil, steps(fixedNonce, verifyStored(9)), stages{no, no, no}},
		{"verify stored in private slot", slots{9: {0, private | p256, false}}, steps(fixedNonce, verifyStored(9)), stages{no, no, no}},
		{"verify stored in small slot", slots{7: {0, p256, false}}, steps(fixedNonce, verifyStored(7)), stages{no, no, no}},
		{"verify stored, not validated", stored(pubInfo), steps(fixedNonce, verifyStored(9)), stages{no, no, no}},
		{"verify stored, invalidated", stored(pubInfo), steps(nibble(9, 0xA0), fixedNonce, verifyStored(9)), stages{no, no, no}},
		{"verify stored, validated", stored(pubInfo), steps(nibble(9, 0x50), fixedNonce, verifyStored(9)), stages{no, ok, ok}},
		{"verify stored, random wanted, fixed", stored(reqRandom), steps(fixedNonce, verifyStored(9)), stages{no, no, no}},
		{"verify stored, not authorised", stored(reqAuth4), steps(fixedNonce, verifyStored(9)), stages{no, no, no}},
		{"verify stored, authorised", stored(reqAuth4), steps(authorise(4), fixedNonce, verifyStored(9)), stages{no, ok, ok}},
		{"validate", child, steps(hashed, valid), stages{no, ok, ok}},
		{"validate, then verify", child, steps(hashed, valid, fixedNonce, verifyStored(10)), stages{no, ok, ok}},
		{"invalidate", child, steps(hashed, invalid), stages{no, ok, ok}},
		{"invalidate, then verify", child, steps(nibble(10, 0x50), hashed, invalid, fixedNonce, verifyStored(10)), stages{no, no, no}},
		{"validate without digest", child, steps(fixedNonce, valid), stages{no, no, no}},
		{"validate without TempKey", child, valid, stages{no, no, no}},
		{"validate with digest of another slot", otherSlot, steps(fixedNonce, hashPublic(11), valid), stages{no, no, no}},
		{"validate with GenDig", child, steps(fixedNonce, only(atecc.GenDig{Source: atecc.GenDigData, Param2: 10}), valid), stages{no, no, no}},
		{"validate by another key", child, steps(hashed, validate(atecc.VerifyValidate, 10, 11)), stages{no, miss, miss}},
		{"validate, byte of invalidate", child, steps(hashed, wrongByte), stages{no, no, no}},
		{"validate in locked slot", slots{9: {0, p256, false}, 10: {9, p256 | pubInfo, true}}, steps(hashed, valid), stages{no, no, no}},
		{"validate without PubInfo", slots{9: {0, p256, false}, 10: {9, p256, false}}, steps(hashed, valid), stages{no, no, no}},
		{"validate by an unvalidated parent", slots{9: {0, p256 | pubInfo, false}, 10: {9, p256 | pubInfo, false}}, steps(hashed, valid), stages{no, no, no}},
		{"validate by data", slots{10: {9, p256 | pubInfo, false}}, steps(hashed, valid), stages{no, no, no}},
		{"write makes a valid key invalid", slots{9: {0, p256 | pubInfo, false}},
			steps(nibble(9, 0x50), writePublic(9), fixedNonce, verifyStored(9)), stages{no, no, no}},
		{"verify from message buffer", nil, send(atecc.OpVerify, 0x22, 4, 128), stages{parse, parse, parse}},
	}
}

// writePublic writes block 0 of a public key as it is, but with the nibble of a valid one.
func writePublic(slot int) step {
	return func(b *bench) error {
		padded := atecc.PadPublicKey(pointOf(slot))
		padded[0] = 0x50
		return atecc.Write{Zone: atecc.ZoneData, Address: atecc.SlotAddress(slot, 0, 0), Data: padded[:32]}.Execute(b.Context(), b.chip)
	}
}

func ecdhRules() []rule {
	def := func(slot atecc.SlotConfig, key atecc.KeyConfig) slots {
		return slots{2: {slot, private | p256 | key, false}}
	}
	full := func(b *bench) error {
		b.change(func(s *State) { s.setCounter(0, atecc.MaxCounter) })
		return nil
	}
	emptied := func(b *bench) error {
		b.change(func(s *State) { clear(s.Slot(2)) })
		return nil
	}
	toSlot := slotDef{agree | ecdhToSlot, private | p256, false}
	return []rule{
		{"ECDH", def(agree, 0), ecdhWith(2), stages{no, ok, ok}},
		{"ECDH without permission", def(external|internal|ecdhToSlot, 0), ecdhWith(2), stages{no, no, no}},
		{"ECDH with data", slots{2: {agree, sha, false}}, ecdhWith(2), stages{no, no, no}},
		{"ECDH with nothing", def(agree, 0), steps(emptied, ecdhWith(2)), stages{no, fault, fault}},
		{"ECDH off the curve", def(agree, 0), with(atecc.ECDH{Slot: 2, Public: offCurve()}), stages{no, no, no}},
		{"ECDH to slot", slots{2: toSlot}, ecdhWith(2), stages{no, ok, ok}},
		{"ECDH to locked slot", slots{2: toSlot, 3: {0, sha, true}}, ecdhWith(2), stages{no, no, no}},
		{"ECDH to private slot", slots{2: toSlot, 3: {0, private | p256, false}}, ecdhWith(2), stages{no, no, no}},
		{"ECDH onto itself", slots{3: toSlot}, ecdhWith(3), stages{no, no, no}},
		{"ECDH, random wanted", def(agree, reqRandom), steps(randomNonce, ecdhWith(2)), stages{no, ok, ok}},
		{"ECDH, random wanted, fixed", def(agree, reqRandom), steps(fixedNonce, ecdhWith(2)), stages{no, no, no}},
		{"ECDH, random wanted, used up", def(agree, reqRandom), steps(randomNonce, ecdhWith(2), ecdhWith(2)), stages{no, no, no}},
		{"ECDH, not authorised", def(agree, reqAuth4), ecdhWith(2), stages{no, no, no}},
		{"ECDH, authorised", def(agree, reqAuth4), steps(authorise(4), ecdhWith(2)), stages{no, ok, ok}},
		{"ECDH, no use left", def(agree|limited, 0), steps(full, ecdhWith(2)), stages{no, no, no}},
		{"ECDH with mode", def(agree, 0), send(atecc.OpECDH, 0x0C, 2, 64), stages{parse, parse, parse}},
	}
}

func macRules() []rule {
	mac := func(mode atecc.MACMode) step { return with(atecc.MAC{Mode: mode, Slot: 5}) }
	hmac := func(mode atecc.MACMode) step { return with(atecc.HMAC{Mode: mode, Slot: 5}) }
	def := func(slot atecc.SlotConfig, key atecc.KeyConfig) slots { return slots{5: {slot, key, false}} }
	tainted := slots{6: {noMac, sha, false}}
	full := func(b *bench) error {
		b.change(func(s *State) { s.setCounter(0, atecc.MaxCounter) })
		return nil
	}
	wrong := only(atecc.CheckMac{Slot: 5})
	copied := slots{4: {0, sha, false}, 5: {0, sha, false}}
	copyMAC := steps(randomNonce, checkMacTempKey(1, 4), with(atecc.MAC{Mode: 7, Slot: 0}))
	return []rule{
		{"MAC of challenge", nil, mac(0), stages{no, ok, ok}},
		{"MAC of TempKey", nil, steps(randomNonce, mac(1)), stages{no, ok, ok}},
		{"MAC of fixed TempKey", nil, steps(fixedNonce, mac(5)), stages{no, ok, ok}},
		{"MAC by TempKey", nil, steps(randomNonce, mac(3)), stages{no, ok, ok}},
		{"MAC without TempKey", nil, mac(1), stages{no, no, no}},
		{"MAC by TempKey without it", nil, mac(2), stages{no, no, no}},
		{"MAC, source is fixed", nil, steps(fixedNonce, mac(1)), stages{no, no, no}},
		{"MAC, source is random", nil, steps(randomNonce, mac(5)), stages{no, no, no}},
		{"MAC twice", nil, steps(randomNonce, mac(1), mac(1)), stages{no, no, no}},
		{"MAC with NoMac key", def(noMac, sha), mac(0), stages{no, no, no}},
		{"MAC by TempKey, NoMac slot", def(noMac, sha), steps(randomNonce, mac(3)), stages{no, ok, ok}},
		{"MAC of tainted TempKey", tainted, steps(randomNonce, taint(6), mac(1)), stages{no, no, no}},
		{"MAC with private key", def(0, private|p256), mac(0), stages{no, no, no}},
		{"MAC, random wanted", def(0, sha|reqRandom), steps(randomNonce, mac(1)), stages{no, ok, ok}},
		{"MAC, random wanted, fixed", def(0, sha|reqRandom), steps(fixedNonce, mac(5)), stages{no, no, no}},
		{"MAC of challenge, random wanted", def(0, sha|reqRandom), mac(0), stages{no, no, no}},
		{"MAC, not authorised", def(0, sha|reqAuth4), mac(0), stages{no, no, no}},
		{"MAC, authorised", def(0, sha|reqAuth4), steps(authorise(4), mac(0)), stages{no, ok, ok}},
		{"MAC, no use left", def(limited, sha), steps(full, mac(0)), stages{no, no, no}},
		{"MAC with unknown mode", nil, send(atecc.OpMAC, 0x08, 5, 32), stages{parse, parse, parse}},

		{"HMAC", nil, steps(randomNonce, hmac(0)), stages{no, ok, ok}},
		{"HMAC of fixed TempKey", nil, steps(fixedNonce, hmac(4)), stages{no, ok, ok}},
		{"HMAC without TempKey", nil, hmac(0), stages{no, no, no}},
		{"HMAC, source is fixed", nil, steps(fixedNonce, hmac(0)), stages{no, no, no}},
		{"HMAC, source is random", nil, steps(randomNonce, hmac(4)), stages{no, no, no}},
		{"HMAC with NoMac key", def(noMac, sha), steps(randomNonce, hmac(0)), stages{no, no, no}},
		{"HMAC of tainted TempKey", tainted, steps(randomNonce, taint(6), hmac(0)), stages{no, no, no}},
		{"HMAC with private key", def(0, private|p256), steps(randomNonce, hmac(0)), stages{no, no, no}},
		{"HMAC, random wanted, fixed", def(0, sha|reqRandom), steps(fixedNonce, hmac(4)), stages{no, no, no}},
		{"HMAC, not authorised", def(0, sha|reqAuth4), steps(randomNonce, hmac(0)), stages{no, no, no}},

		{"CheckMac", nil, authorise(5), stages{no, ok, ok}},
		{"CheckMac, wrong response", nil, wrong, stages{no, miss, miss}},
		{"CheckMac of TempKey", nil, steps(randomNonce, checkMacTempKey(1, 5)), stages{no, ok, ok}},
		{"CheckMac of fixed TempKey", nil, steps(fixedNonce, checkMacTempKey(5, 5)), stages{no, ok, ok}},
		{"CheckMac by TempKey", nil, steps(randomNonce, checkMacTempKey(3, 5)), stages{no, ok, ok}},
		{"CheckMac without TempKey", nil, checkMacTempKey(1, 5), stages{no, no, no}},
		{"CheckMac, source is fixed", nil, steps(fixedNonce, checkMacTempKey(1, 5)), stages{no, no, no}},
		{"CheckMac, source is random", nil, steps(randomNonce, checkMacTempKey(5, 5)), stages{no, no, no}},
		{"CheckMac with NoMac key", def(noMac, sha), authorise(5), stages{no, ok, ok}},
		{"CheckMac of tainted TempKey", tainted, steps(randomNonce, taint(6), checkMacTempKey(1, 5)), stages{no, no, no}},
		{"CheckMac with private key", def(0, private|p256), authorise(5), stages{no, no, no}},
		{"CheckMac, random wanted", def(0, sha|reqRandom), authorise(5), stages{no, no, no}},
		{"CheckMac, not authorised", def(0, sha|reqAuth4), authorise(5), stages{no, no, no}},
		{"CheckMac, no use left", def(limited, sha), steps(full, authorise(5)), stages{no, no, no}},
		{"CheckMac by TempKey does not authorise", slots{1: {generate, private | p256 | reqAuth4, false}},
			steps(randomNonce, checkMacTempKey(3, 4), genKey(atecc.GenKeyPrivate, 1)), stages{no, no, no}},
		{"CheckMac copies", copied, copyMAC, stages{no, ok, ok}},
		{"CheckMac copies in mode 5", copied, steps(fixedNonce, checkMacTempKey(5, 4), with(atecc.MAC{Mode: 7})), stages{no, ok, ok}},
		{"CheckMac copies only with ReadKey 0", slots{5: {4, sha, false}}, copyMAC, stages{no, no, no}},
		{"CheckMac copies no private key", slots{5: {0, private | p256, false}}, copyMAC, stages{no, no, no}},
		{"CheckMac copies only for even slots", slots{5: {0, sha, false}},
			steps(randomNonce, checkMacTempKey(1, 5), with(atecc.MAC{Mode: 7})), stages{no, no, no}},
		{"CheckMac copies only in modes 1 and 5", copied,
			steps(authorise(4), with(atecc.MAC{Mode: 7})), stages{no, no, no}},
	}
}

func genDigRules() []rule {
	dig := func(source atecc.GenDigSource, param uint16, size int) step {
		return only(atecc.GenDig{Source: source, Param2: param, Data: make([]byte, size)})
	}
	def := func(slot atecc.SlotConfig, key atecc.KeyConfig) slots { return slots{5: {slot, key, false}} }
	full := func(b *bench) error {
		b.change(func(s *State) { s.setCounter(0, atecc.MaxCounter) })
		return nil
	}
	return []rule{
		{"GenDig of config", nil, steps(randomNonce, dig(atecc.GenDigConfig, 3, 0)), stages{no, ok, ok}},
		{"GenDig of OTP", nil, steps(randomNonce, dig(atecc.GenDigOTP, 1, 0)), stages{no, ok, ok}},
		{"GenDig of key", nil, steps(randomNonce, genDig(5)), stages{no, ok, ok}},
		{"GenDig of shared nonce", nil, steps(randomNonce, dig(atecc.GenDigSharedNonce, 0x8000, 32)), stages{no, ok, ok}},
		{"GenDig of counter", nil, steps(randomNonce, dig(atecc.GenDigCounter, 1, 0)), stages{no, ok, ok}},
		{"GenDig of key configuration", nil, steps(randomNonce, dig(atecc.GenDigKeyConfig, 15, 0)), stages{no, ok, ok}},
		{"GenDig without TempKey", nil, genDig(5), stages{no, no, no}},
		{"GenDig of config without TempKey", nil, dig(atecc.GenDigConfig, 0, 0), stages{no, no, no}},
		{"GenDig after sleep", nil, steps(randomNonce, sleep, genDig(5)), stages{no, no, no}},
		{"GenDig of private key", def(0, private|p256), steps(randomNonce, genDig(5)), stages{no, no, no}},
		{"GenDig of NoMac key", def(noMac, sha), steps(randomNonce, taint(5)), stages{no, ok, ok}},
		{"GenDig of NoMac key without data", def(noMac, sha), steps(randomNonce, genDig(5)), stages{no, no, no}},
		{"GenDig of key with data", nil, steps(randomNonce, taint(5)), stages{no, no, no}},
		{"GenDig, random wanted", def(0, sha|reqRandom), steps(randomNonce, genDig(5)), stages{no, ok, ok}},
		{"GenDig, random wanted, fixed", def(0, sha|reqRandom), steps(fixedNonce, genDig(5)), stages{no, no, no}},
		{"GenDig, not authorised", def(0, sha|reqAuth4), steps(randomNonce, genDig(5)), stages{no, no, no}},
		{"GenDig, authorised", def(0, sha|reqAuth4), steps(authorise(4), randomNonce, genDig(5)), stages{no, ok, ok}},
		{"GenDig, no use left", def(limited, sha), steps(full, randomNonce, genDig(5)), stages{no, no, no}},
		{"GenDig of block 4", nil, dig(atecc.GenDigConfig, 4, 0), stages{parse, parse, parse}},
		{"GenDig of unknown zone", nil, dig(6, 0, 0), stages{parse, parse, parse}},
	}
}

func deriveKeyRules() []rule {
	const roll, child = generate, generate | fromParent | 0x0600
	def := func(slot atecc.SlotConfig, key atecc.KeyConfig) slots { return slots{5: {slot, key, false}} }
	parent := func(slot atecc.SlotConfig, key atecc.KeyConfig) slots {
		return slots{5: {child, sha, false}, 6: {slot, key, false}}
	}
	full := func(b *bench) error {
		b.change(func(s *State) { s.setCounter(0, atecc.MaxCounter) })
		return nil
	}
	return []rule{
		{"derive", def(child, sha), steps(randomNonce, derive(5)), stages{no, no, ok}},
		{"roll", def(roll, sha), steps(randomNonce, derive(5)), stages{no, no, ok}},
		{"derive without permission", def(fromParent|0x0600, sha), steps(randomNonce, derive(5)), stages{no, no, no}},
		{"derive into locked slot", slots{5: {child, sha, true}}, steps(randomNonce, derive(5)), stages{no, no, no}},
		{"derive into private slot", def(child, private|p256), steps(randomNonce, derive(5)), stages{no, no, no}},
		{"derive from private slot", parent(0, private|p256), steps(randomNonce, derive(5)), stages{no, no, no}},
		{"derive without TempKey", def(child, sha), derive(5), stages{no, no, no}},
		{"derive twice", def(child, sha), steps(randomNonce, derive(5), derive(5)), stages{no, no, no}},
		{"derive, source is fixed", def(child, sha), steps(fixedNonce, derive(5)), stages{no, no, no}},
		{"derive from fixed", def(child, sha), steps(fixedNonce, only(atecc.DeriveKey{Slot: 5, FixedInput: true})), stages{no, no, ok}},
		{"derive, source is random", def(child, sha), steps(randomNonce, only(atecc.DeriveKey{Slot: 5, FixedInput: true})), stages{no, no, no}},
		{"derive with tainted TempKey", slots{4: {noMac, sha, false}, 5: {child, sha, false}}, steps(randomNonce, taint(4), derive(5)), stages{no, no, no}},
		{"derive without mandatory MAC", def(child|needMAC, sha), steps(randomNonce, derive(5)), stages{no, no, no}},
		{"derive with mandatory MAC", def(child|needMAC, sha), steps(randomNonce, deriveWithMAC(5, 6)), stages{no, no, ok}},
		{"derive with needless MAC", def(child, sha), steps(randomNonce, deriveWithMAC(5, 6)), stages{no, no, ok}},
		{"derive with wrong MAC", def(child|needMAC, sha), steps(randomNonce, deriveWithMAC(5, 7)), stages{no, no, miss}},
		{"derive with needless wrong MAC", def(child, sha), steps(randomNonce, deriveWithMAC(5, 7)), stages{no, no, miss}},
		{"derive, parent wants random", parent(0, sha|reqRandom), steps(fixedNonce, only(atecc.DeriveKey{Slot: 5, FixedInput: true})), stages{no, no, no}},
		{"derive, parent not authorised", parent(0, sha|reqAuth4), steps(randomNonce, derive(5)), stages{no, no, no}},
		{"derive, parent authorised", parent(0, sha|reqAuth4), steps(authorise(4), randomNonce, derive(5)), stages{no, no, ok}},
		{"derive, parent without uses", parent(limited, sha), steps(full, randomNonce, derive(5)), stages{no, no, no}},
		{"derive, parent is NoMac", parent(noMac, sha), steps(randomNonce, derive(5)), stages{no, no, ok}},
	}
}

func privWriteRules() []rule {
	clearWrite := only(atecc.PrivWrite{Slot: 1, Key: scalarOf(99)})
	def := func(slot atecc.SlotConfig) slots { return slots{1: {slot, private | p256, false}} }
	wrongMAC := send(atecc.OpPrivWrite, 0x40, 1, 68)
	return []rule{
		{"PrivWrite clear", def(key4 | encWrite), clearWrite, stages{no, ok, no}},
		{"PrivWrite clear without permission", def(key4), clearWrite, stages{no, ok, no}},
		{"PrivWrite", def(key4 | encWrite), steps(session(4), privWriteWith(1)), stages{no, ok, ok}},
		{"PrivWrite without permission", def(key4), steps(session(4), privWriteWith(1)), stages{no, ok, no}},
		{"PrivWrite with other key", def(key4 | encWrite), steps(session(5), privWriteWith(1)), stages{no, no, no}},
		{"PrivWrite with fixed nonce", def(key4 | encWrite), steps(fixedNonce, genDig(4), privWriteWith(1)), stages{no, no, no}},
		{"PrivWrite without GenDig", def(key4 | encWrite), steps(randomNonce, privWriteWith(1)), stages{no, no, no}},
		{"PrivWrite without session", def(key4 | encWrite), privWriteWith(1), stages{no, no, no}},
		{"PrivWrite with wrong MAC", def(key4 | encWrite), steps(session(4), wrongMAC), stages{no, miss, miss}},
		{"PrivWrite tainted", slots{1: {key4 | encWrite, private | p256, false}, 4: {noMac, sha, false}},
			steps(randomNonce, taint(4), privWriteWith(1)), stages{no, no, no}},
		{"PrivWrite twice", def(key4 | encWrite), steps(session(4), privWriteWith(1), privWriteWith(1)), stages{no, no, no}},
		{"PrivWrite into locked slot", slots{1: {key4 | encWrite, private | p256, true}}, steps(session(4), privWriteWith(1)), stages{no, no, no}},
		{"PrivWrite into data", slots{1: {key4 | encWrite, sha, false}}, steps(session(4), privWriteWith(1)), stages{no, no, no}},
		{"PrivWrite clear into data", slots{1: {key4 | encWrite, sha, false}}, clearWrite, stages{no, no, no}},
		{"PrivWrite of zero", def(key4 | encWrite), only(atecc.PrivWrite{Slot: 1}), stages{no, no, no}},
	}
}

func counterRules() []rule {
	at := func(n int, value uint32) step {
		return func(b *bench) error {
			b.change(func(s *State) { s.setCounter(n, value) })
			return nil
		}
	}
	counter := func(n int) step { return with(atecc.Counter{Counter: n, Increment: true}) }
	chipMode := func(value byte) step {
		return func(b *bench) error {
			b.change(func(s *State) { s.Config[19] = value })
			return nil
		}
	}
	lastUse := func(value byte) step {
		return func(b *bench) error {
			b.change(func(s *State) { clear(s.Config.LastKeyUse()); s.Config[68] = value })
			return nil
		}
	}
	limited15 := slots{15: {limited, sha, false}}
	mac := with(atecc.MAC{Slot: 15})
	extra, selector := only(atecc.UpdateExtra{Value: 7}), only(atecc.UpdateExtra{Selector: true, Value: 7})
	return []rule{
		{"count", nil, counter(0), stages{ok, ok, ok}},
		{"count 1", nil, counter(1), stages{ok, ok, ok}},
		{"count to the limit", nil, steps(at(1, atecc.MaxCounter-1), counter(1)), stages{ok, ok, ok}},
		{"count at the limit", nil, steps(at(1, atecc.MaxCounter), counter(1)), stages{no, no, no}},
		{"read counter at the limit", nil, steps(at(1, atecc.MaxCounter), with(atecc.Counter{Counter: 1})), stages{ok, ok, ok}},
		{"count 2", nil, counter(2), stages{parse, parse, parse}},
		{"slot 15, a use left", limited15, steps(lastUse(1), mac), stages{no, ok, ok}},
		{"slot 15, the last use", limited15, steps(lastUse(1), mac, mac), stages{no, no, no}},
		{"slot 15, two uses", limited15, steps(lastUse(3), mac, mac), stages{no, ok, ok}},
		{"slot 15, no use left", limited15, steps(lastUse(0), mac), stages{no, no, no}},
		{"UpdateExtra", nil, extra, stages{ok, ok, ok}},
		{"UpdateExtra twice", nil, steps(extra, extra), stages{no, no, no}},
		{"Selector", nil, selector, stages{ok, ok, ok}},
		{"Selector twice", nil, steps(selector, selector), stages{ok, ok, ok}},
		{"Selector write-once", nil, steps(chipMode(1), selector), stages{ok, ok, ok}},
		{"Selector write-once twice", nil, steps(chipMode(1), selector, selector), stages{no, no, no}},
		{"UpdateExtra of two bytes", nil, send(atecc.OpUpdateExtra, 0, 0x100, 0), stages{parse, parse, parse}},
	}
}

func shaRules() []rule {
	start, end := with(atecc.SHA{Mode: atecc.SHAStart}), with(atecc.SHA{Mode: atecc.SHAEnd})
	update := with(atecc.SHA{Mode: atecc.SHAUpdate, Data: make([]byte, 64)})
	hmacStart, hmacEnd := with(atecc.SHA{Mode: atecc.SHAHMACStart, Slot: 5}), with(atecc.SHA{Mode: atecc.SHAHMACEnd})
	public := with(atecc.SHA{Mode: atecc.SHAPublic, Slot: 9})
	def := func(slot atecc.SlotConfig, key atecc.KeyConfig) slots { return slots{5: {slot, key, false}} }
	return []rule{
		{"SHA", nil, steps(start, update, end), stages{ok, ok, ok}},
		{"SHA update without start", nil, update, stages{no, no, no}},
		{"SHA end without start", nil, end, stages{no, no, no}},
		{"SHA end twice", nil, steps(start, end, end), stages{no, no, no}},
		{"SHA after sleep", nil, steps(start, sleep, update), stages{no, no, no}},
		{"SHA after idle", nil, steps(start, idleAndWake, update), stages{ok, ok, ok}},
		{"SHA short update", nil, steps(start, with(atecc.SHA{Mode: atecc.SHAUpdate, Data: make([]byte, 63)})), stages{parse, parse, parse}},
		{"SHA long end", nil, steps(start, with(atecc.SHA{Mode: atecc.SHAEnd, Data: make([]byte, 64)})), stages{parse, parse, parse}},
		{"SHA, wrong length", nil, steps(start, send(atecc.OpSHA, 1, 63, 64)), stages{parse, parse, parse}},
		{"SHA of a public key", slots{9: {0, p256, false}}, steps(start, public), stages{no, ok, ok}},
		{"SHA of a public key without start", slots{9: {0, p256, false}}, public, stages{no, no, no}},
		{"SHA of data", nil, steps(start, public), stages{no, no, no}},
		{"SHA of a private key", slots{9: {0, private | p256, false}}, steps(start, public), stages{no, no, no}},
		{"SHA HMAC", nil, steps(hmacStart, update, hmacEnd), stages{no, ok, ok}},
		{"SHA HMAC ended as SHA", nil, steps(hmacStart, end), stages{no, no, no}},
		{"SHA ended as HMAC", nil, steps(start, hmacEnd), stages{no, no, no}},
		{"SHA HMAC with NoMac key", def(noMac, sha), hmacStart, stages{no, no, no}},
		{"SHA HMAC with private key", def(0, private|p256), hmacStart, stages{no, no, no}},
		{"SHA HMAC, random wanted", def(0, sha|reqRandom), hmacStart, stages{no, no, no}},
		{"SHA HMAC, random wanted and there", def(0, sha|reqRandom), steps(randomNonce, hmacStart), stages{no, ok, ok}},
		{"SHA HMAC, not authorised", def(0, sha|reqAuth4), hmacStart, stages{no, no, no}},
		{"SHA read context", nil, steps(start, send(atecc.OpSHA, 6, 0, 0)), stages{parse, parse, parse}},
		{"SHA start clears TempKey", slots{1: {external, private | p256, false}}, steps(fixedNonce, start, sign(1)), stages{no, no, no}},
		{"SHA digest can be signed", slots{1: {external, private | p256, false}}, steps(start, end, sign(1)), stages{no, ok, ok}},
	}
}
