package ateccsim

import (
	"encoding/binary"

	"github.com/thingward/thingward/atecc"
)

// rules608A are those that only the ATECC608A has.
func rules608A() []rule {
	var all []rule
	for _, rules := range [][]rule{limitRules(), latchRules(), bufferRules(), aesRules(), kdfRules(), ecdhProtectionRules(), secureBootRules(), removedRules()} {
		all = append(all, rules...)
	}
	return all
}

// set changes bytes of the configuration zone.
func set(offset int, value ...byte) step {
	return func(b *bench) error {
		b.change(func(s *State) { copy(s.Config[offset:], value) })
		return nil
	}
}

// chipOptions, with the IO protection key in slot 6.
func chipOptions(options uint16) step {
	return set(90, byte(options), byte(options>>8)|0x60)
}

const ioProtection = 0x0002

func limitRules() []rule {
	limit := func(first, second uint32) step {
		return func(b *bench) error {
			b.change(func(s *State) {
				s.Config[18] = 10<<4 | 1 // CountMatch, slot 10
				binary.LittleEndian.PutUint32(s.Slot(10), first)
				binary.LittleEndian.PutUint32(s.Slot(10)[4:], second)
			})
			return nil
		}
	}
	use := steps(fixedNonce, sign(1))
	defs := slots{1: {external | limited, private | p256, false}}
	last := slots{15: {limited, sha, false}}
	return []rule{
		{"limit 2, second use", defs, steps(limit(2, 2), use, use), stages{no, ok, ok}},
		{"limit 2, third use", defs, steps(limit(2, 2), use, use, use), stages{no, no, no}},
		{"limit not doubled", defs, steps(limit(2, 3), use), stages{no, no, no}},
		{"limit not enabled", defs, steps(limit(0, 0), set(18, 10<<4), use), stages{no, ok, ok}},
		{"slot 15 has a use in Counter0", last, steps(limit(1, 1), with(atecc.MAC{Slot: 15})), stages{no, ok, ok}},
		{"slot 15 counts in Counter0", last, steps(limit(1, 1), with(atecc.MAC{Slot: 15}), with(atecc.MAC{Slot: 15})), stages{no, no, no}},
	}
}

func latchRules() []rule {
	permit := set(69, 0x84) // by the key in slot 4
	setLatch, clearLatch := with(atecc.Info{Mode: atecc.InfoLatch, Param: 3}), with(atecc.Info{Mode: atecc.InfoLatch, Param: 2})
	get := with(atecc.Info{Mode: atecc.InfoLatch})
	use := steps(fixedNonce, sign(1))
	defs := slots{1: {external, private | p256 | persistent, false}}
	return []rule{
		{"read latch", nil, get, stages{ok, ok, ok}},
		{"set latch, not authorised", nil, steps(permit, setLatch), stages{no, no, no}},
		{"set latch, not authorised by key 0", nil, steps(set(69, 0x80), setLatch), stages{no, no, no}},
		{"set latch, authorised", nil, steps(permit, authorise(4), setLatch), stages{no, ok, ok}},
		{"set latch, authorised by another key", nil, steps(permit, authorise(5), setLatch), stages{no, no, no}},
		{"set latch, not permitted", nil, steps(authorise(4), setLatch), stages{no, no, no}},
		{"use without latch", defs, use, stages{no, no, no}},
		{"use with latch", defs, steps(permit, authorise(4), setLatch, use), stages{no, ok, ok}},
		{"latch lasts", defs, steps(permit, authorise(4), setLatch, sleep, use), stages{no, ok, ok}},
		{"use after latch is cleared", defs, steps(permit, authorise(4), setLatch, clearLatch, use), stages{no, no, no}},
		{"create key without latch", slots{1: {generate, private | p256 | persistent, false}}, genKey(atecc.GenKeyPrivate, 1), stages{no, no, no}},
	}
}

func nonceTo(target atecc.Target, size int) step {
	return with(atecc.Nonce{Mode: atecc.NoncePassThrough, Target: target, Input: make([]byte, size)})
}

