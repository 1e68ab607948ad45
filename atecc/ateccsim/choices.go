package ateccsim

import (
	"time"

	"github.com/thingward/thingward/atecc"
)

// This file has what public material leaves open. A real part may differ here, and only here should
// something have to change when somebody finds out.

// Statuses of refusals that the data sheet does not name.
const (
	statusWrongMAC    = atecc.StatusMiscompare // encrypted Write, PrivWrite, DeriveKey
	statusWrongCRC    = atecc.StatusExecution  // Lock
	statusOffCurve    = atecc.StatusExecution  // ECDH; for Verify it is known to be this
	statusBadScalar   = atecc.StatusExecution  // PrivWrite of 0 or of n and above
	statusNoScalar    = atecc.StatusECCFault   // use of a private slot that was never filled
	statusWrongTarget = atecc.StatusParse      // an address outside its zone or slot
)

// The watchdog: the data sheet gives 0.7 to 1.7 s, or 10 to 17 s with ChipMode's bit 2.
const (
	watchdog     = 1300 * time.Millisecond
	longWatchdog = 13 * time.Second
	// watchdogMargin: a command that arrives later than this before the end is answered EE.
	watchdogMargin = 50 * time.Millisecond
)

const (
	// padding fills the part of a 32-byte read that lies beyond the slot.
	padding = 0x00

	// SourceFlag of values that come neither from a random nor from a fixed Nonce.
	digestIsFixed = true // SHA and KDF, ECDH
	copyIsFixed   = true // CheckMac's copy

	// keptValueIsFixed: SourceFlag after Nonce made TempKey from TempKey (608A) stays as it was.
	nonceKeepsSourceFlag = true
)

// countsAnyway: a command that fails after it computed with a LimitedUse key has used it, so that guessing
// is limited; one that is refused has not.
func countsAnyway(s atecc.Status) bool {
	return s == atecc.StatusMiscompare || s == atecc.StatusECCFault
}

// startClearsTempKey: SHA start clears TempKey on the 508A, which keeps its hash there.
func startClearsTempKey(m atecc.Model) bool { return m == atecc.ATECC508A }

// genKeyUsesTempKey: ReqRandom binds GenKey only in the modes that hash into TempKey.
func genKeyUsesTempKey(mode atecc.GenKeyMode) bool {
	return mode&(atecc.GenKeyDigest|atecc.GenKeyPublicDigest) != 0
}

// copiesKey: CheckMac's copy happens in these modes, for even slots.
func copiesKey(mode atecc.MACMode, slot int) bool {
	return (mode == 1 || mode == 5) && slot%2 == 0
}

// slotLockable: single slots can be locked from the configuration lock on.
func slotLockable(c *atecc.Config, slot int) bool {
	return c.ConfigLocked() && c.Key(slot).Lockable()
}

// spendLastKeyUse clears the first bit that is left in LastKeyUse, from the left.
func spendLastKeyUse(use []byte) {
	for n := range use {
		for bit := 7; bit >= 0; bit-- {
			if use[n]>>bit&1 == 1 {
				use[n] &^= 1 << bit
				return
			}
		}
	}
}

// keyValid is Info's answer for a slot that holds no private key: a public key that must be validated is
// valid when it is, another one when it is on the curve; anything else is no key.
func (c *Chip) publicKeyValid(slot int) bool {
	key := c.state.Config.Key(slot)
	if !key.PublicKey() || slot < 8 {
		return false
	}
	if key.PubInfo() {
		return c.validated(slot)
	}
	_, err := atecc.PublicKey(c.storedPublicKey(slot))
	return err == nil
}

// clearOutputAllowed: a protection other than 0 in ChipOptions keeps the results of ECDH or KDF from leaving
// in the clear. What tells its values 1 to 3 apart is not public; encrypted output works with 3.
func clearOutputAllowed(protection int) bool { return protection == 0 }

// wholeSecret: KDF authenticates no less than 32 bytes of a slot or of TempKey; of a shorter piece the bytes
// could be guessed one at a time.
func wholeSecret(size int) bool { return size >= 32 }
