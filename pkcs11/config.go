package pkcs11

import (
	"context"

	"github.com/thingward/thingward/atecc"
)

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

	// ReadCertificates finds the certificates that a chip keeps in compressed form, which takes the templates of their makers.
	// nil: chips have no certificates.
	ReadCertificates func(context.Context, *atecc.Device) ([]ChipCertificate, error) `toml:"-"`
	// WriteCertificate puts one into a chip, or says why the chip cannot keep it.
	WriteCertificate func(ctx context.Context, chip *atecc.Device, der []byte) error `toml:"-"`
}

// A ChipCertificate is one that a chip keeps.
type ChipCertificate struct {
	Label string // "Device Cert"
	Slot  int    // that has it
	Key   int    // slot of its private key; -1: not in this chip
	DER   []byte
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
	// Labels names keys of a chip by their slots, which have no room for names: {"2" = "gateway"}. Without it they have the
	// names of FreeRTOS for slot 0, and "slot 2" and so on for the others.
	Labels map[string]string `toml:"labels"`
	// Certificates are files with the certificates of a chip's keys, in PEM or DER, by the slots of the keys: {"0" = "sensor.pem"}. They are
	// objects of the token as if the chip had them, which has room for those of its maker's design only. One that is of another key
	// than that in the slot is left out.
	Certificates map[string]string `toml:"certificates"`
	// Secrets are the keys of a chip for encrypted reads and writes, by their slots, in hexadecimal: {"4" = "00112233..."}. They are
	// needed to put keys into slots that take them only encrypted.
	Secrets map[string]string `toml:"secrets"`
	// Work is the cost of guessing a PIN of a file token: scrypt with N = 2^Work. It counts when a PIN is set. 0: 15, about a tenth
	// of a second.
	Work int `toml:"work"`
	// Retries is how many wrong PINs in a row lock a PIN of a file token. 0: 10.
	Retries int `toml:"retries"`
}