func bufferRules() []rule {
	defs := slots{1: {external, private | p256, false}}
	fromBuffer := with(atecc.Sign{Mode: atecc.SignExternal | atecc.SignFromMsgBuf, Slot: 1})
	verify := func(mode atecc.VerifyMode) step {
		return with(atecc.Verify{Mode: atecc.VerifyExternal | mode, Signature: signatureOf(7, [32]byte{}), Public: pointOf(7)})
	}
	wrong := with(atecc.Verify{Mode: atecc.VerifyExternal | atecc.VerifyFromMsgBuf | atecc.VerifyWithMAC, Signature: signatureOf(8, [32]byte{}), Public: pointOf(7)})
	withMAC := verify(atecc.VerifyFromMsgBuf | atecc.VerifyWithMAC)
	toBuffer, toBuffer64 := nonceTo(atecc.TargetMessageDigest, 32), nonceTo(atecc.TargetMessageDigest, 64)
	start := with(atecc.SHA{Mode: atecc.SHAStart})
	fromTempKey := with(atecc.Nonce{Input: make([]byte, 20), UseTempKey: true})
	return []rule{
		{"sign from buffer", defs, steps(toBuffer, fromBuffer), stages{no, ok, ok}},
		{"sign from empty buffer", defs, steps(fixedNonce, fromBuffer), stages{no, no, no}},
		{"sign from buffer twice", defs, steps(toBuffer, fromBuffer, fromBuffer), stages{no, no, no}},
		{"sign from buffer after sleep", defs, steps(toBuffer, sleep, fromBuffer), stages{no, no, no}},
		{"sign from buffer without permission", slots{1: {internal, private | p256, false}}, steps(toBuffer, fromBuffer), stages{no, no, no}},
		{"sign internal from buffer", defs, send(atecc.OpSign, 0x20, 1, 0), stages{parse, parse, parse}},
		{"sign, digest only in buffer", defs, steps(toBuffer, sign(1)), stages{no, no, no}},
		{"digest to buffer", defs, steps(start, with(atecc.SHA{Mode: atecc.SHAEnd, Target: atecc.TargetMessageDigest}), fromBuffer), stages{no, ok, ok}},
		{"digest to nowhere", defs, steps(start, with(atecc.SHA{Mode: atecc.SHAEnd, Target: atecc.SHATargetNone}), sign(1)), stages{no, no, no}},
		{"verify from buffer", nil, steps(toBuffer, verify(atecc.VerifyFromMsgBuf)), stages{ok, ok, ok}},
		{"verify from empty buffer", nil, steps(fixedNonce, verify(atecc.VerifyFromMsgBuf)), stages{no, no, no}},
		{"verify from buffer twice", nil, steps(toBuffer, verify(atecc.VerifyFromMsgBuf), verify(atecc.VerifyFromMsgBuf)), stages{no, no, no}},
		{"verify with MAC", nil, steps(chipOptions(ioProtection), toBuffer64, withMAC), stages{ok, ok, ok}},
		{"verify with MAC twice", nil, steps(chipOptions(ioProtection), toBuffer64, withMAC, withMAC), stages{no, no, no}},
		{"verify with MAC, short buffer", nil, steps(chipOptions(ioProtection), toBuffer, withMAC), stages{no, no, no}},
		{"verify with MAC, no protection", nil, steps(toBuffer64, withMAC), stages{no, no, no}},
		{"verify with MAC, wrong signature", nil, steps(chipOptions(ioProtection), toBuffer64, wrong), stages{miss, miss, miss}},
		{"64 bytes to alternate key", nil, nonceTo(atecc.TargetAlternateKey, 64), stages{parse, parse, parse}},
		{"nonce from TempKey", nil, steps(randomNonce, fromTempKey), stages{ok, ok, ok}},
		{"nonce from nothing", nil, fromTempKey, stages{no, no, no}},
		{"nonce from TempKey stays fixed", slots{5: {0, sha | reqRandom, false}}, steps(fixedNonce, fromTempKey, genDig(5)), stages{no, no, no}},
		{"nonce from TempKey stays random", slots{5: {0, sha | reqRandom, false}}, steps(randomNonce, fromTempKey, genDig(5)), stages{no, ok, ok}},
		{"read context", nil, steps(start, with(atecc.SHA{Mode: atecc.SHAReadContext})), stages{ok, ok, ok}},
		{"read context of nothing", nil, with(atecc.SHA{Mode: atecc.SHAReadContext}), stages{no, no, no}},
		{"read context of HMAC", nil, steps(with(atecc.SHA{Mode: atecc.SHAHMACStart, Slot: 5}), with(atecc.SHA{Mode: atecc.SHAReadContext})), stages{no, no, no}},
		{"write context that does not fit", nil, send(atecc.OpSHA, 7, 37, 37), stages{no, no, no}},
		{"HMAC with TempKey", nil, steps(fixedNonce, send(atecc.OpSHA, 4, 0xFFFF, 0), with(atecc.SHA{Mode: atecc.SHAEnd})), stages{no, ok, ok}},
		{"HMAC with TempKey without it", nil, send(atecc.OpSHA, 4, 0xFFFF, 0), stages{no, no, no}},
		{"write OTP in consumption mode", nil, steps(set(18, 0x55), only(atecc.Write{Zone: atecc.ZoneOTP, Data: make([]byte, 4)})), stages{no, no, no}},
	}
}

