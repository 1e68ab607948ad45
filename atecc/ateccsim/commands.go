package ateccsim

import "github.com/thingward/thingward/atecc"

// A command is one line of the table: valid checks what is fixed whatever the chip's state is, run does
// the rest. run returns nil for a mere success, and an atecc.Status as error for anything else.
type command struct {
	opcode atecc.Opcode
	only   atecc.Model // zero: both parts have it
	valid  func(m atecc.Model, cmd atecc.Command) bool
	run    func(c *Chip, cmd atecc.Command) ([]byte, error)
}

var commands = []command{
	{atecc.OpAES, atecc.ATECC608A, validAES, (*Chip).aes},
	{atecc.OpCheckMac, 0, validCheckMac, (*Chip).checkMac},
	{atecc.OpCounter, 0, validCounter, (*Chip).counter},
	{atecc.OpDeriveKey, 0, validDeriveKey, (*Chip).deriveKey},
	{atecc.OpECDH, 0, validECDH, (*Chip).ecdh},
	{atecc.OpGenDig, 0, validGenDig, (*Chip).genDig},
	{atecc.OpGenKey, 0, validGenKey, (*Chip).genKey},
	{atecc.OpHMAC, atecc.ATECC508A, validHMAC, (*Chip).hmac},
	{atecc.OpInfo, 0, validInfo, (*Chip).info},
	{atecc.OpKDF, atecc.ATECC608A, validKDF, (*Chip).kdf},
	{atecc.OpLock, 0, validLock, (*Chip).lockZone},
	{atecc.OpMAC, 0, validMAC, (*Chip).mac},
	{atecc.OpNonce, 0, validNonce, (*Chip).nonce},
	{atecc.OpPause, atecc.ATECC508A, validPause, (*Chip).pause},
	{atecc.OpPrivWrite, 0, validPrivWrite, (*Chip).privWrite},
	{atecc.OpRandom, 0, validRandom, (*Chip).randomNumber},
	{atecc.OpRead, 0, validRead, (*Chip).read},
	{atecc.OpSecureBoot, atecc.ATECC608A, validSecureBoot, (*Chip).secureBoot},
	{atecc.OpSelfTest, atecc.ATECC608A, validSelfTest, (*Chip).selfTest},
	{atecc.OpSHA, 0, validSHA, (*Chip).shaStep},
	{atecc.OpSign, 0, validSign, (*Chip).sign},
	{atecc.OpUpdateExtra, 0, validUpdateExtra, (*Chip).updateExtra},
	{atecc.OpVerify, 0, validVerify, (*Chip).verify},
	{atecc.OpWrite, 0, validWrite, (*Chip).write},
}

func lookup(op atecc.Opcode, m atecc.Model) *command {
	for n := range commands {
		if e := &commands[n]; e.opcode == op && (e.only == 0 || e.only == m) {
			return e
		}
	}
	return nil
}

// slotNumber: param2 names a slot.
func slotNumber(param2 uint16) bool { return param2 < atecc.SlotCount }

// bits: no bits of b are set outside mask.
func bits(b, mask byte) bool { return b&^mask == 0 }
