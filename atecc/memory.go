package atecc

import (
	"context"
	"fmt"
)

// readConfig reads the whole configuration zone.
func readConfig(ctx context.Context, t Transport) (c Config, err error) {
	for block := range ConfigSize / BlockSize {
		b, err := Read{Zone: ZoneConfig, Address: Address(block, 0), Block: true}.Execute(ctx, t)
		if err != nil {
			return c, err
		}
		copy(c[block*BlockSize:], b)
	}
	return c, nil
}

// ReadConfig reads the configuration zone anew.
func (d *Device) ReadConfig(ctx context.Context) (Config, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.do(ctx, d.refresh(ctx))
	return d.config, err
}

func (d *Device) refresh(ctx context.Context) func(Transport) error {
	return func(t Transport) error {
		config, err := readConfig(ctx, t)
		if err == nil {
			d.config = config
		}
		return err
	}
}

// WriteConfig writes the part of c that is writable, word by word; the serial number and the locks stay.
func (d *Device) WriteConfig(ctx context.Context, c Config) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.do(ctx, func(t Transport) error {
		for offset := 0; offset < ConfigSize; offset += WordSize {
			if !c.Writable(offset) {
				continue
			}
			w := Write{Zone: ZoneConfig, Address: Address(offset/BlockSize, offset%BlockSize/WordSize), Data: c[offset : offset+WordSize]}
			if err := w.Execute(ctx, t); err != nil {
				return fmt.Errorf("write configuration bytes %d-%d: %w", offset, offset+3, err)
			}
		}
		return d.refresh(ctx)(t)
	})
}

// LockConfig locks the configuration zone as it stands now in the chip. It cannot be undone.
func (d *Device) LockConfig(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.do(ctx, func(t Transport) error {
		if err := d.refresh(ctx)(t); err != nil {
			return err
		}
		if err := (Lock{Target: LockConfigZone, CRC: d.config.CRC()}).Execute(ctx, t); err != nil {
			return err
		}
		return d.refresh(ctx)(t)
	})
}

// A Memory is what the data and OTP zones are meant to contain, for the CRC of their lock.
type Memory struct {
	Slots [SlotCount][]byte // shorter ones are padded with FF, as in a blank chip
	OTP   [OTPSize]byte
}

// BlankMemory is the contents of a blank chip.
func BlankMemory() *Memory {
	m := &Memory{}
	for n := range m.OTP {
		m.OTP[n] = 0xFF
	}
	for n := range m.Slots {
		m.Slots[n] = blank(nil, SlotSize(n))
	}
	return m
}

func blank(b []byte, size int) []byte {
	for len(b) < size {
		b = append(b, 0xFF)
	}
	return b
}

// CRC covers the slots in order without the private ones, and OTP.
func (m *Memory) CRC(c *Config) uint16 {
	crc := uint16(0)
	for n, slot := range m.Slots {
		if !c.Key(n).Private() {
			crc = UpdateCRC(crc, blank(slot[:len(slot):len(slot)], SlotSize(n)))
		}
	}
	return UpdateCRC(crc, m.OTP[:])
}

// LockData locks the data and OTP zones if their contents are those of m; with nil it locks them as
// they are. It cannot be undone.
func (d *Device) LockData(ctx context.Context, m *Memory) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	lock := Lock{Target: LockDataZone, IgnoreCRC: m == nil}
	if m != nil {
		lock.CRC = m.CRC(&d.config)
	}
	return d.lock(ctx, lock)
}

// LockSlot locks one slot. It cannot be undone.
func (d *Device) LockSlot(ctx context.Context, slot int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lock(ctx, Lock{Target: LockSlot, Slot: slot})
}

func (d *Device) lock(ctx context.Context, lock Lock) error {
	return d.do(ctx, func(t Transport) error {
		if err := lock.Execute(ctx, t); err != nil {
			return err
		}
		return d.refresh(ctx)(t)
	})
}

