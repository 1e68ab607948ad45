package ateccsim

import (
	"crypto/rand"

	"github.com/thingward/thingward/atecc"
)

// dataSize is the sum of all slot sizes.
const dataSize = 8*36 + 416 + 7*72

// A State is all that a chip keeps without power. It is comparable, and a copy of it is a snapshot. It
// contains the private keys.
type State struct {
	Model  atecc.Model
	Config atecc.Config
	OTP    [atecc.OTPSize]byte
	Data   [dataSize]byte
	// Latch is the persistent latch of the ATECC608A.
	Latch bool
}

// slotOffset is where a slot begins in Data.
func slotOffset(slot int) int {
	offset := 0
	for n := range slot {
		offset += atecc.SlotSize(n)
	}
	return offset
}

// Slot is the contents of a slot, aliasing s.
func (s *State) Slot(n int) []byte {
	offset := slotOffset(n)
	end := offset + atecc.SlotSize(n)
	return s.Data[offset:end:end]
}

// newState is a blank chip: OTP and data are all ones.
func newState(o Options) State {
	s := State{Model: o.Model}
	if s.Model == 0 {
		s.Model = atecc.ATECC508A
	}
	s.Config = atecc.Factory(s.Model)
	if o.Config != nil {
		s.Config = *o.Config
	}
	serial := o.Serial
	if serial == (atecc.SerialNumber{}) {
		serial = randomSerial()
	}
	s.Config.SetSerialNumber(serial)
	revision := s.Model.Revision()
	copy(s.Config[4:8], revision[:])
	for n := range s.OTP {
		s.OTP[n] = 0xFF
	}
	for n := range s.Data {
		s.Data[n] = 0xFF
	}
	return s
}

// randomSerial makes a number of the vendor's form: 01 23 … EE.
func randomSerial() (sn atecc.SerialNumber) {
	rand.Read(sn[:])
	sn[0], sn[1], sn[8] = 0x01, 0x23, 0xEE
	return sn
}

// memory is the contents that the lock of the data zone covers.
func (s *State) memory() *atecc.Memory {
	m := &atecc.Memory{OTP: s.OTP}
	for n := range m.Slots {
		m.Slots[n] = s.Slot(n)
	}
	return m
}

// setLocked writes the lock byte of a zone.
func (s *State) setLocked(z atecc.Zone) {
	if z == atecc.ZoneConfig {
		s.Config[87] = 0
	} else {
		s.Config[86] = 0
	}
}

// setSlotLocked clears the slot's bit in SlotLocked.
func (s *State) setSlotLocked(n int) { s.Config[88+n/8] &^= 1 << (n % 8) }

func (s *State) setCounter(n int, value uint32) {
	b := atecc.EncodeCounter(value)
	copy(s.Config[52+8*n:], b[:])
}
