package atecc

import (
	"context"
	"crypto/rand"
	"fmt"
)

// A Session is what host and chip both know after a random Nonce and a GenDig with a shared key: the
// value of TempKey. It serves for one encrypted Read, Write or PrivWrite, which uses it up.
type Session struct {
	TempKey [32]byte
	Serial  SerialNumber
}

// OpenSession loads TempKey from a random nonce and the key in slot, which the host knows too.
func OpenSession(ctx context.Context, t Transport, sn SerialNumber, slot int, key [32]byte) (*Session, error) {
	input := make([]byte, 20)
	rand.Read(input)
	random, err := Nonce{Mode: NonceRandom, Input: input}.Execute(ctx, t)
	if err != nil {
		return nil, err
	}
	nonce := NonceTempKey(random, input, byte(NonceRandom))
	dig := GenDig{Source: GenDigData, Param2: uint16(slot)}
	if err := dig.Execute(ctx, t); err != nil {
		return nil, err
	}
	header := Command{Opcode: OpGenDig, Param1: byte(GenDigData), Param2: uint16(slot)}.Header()
	return &Session{TempKey: GenDigTempKey(key[:], header, sn, nonce), Serial: sn}, nil
}

// ReadBlock reads an encrypted block.
func (s *Session) ReadBlock(ctx context.Context, t Transport, address uint16) ([]byte, error) {
	cipher, err := Read{Zone: ZoneData, Address: address, Block: true}.Execute(ctx, t)
	if err != nil {
		return nil, err
	}
	return xor(cipher, s.TempKey[:]), nil
}

// WriteBlock writes a block encrypted. dataLocked says whether the data zone is locked: the chip wants to
// be told that a write is encrypted only before that.
func (s *Session) WriteBlock(ctx context.Context, t Transport, address uint16, plain [32]byte, dataLocked bool) error {
	w := Write{Zone: ZoneData, Address: address, Data: xor(plain[:], s.TempKey[:]), Encrypted: !dataLocked}
	mac := WriteMAC(s.TempKey, w.Command().Header(), s.Serial, plain[:])
	w.MAC = mac[:]
	return w.Execute(ctx, t)
}

// session opens a session under the key of slot, which KnowKey must have told.
func (d *Device) session(ctx context.Context, t Transport, slot int) (*Session, error) {
	key, ok := d.secrets[slot]
	if !ok {
		return nil, fmt.Errorf("encrypted access needs the key of slot %d, which is not known here", slot)
	}
	return OpenSession(ctx, t, d.serial, slot, key)
}
