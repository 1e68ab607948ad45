package pkcs11

// A Config says which slots there are. The tags are those of the TOML file that $THINGWARD_TOKEN_CONF names:
//
//	[[slot]]
//	id = 0
//	file = "/var/lib/thingward/gateway.token"
//
//	[[slot]]
//	id = 1
//	chip = "i2c:/dev/i2c-1@C0"
type Config struct {
	Slots []Slot `toml:"slot"`
}

// A Slot has exactly one of File and Chip.
type Slot struct {
	// ID is the slot id, below 2^31, different for each slot. It stays the same when other slots come and go.
	ID uint `toml:"id"`
	// File is the path of a file token. A file that does not exist is a token that C_InitToken has to make.
	File string `toml:"file"`
	// Chip is the name of an ATECC508A or ATECC608A, as for thingward chip --connect: i2c:/dev/i2c-1@C0, hid:, serial:, tcp:HOST:PORT,
	// exec:COMMAND or sim:FILE.
	Chip string `toml:"chip"`
	// Passphrase is that of the file of a software chip.
	Passphrase string `toml:"passphrase"`
	// Label is the label of a chip's token, which has no room for one. Empty: the chip's serial number.
	Label string `toml:"label"`
	// Work is the cost of guessing a PIN of a file token: scrypt with N = 2^Work. It counts when a PIN is set. 0: 15, about a tenth
	// of a second.
	Work int `toml:"work"`
	// Retries is how many wrong PINs in a row lock a PIN of a file token. 0: 10.
	Retries int `toml:"retries"`
}
