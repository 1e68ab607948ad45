package atecc

import "fmt"

// A Status is the only byte of a reply that carries no data. As an error it is the cause of a
// [*StatusError], so that errors.Is(err, atecc.StatusExecution) asks for the kind.
type Status byte

const (
	StatusSuccess       Status = 0x00
	StatusMiscompare    Status = 0x01
	StatusParse         Status = 0x03
	StatusECCFault      Status = 0x05
	StatusSelfTest      Status = 0x07
	StatusHealthTest    Status = 0x08
	StatusExecution     Status = 0x0F
	StatusAfterWake     Status = 0x11
	StatusWatchdog      Status = 0xEE
	StatusCommunication Status = 0xFF
)

func (s Status) Error() string {
	switch s {
	case StatusSuccess:
		return "success"
	case StatusMiscompare:
		return "miscompare: the signature or MAC does not fit"
	case StatusParse:
		return "parse error: the part does not know this opcode, parameter or length"
	case StatusECCFault:
		return "ECC fault: the computation failed; does the slot hold a valid private key?"
	case StatusSelfTest:
		return "self-test failed: run SelfTest until it passes"
	case StatusHealthTest:
		return "the random generator failed its health test: wake the chip and try again"
	case StatusExecution:
		return "execution error: a legal command, but not allowed in this state"
	case StatusAfterWake:
		return "the chip just woke: send the command again"
	case StatusWatchdog:
		return "watchdog about to expire: idle and wake the chip, then send the command again"
	case StatusCommunication:
		return "communication error: the chip received a damaged packet; send it again"
	}
	return fmt.Sprintf("unknown status %02X", byte(s))
}

// A StatusError is a chip's refusal of a command.
type StatusError struct {
	Command Command
	Status  Status
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s: %s (%02X)", e.Command.Opcode, e.Status.Error(), byte(e.Status))
	if hint := e.hint(); hint != "" {
		text += ": " + hint
	}
	return text
}

func (e *StatusError) Unwrap() error { return e.Status }

// hint says what is usually wrong when this command is refused in this state.
func (e *StatusError) hint() string {
	if e.Status != StatusExecution {
		return ""
	}
	return hints[e.Command.Opcode]
}

var hints = map[Opcode]string{
	OpRead:        "data can be read only after the data lock; a secret slot needs an encrypted read, a private key can never be read",
	OpWrite:       "look at the slot's WriteConfig, its lock and the lock of the zone; before the data lock only whole 32-byte blocks are written",
	OpPrivWrite:   "the slot must be private, unlocked and allow encrypted writes; after the data lock the value must be encrypted",
	OpGenKey:      "the configuration must be locked, the slot private, unlocked and allowed to generate keys; its public key needs PubInfo",
	OpSign:        "load TempKey first (every Sign uses it up), and look at the Sign bits of the slot's ReadKey, ReqRandom and ReqAuth",
	OpVerify:      "load TempKey first (every Verify uses it up); a stored public key may have to be validated; an external one must lie on the curve",
	OpECDH:        "the slot's ReadKey must allow ECDH and the other key must lie on the curve",
	OpLock:        "locked already, a CRC that does not fit the contents, data before configuration, or a slot that is not lockable",
	OpMAC:         "load TempKey first, with the SourceFlag that the mode names; the slot may be NoMac, ReqRandom or ReqAuth",
	OpHMAC:        "load TempKey first, with the SourceFlag that the mode names; the slot may be NoMac, ReqRandom or ReqAuth",
	OpCheckMac:    "load TempKey first, with the SourceFlag that the mode names; the slot may be ReqRandom or ReqAuth",
	OpGenDig:      "load TempKey first; a ReqRandom key needs a random nonce; a NoMac key needs the four bytes of other data",
	OpDeriveKey:   "load TempKey first; both zones must be locked and the slot must allow DeriveKey; its MAC may be mandatory",
	OpCounter:     "the counter is at its limit",
	OpUpdateExtra: "the byte can be written only once",
	OpAES:         "AES must be enabled in the configuration, the slot's KeyType must be AES and its use allowed",
	OpKDF:         "the source must be loaded, and KDF-AES enabled in ChipOptions",
	OpSecureBoot:  "secure boot must be configured and its stored key or digest present",
}