func aesRules() []rule {
	encrypt := func(slot, block int) step {
		return with(atecc.AES{Slot: slot, KeyBlock: block, Data: make([]byte, 16)})
	}
	def := func(key atecc.KeyConfig) slots { return slots{5: {secret, key, false}} }
	return []rule{
		{"AES", def(aesKey), encrypt(5, 1), stages{no, ok, ok}},
		{"AES, key beyond the slot", def(aesKey), encrypt(5, 2), stages{no, no, no}},
		{"AES disabled", def(aesKey), steps(set(13, 0), encrypt(5, 0)), stages{no, no, no}},
		{"AES with SHA key", def(sha), encrypt(5, 0), stages{no, no, no}},
		{"AES with private slot", def(private | aesKey), encrypt(5, 0), stages{no, no, no}},
		{"AES, random wanted", def(aesKey | reqRandom), steps(fixedNonce, encrypt(5, 0)), stages{no, no, no}},
		{"AES, not authorised", def(aesKey | reqAuth4), encrypt(5, 0), stages{no, no, no}},
		{"AES with TempKey", nil, steps(fixedNonce, encrypt(atecc.SlotTempKey, 1)), stages{no, ok, ok}},
		{"AES with TempKey keeps it", nil, steps(fixedNonce, encrypt(atecc.SlotTempKey, 1), encrypt(atecc.SlotTempKey, 1)), stages{no, ok, ok}},
		{"AES with short TempKey", nil, steps(fixedNonce, encrypt(atecc.SlotTempKey, 2)), stages{no, no, no}},
		{"AES with long TempKey", nil, steps(nonceTo(atecc.TargetTempKey, 64), encrypt(atecc.SlotTempKey, 3)), stages{no, ok, ok}},
		{"AES with no TempKey", nil, encrypt(atecc.SlotTempKey, 0), stages{no, no, no}},
		{"GFM", nil, with(atecc.AES{Mode: atecc.AESGFM, Data: make([]byte, 32)}), stages{ok, ok, ok}},
		{"GFM disabled", nil, steps(set(13, 0), with(atecc.AES{Mode: atecc.AESGFM, Data: make([]byte, 32)})), stages{no, no, no}},
	}
}