// ReadSlot reads size bytes from the start of a slot, by encrypted reads where the slot demands them.
func (d *Device) ReadSlot(ctx context.Context, slot, size int) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var data []byte
	err := d.do(ctx, func(t Transport) error {
		for block := 0; len(data) < size; block++ {
			b, err := d.readBlock(ctx, t, slot, block)
			if err != nil {
				return err
			}
			data = append(data, b...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read slot %d: %w", slot, err)
	}
	return data[:size], nil
}

// readBlock reads one block, of a partial last block what it has and padding.
func (d *Device) readBlock(ctx context.Context, t Transport, slot, block int) ([]byte, error) {
	address := SlotAddress(slot, block, 0)
	config := d.config.Slot(slot)
	if config.EncryptRead() {
		s, err := d.session(ctx, t, config.ReadKey())
		if err != nil {
			return nil, err
		}
		return s.ReadBlock(ctx, t, address)
	}
	return Read{Zone: ZoneData, Address: address, Block: true}.Execute(ctx, t)
}

// WriteSlot writes data to the start of a slot, by encrypted writes where the slot demands them. Whole
// blocks are written: the rest of the last one becomes zero.
func (d *Device) WriteSlot(ctx context.Context, slot int, data []byte) error {
	if len(data) > SlotSize(slot) {
		return fmt.Errorf("write slot %d: %d bytes, it has %d", slot, len(data), SlotSize(slot))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.do(ctx, func(t Transport) error {
		for block := 0; block*BlockSize < len(data); block++ {
			var b [BlockSize]byte
			copy(b[:], data[block*BlockSize:])
			if err := d.writeBlock(ctx, t, slot, block, b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write slot %d: %w", slot, err)
	}
	return nil
}

func (d *Device) writeBlock(ctx context.Context, t Transport, slot, block int, b [BlockSize]byte) error {
	address := SlotAddress(slot, block, 0)
	config := d.config.Slot(slot)
	if d.config.DataLocked() && config.WriteMode() == WriteEncrypt {
		s, err := d.session(ctx, t, config.WriteKey())
		if err != nil {
			return err
		}
		return s.WriteBlock(ctx, t, address, b, true)
	}
	return Write{Zone: ZoneData, Address: address, Data: b[:]}.Execute(ctx, t)
}

// ReadOTP reads the OTP zone, which the data lock makes readable.
func (d *Device) ReadOTP(ctx context.Context) (otp [OTPSize]byte, err error) {
	err = d.Do(ctx, func(t Transport) error {
		for block := range OTPSize / BlockSize {
			b, err := Read{Zone: ZoneOTP, Address: Address(block, 0), Block: true}.Execute(ctx, t)
			if err != nil {
				return err
			}
			copy(otp[block*BlockSize:], b)
		}
		return nil
	})
	return otp, err
}

// WriteOTP writes one block (0 or 1) of the OTP zone.
func (d *Device) WriteOTP(ctx context.Context, block int, b [BlockSize]byte) error {
	return d.Do(ctx, func(t Transport) error {
		return Write{Zone: ZoneOTP, Address: Address(block, 0), Data: b[:]}.Execute(ctx, t)
	})
}

// ReadPublicKey reads a public key stored in a 72-byte slot: 4 pad bytes | X | 4 pad bytes | Y.
func (d *Device) ReadPublicKey(ctx context.Context, slot int) ([64]byte, error) {
	b, err := d.ReadSlot(ctx, slot, 72)
	if err != nil {
		return [64]byte{}, err
	}
	return UnpadPublicKey([72]byte(b)), nil
}

// WritePublicKey stores X | Y in a 72-byte slot.
func (d *Device) WritePublicKey(ctx context.Context, slot int, point [64]byte) error {
	padded := PadPublicKey(point)
	return d.WriteSlot(ctx, slot, padded[:])
}

// PadPublicKey is the form in which a slot stores X | Y.
func PadPublicKey(point [64]byte) (b [72]byte) {
	copy(b[4:36], point[:32])
	copy(b[40:72], point[32:])
	return b
}

// UnpadPublicKey is the inverse of PadPublicKey.
func UnpadPublicKey(b [72]byte) (point [64]byte) {
	copy(point[:32], b[4:36])
	copy(point[32:], b[40:72])
	return point
}