func kdfRules() []rule {
	const fromInput = 2 // HKDF: the message is the input
	hkdf := func(mode atecc.KDFMode, source, target int) step {
		return with(atecc.KDF{Mode: atecc.KDFHKDF | mode, SourceSlot: source, TargetSlot: target, Details: fromInput, Message: []byte("m")})
	}
	prf := func(mode atecc.KDFMode, details uint32) step {
		return with(atecc.KDF{Mode: mode, Details: details, Message: []byte("m")})
	}
	aes := func(options uint16) step {
		return steps(chipOptions(options), fixedNonce, with(atecc.KDF{Mode: atecc.KDFAES | atecc.KDFTargetOutput, Message: make([]byte, 16)}))
	}
	// stored is an HKDF of a message in the chip: the top byte of the details is its length, it is not sent.
	stored := func(target atecc.KDFMode, details uint32, size int) step {
		return func(b *bench) error {
			data := binary.LittleEndian.AppendUint32(nil, details|uint32(size)<<24)
			_, err := atecc.Command{Opcode: atecc.OpKDF, Param1: byte(atecc.KDFHKDF | target), Data: data}.Execute(b.Context(), b.chip)
			return err
		}
	}
	sized := func(details uint32, size int) step { return stored(atecc.KDFTargetOutput, details, size) }
	inside := func(details uint32) step { return stored(atecc.KDFTargetTempKey, details, 32) }
	message := func(details uint32) step { return sized(details, 32) }
	iv := func(location byte) step {
		return steps(set(72, location, 'i', 'v'), fixedNonce,
			with(atecc.KDF{Mode: atecc.KDFHKDF | atecc.KDFTargetOutput, Details: 3, Message: []byte("..iv")}))
	}
	def := func(slot atecc.SlotConfig, key atecc.KeyConfig) slots { return slots{5: {slot, key, false}} }
	const out, slot = atecc.KDFTargetOutput, atecc.KDFTargetSlot
	return []rule{
		{"KDF from TempKey", nil, steps(fixedNonce, hkdf(out, 0, 0)), stages{no, ok, ok}},
		{"KDF keeps TempKey", nil, steps(fixedNonce, hkdf(out, 0, 0), hkdf(out, 0, 0)), stages{no, ok, ok}},
		{"KDF from nothing", nil, hkdf(out, 0, 0), stages{no, no, no}},
		{"KDF from upper TempKey", nil, steps(nonceTo(atecc.TargetTempKey, 64), hkdf(out|atecc.KDFSourceTempKeyUpper, 0, 0)), stages{no, ok, ok}},
		{"KDF from upper half of short TempKey", nil, steps(fixedNonce, hkdf(out|atecc.KDFSourceTempKeyUpper, 0, 0)), stages{no, no, no}},
		{"KDF from alternate key", nil, steps(nonceTo(atecc.TargetAlternateKey, 32), hkdf(out|atecc.KDFSourceAlternateKey, 0, 0)), stages{no, ok, ok}},
		{"KDF from empty alternate key", nil, hkdf(out|atecc.KDFSourceAlternateKey, 0, 0), stages{no, no, no}},
		{"KDF from slot", nil, hkdf(out|atecc.KDFSourceSlot, 5, 0), stages{no, ok, ok}},
		{"KDF from private slot", def(0, private|p256), hkdf(out|atecc.KDFSourceSlot, 5, 0), stages{no, no, no}},
		{"KDF from slot, not authorised", def(0, sha|reqAuth4), hkdf(out|atecc.KDFSourceSlot, 5, 0), stages{no, no, no}},
		{"KDF to slot", def(generate, sha), steps(fixedNonce, hkdf(slot, 0, 5)), stages{no, ok, ok}},
		{"KDF to slot without permission", def(0, sha), steps(fixedNonce, hkdf(slot, 0, 5)), stages{no, no, no}},
		{"KDF to locked slot", slots{5: {generate, sha, true}}, steps(fixedNonce, hkdf(slot, 0, 5)), stages{no, no, no}},
		{"KDF to private slot", def(generate, private|p256), steps(fixedNonce, hkdf(slot, 0, 5)), stages{no, no, no}},
		{"KDF of 64 bytes to small slot", def(generate, sha), steps(fixedNonce, with(atecc.KDF{Mode: slot, TargetSlot: 5, Details: 0x101, Message: []byte("m")})), stages{no, no, no}},
		{"KDF to TempKey", nil, steps(fixedNonce, hkdf(atecc.KDFTargetTempKey, 0, 0), hkdf(out, 0, 0)), stages{no, ok, ok}},
		{"KDF to upper TempKey", nil, steps(fixedNonce, hkdf(atecc.KDFTargetTempKeyUpper, 0, 0), hkdf(out|atecc.KDFSourceTempKeyUpper, 0, 0)), stages{no, ok, ok}},
		{"KDF to upper half of nothing", nil, hkdf(atecc.KDFTargetTempKeyUpper|atecc.KDFSourceSlot, 5, 0), stages{no, no, no}},
		{"KDF of 64 bytes to upper TempKey", nil, steps(fixedNonce, prf(atecc.KDFTargetTempKeyUpper, 0x101)), stages{no, no, no}},
		{"KDF to alternate key", nil, steps(fixedNonce, hkdf(atecc.KDFTargetAlternateKey, 0, 0), hkdf(out|atecc.KDFSourceAlternateKey, 0, 0)), stages{no, ok, ok}},
		{"KDF of 64 bytes to alternate key", nil, steps(fixedNonce, prf(atecc.KDFTargetAlternateKey, 0x101)), stages{no, no, no}},
		{"KDF encrypted", nil, steps(chipOptions(ioProtection), fixedNonce, hkdf(atecc.KDFTargetOutputEncrypted, 0, 0)), stages{no, ok, ok}},
		{"KDF encrypted without protection", nil, steps(fixedNonce, hkdf(atecc.KDFTargetOutputEncrypted, 0, 0)), stages{no, no, no}},
		{"KDF clear where it is protected", nil, steps(chipOptions(0x0402), fixedNonce, hkdf(out, 0, 0)), stages{no, no, no}},
		{"KDF encrypted where it is protected", nil, steps(chipOptions(0x0402), fixedNonce, hkdf(atecc.KDFTargetOutputEncrypted, 0, 0)), stages{no, ok, ok}},
		{"KDF half clear where it is protected", nil, steps(chipOptions(0x0402), fixedNonce, prf(atecc.KDFTargetTempKey, 0x301)), stages{no, no, no}},
		{"KDF inside where it is protected", nil, steps(chipOptions(0x0402), fixedNonce, hkdf(atecc.KDFTargetTempKey, 0, 0)), stages{no, ok, ok}},
		{"KDF PRF inside where it is protected", nil, steps(chipOptions(0x0402), fixedNonce, prf(atecc.KDFTargetTempKey, 0x101)), stages{no, ok, ok}},
		{"KDF of slot 2 inside where it is protected", nil, steps(chipOptions(0x0402), fixedNonce, inside(2<<8)), stages{no, ok, ok}},
		{"KDF half clear", nil, steps(fixedNonce, prf(atecc.KDFTargetTempKey, 0x301)), stages{no, ok, ok}},
		{"KDF split to output", nil, steps(fixedNonce, prf(out, 0x301)), stages{parse, parse, parse}},
		{"KDF split, encrypted", nil, steps(chipOptions(0x0402), fixedNonce, prf(atecc.KDFTargetOutputEncrypted, 0x301)), stages{parse, parse, parse}},
		{"KDF split of 32 bytes", nil, steps(fixedNonce, prf(atecc.KDFTargetTempKey, 0x201)), stages{parse, parse, parse}},
		{"KDF PRF, key longer than TempKey", nil, steps(fixedNonce, prf(out, 2)), stages{no, no, no}},
		{"KDF AES", nil, aes(0x0004), stages{no, ok, ok}},
		{"KDF AES disabled", nil, aes(0), stages{no, no, no}},
		{"KDF message in slot", nil, steps(fixedNonce, message(5<<8)), stages{no, ok, ok}},
		{"KDF message in all of a slot", nil, steps(fixedNonce, sized(5<<8, 36)), stages{no, ok, ok}},
		{"KDF message beyond a slot", nil, steps(fixedNonce, sized(5<<8, 37)), stages{no, no, no}},
		{"KDF message in the start of a slot", nil, steps(fixedNonce, sized(5<<8, 31)), stages{no, no, no}},
		{"KDF message in the start of TempKey", nil, steps(fixedNonce, sized(1, 31)), stages{no, no, no}},
		{"KDF message beyond TempKey", nil, steps(fixedNonce, sized(1, 33)), stages{no, no, no}},
		{"KDF message in private slot", def(0, private|p256), steps(fixedNonce, message(5<<8)), stages{no, no, no}},
		{"KDF message in TempKey", nil, steps(fixedNonce, message(1)), stages{no, ok, ok}},
		{"KDF message in no TempKey, zero key", nil, message(1 | 4), stages{no, no, no}},
		{"KDF zero key", nil, steps(fixedNonce, message(1|4)), stages{no, ok, ok}},
		{"KDF IV", nil, iv(2), stages{no, ok, ok}},
		{"KDF IV elsewhere", nil, iv(1), stages{no, no, no}},
		{"KDF IV beyond the message", nil, iv(3), stages{no, no, no}},
	}
}

func ecdhProtectionRules() []rule {
	ecdhMode := func(mode atecc.ECDHMode) step {
		return with(atecc.ECDH{Mode: mode, Slot: 2, Public: pointOf(99)})
	}
	inTempKey := with(atecc.GenKey{Mode: atecc.GenKeyPrivate, Slot: atecc.SlotTempKey})
	open, kept := slots{2: {agree, private | p256, false}}, slots{2: {agree | ecdhToSlot, private | p256, false}}
	encrypted := ecdhMode(atecc.ECDHToOutput | atecc.ECDHEncrypted)
	return []rule{
		{"ECDH to output", open, ecdhMode(atecc.ECDHToOutput), stages{no, ok, ok}},
		{"ECDH to output where it is kept", kept, ecdhMode(atecc.ECDHToOutput), stages{no, no, no}},
		{"ECDH encrypted where it is kept", kept, steps(chipOptions(ioProtection), encrypted), stages{no, no, no}},
		{"ECDH to TempKey", open, steps(ecdhMode(atecc.ECDHToTempKey), with(atecc.MAC{Mode: 7})), stages{no, ok, ok}},
		{"ECDH to slot by mode", open, ecdhMode(atecc.ECDHToSlot), stages{no, ok, ok}},
		{"ECDH encrypted", open, steps(chipOptions(ioProtection), encrypted), stages{no, ok, ok}},
		{"ECDH encrypted without protection", open, encrypted, stages{no, no, no}},
		{"ECDH clear where it is protected", open, steps(chipOptions(0x0102), ecdhMode(0)), stages{no, no, no}},
		{"ECDH encrypted where it is protected", open, steps(chipOptions(0x0102), encrypted), stages{no, ok, ok}},
		{"ECDH with key in TempKey", nil, steps(inTempKey, ecdhMode(atecc.ECDHFromTempKey|atecc.ECDHToOutput)), stages{no, ok, ok}},
		{"ECDH with key in TempKey twice", nil, steps(inTempKey, ecdhMode(atecc.ECDHFromTempKey|atecc.ECDHToOutput), ecdhMode(atecc.ECDHFromTempKey|atecc.ECDHToOutput)), stages{no, no, no}},
		{"ECDH with a nonce as key", nil, steps(fixedNonce, ecdhMode(atecc.ECDHFromTempKey|atecc.ECDHToOutput)), stages{no, no, no}},
		{"ECDH with GenDig of the key", nil, steps(inTempKey, genDig(5), ecdhMode(atecc.ECDHFromTempKey|atecc.ECDHToOutput)), stages{no, no, no}},
		{"ECDH with nothing in TempKey", nil, ecdhMode(atecc.ECDHFromTempKey | atecc.ECDHToOutput), stages{no, no, no}},
		{"ECDH from TempKey by configuration", nil, ecdhMode(atecc.ECDHFromTempKey), stages{parse, parse, parse}},
		{"ECDH encrypted to slot", open, ecdhMode(atecc.ECDHEncrypted | atecc.ECDHToSlot), stages{parse, parse, parse}},
	}
}

func secureBootRules() []rule {
	// Digest or signature in slot 10, public key in slot 11.
	mode := func(m atecc.SecureBootMode, flags byte) step { return set(70, byte(m)|flags, 0xBA) }
	signature := signatureOf(11, message)
	good := func(op atecc.SecureBootOperation) step {
		return with(atecc.SecureBoot{Operation: op, Digest: message, Signature: signature[:]})
	}
	bad := with(atecc.SecureBoot{Operation: atecc.SecureBootFull, Digest: secretOf(0), Signature: signature[:]})
	stored := with(atecc.SecureBoot{Operation: atecc.SecureBootStored, Digest: message})
	defs := slots{11: {0, p256, false}}
	encrypted := with(atecc.SecureBoot{Operation: atecc.SecureBootFull | atecc.SecureBootEncrypted, Digest: message, Signature: signature[:]})
	const both, sig, dig = atecc.SecureBootFullBoth, atecc.SecureBootFullSignature, atecc.SecureBootFullDigest
	small := set(70, byte(sig), 0xB5)
	keyInData := func(b *bench) error {
		b.change(func(s *State) {
			padded := atecc.PadPublicKey(pointOf(11))
			copy(s.Slot(11), padded[:])
		})
		return nil
	}
	latched := slots{1: {external, private | p256 | persistent, false}, 11: {0, p256, false}}
	use := steps(fixedNonce, sign(1))
	return []rule{
		{"boot", defs, steps(mode(both, 0), good(atecc.SecureBootFull)), stages{no, ok, ok}},
		{"boot disabled", defs, good(atecc.SecureBootFull), stages{no, no, no}},
		{"boot disabled, key there", defs, steps(mode(atecc.SecureBootDisabled, 0), good(atecc.SecureBootFull)), stages{no, no, no}},
		{"boot with a key in a data slot", nil, steps(mode(both, 0), keyInData, good(atecc.SecureBootFull)), stages{no, no, no}},
		{"boot with a key in a small slot", slots{7: {0, p256, false}}, steps(set(70, byte(both), 0x7A), good(atecc.SecureBootFull)), stages{no, no, no}},
		{"boot stored signature in a small slot", defs, steps(small, stored), stages{no, no, no}},
		{"boot copy of signature into a small slot", defs, steps(small, good(atecc.SecureBootFullCopy)), stages{no, no, no}},
		{"boot, wrong digest", defs, steps(mode(both, 0), bad), stages{no, miss, miss}},
		{"boot with data as key", nil, steps(mode(both, 0), good(atecc.SecureBootFull)), stages{no, no, no}},
		{"boot with unvalidated key", slots{11: {0, p256 | pubInfo, false}}, steps(mode(both, 0), good(atecc.SecureBootFull)), stages{no, no, no}},
		{"boot stored, nothing stored", defs, steps(mode(dig, 0), stored), stages{no, miss, miss}},
		{"boot stored, not configured", defs, steps(mode(both, 0), stored), stages{no, no, no}},
		{"boot copy, not configured", defs, steps(mode(both, 0), good(atecc.SecureBootFullCopy)), stages{no, no, no}},
		{"boot stored digest", defs, steps(mode(dig, 0), good(atecc.SecureBootFullCopy), stored), stages{no, ok, ok}},
		{"boot stored signature", defs, steps(mode(sig, 0), good(atecc.SecureBootFullCopy), stored), stages{no, ok, ok}},
		{"boot copy into locked slot", slots{10: {0, sha, true}, 11: {0, p256, false}}, steps(mode(dig, 0), good(atecc.SecureBootFullCopy)), stages{no, no, no}},
		{"boot copy into private slot", slots{10: {0, private | p256, false}, 11: {0, p256, false}}, steps(mode(dig, 0), good(atecc.SecureBootFullCopy)), stages{no, no, no}},
		{"boot clear where random is wanted", defs, steps(mode(both, 0x10), good(atecc.SecureBootFull)), stages{no, no, no}},
		{"boot encrypted without protection", defs, steps(mode(both, 0), randomNonce, encrypted), stages{no, no, no}},
		{"boot encrypted without TempKey", defs, steps(mode(both, 0), chipOptions(ioProtection), encrypted), stages{no, no, no}},
		{"boot encrypted, garbled", defs, steps(mode(both, 0), chipOptions(ioProtection), randomNonce, encrypted), stages{no, miss, miss}},
		{"boot encrypted with fixed nonce where random is wanted", defs, steps(mode(both, 0x10), chipOptions(ioProtection), fixedNonce, encrypted), stages{no, no, no}},
		{"boot sets latch", latched, steps(mode(both, 0x08), good(atecc.SecureBootFull), use), stages{no, ok, ok}},
		{"failed boot clears latch", latched, steps(mode(both, 0x08), good(atecc.SecureBootFull), bad, use), stages{no, no, no}},
		{"boot without latch", latched, steps(mode(both, 0), good(atecc.SecureBootFull), use), stages{no, no, no}},
	}
}

// removedRules: what the ATECC608A no longer has, and what it has in addition.
func removedRules() []rule {
	return []rule{
		{"HMAC", nil, send(atecc.OpHMAC, 0, 5, 0), stages{parse, parse, parse}},
		{"Pause", nil, send(atecc.OpPause, 0, 0, 0), stages{parse, parse, parse}},
		{"SHA HMAC end", nil, send(atecc.OpSHA, 5, 0, 0), stages{parse, parse, parse}},
		{"SelfTest", nil, send(atecc.OpSelfTest, 0x01, 0, 0), stages{ok, ok, ok}},
	}
}
