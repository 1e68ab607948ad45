package atecc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// CompressedSize is what a certificate takes in a slot.
const CompressedSize = 72

// A Compressed certificate is what differs between the certificates of one design: the signature, the dates and a few
// ids. The rest is in a [Template]. It is the format that Microchip's library calls atcacert, version 0:
//
//	 0…63  signature, R | S
//	64…66  dates: year since 2000 (5 bits), month (4), day (5), hour (5), years until expiry (5; 0 = never)
//	67…68  signer id
//	   69  template id (high nibble), chain id
//	   70  source of the serial number (high nibble), format version
//	   71  reserved, 0
type Compressed [CompressedSize]byte

// Signature is R | S.
func (c *Compressed) Signature() [64]byte { return [64]byte(c[:64]) }

// SignerID names the production signer that signed the certificate.
func (c *Compressed) SignerID() uint16 { return binary.BigEndian.Uint16(c[67:]) }

// TemplateID and ChainID name the template.
func (c *Compressed) TemplateID() byte { return c[69] >> 4 }
func (c *Compressed) ChainID() byte    { return c[69] & 15 }

// SerialSource says where the serial number comes from.
func (c *Compressed) SerialSource() SerialSource { return SerialSource(c[70] >> 4) }

// Dates are the first hour of validity, and for how many years; 0 means that the certificate never expires.
func (c *Compressed) Dates() (notBefore time.Time, years int, err error) {
	return decodeDates([3]byte(c[64:67]))
}

// Plausible tells whether c has the form of a compressed certificate: a blank slot, of FF or 00, has not.
func (c *Compressed) Plausible() bool {
	_, _, err := c.Dates()
	return err == nil && c[70]&15 == 0 && c[71] == 0 && *c != Compressed{}
}

// check tells whether c is of this format and was made with the template.
func (c *Compressed) check(t *Template) error {
	switch {
	case c[70]&15 != 0:
		return fmt.Errorf("compressed certificate of format version %d: only version 0 is known", c[70]&15)
	case c.TemplateID() != t.id || c.ChainID() != t.chain:
		return fmt.Errorf("compressed certificate was made with template %d of chain %d, this is template %d of chain %d",
			c.TemplateID(), c.ChainID(), t.id, t.chain)
	case c.SerialSource() != t.serialSource:
		return fmt.Errorf("compressed certificate takes its serial number from source %s, the template from %s",
			c.SerialSource(), t.serialSource)
	}
	return nil
}

// encodeDates packs the dates. Minutes and seconds must be 0 and the year 2000 to 2031.
func encodeDates(notBefore time.Time, years int) ([3]byte, error) {
	d := notBefore.UTC()
	switch {
	case d.Year() < 2000 || d.Year() > 2031:
		return [3]byte{}, fmt.Errorf("issue date %s: a compressed certificate holds the years 2000 to 2031", d.Format(time.DateOnly))
	case d.Minute() != 0 || d.Second() != 0 || d.Nanosecond() != 0:
		return [3]byte{}, fmt.Errorf("issue date %s: a compressed certificate holds whole hours", d.Format(time.RFC3339))
	case years < 0 || years > 31:
		return [3]byte{}, fmt.Errorf("validity of %d years: a compressed certificate holds 1 to 31, or 0 for never", years)
	}
	if _, err := addYears(d, years); err != nil {
		return [3]byte{}, err
	}
	v := uint32(d.Year()-2000)<<19 | uint32(d.Month())<<15 | uint32(d.Day())<<10 | uint32(d.Hour())<<5 | uint32(years)
	return [3]byte{byte(v >> 16), byte(v >> 8), byte(v)}, nil
}

func decodeDates(b [3]byte) (notBefore time.Time, years int, err error) {
	v := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	year, month, day, hour := int(v>>19)+2000, int(v>>15&15), int(v>>10&31), int(v>>5&31)
	d := time.Date(year, time.Month(month), day, hour, 0, 0, 0, time.UTC)
	if d.Year() != year || int(d.Month()) != month || d.Day() != day || d.Hour() != hour {
		return time.Time{}, 0, fmt.Errorf("dates %X are no date: year %d, month %d, day %d, hour %d", b, year, month, day, hour)
	}
	return d, int(v & 31), nil
}

// addYears moves a date on by whole years. 29 February has no place in most years.
func addYears(d time.Time, years int) (time.Time, error) {
	end := d.AddDate(years, 0, 0)
	if end.Day() != d.Day() {
		return end, fmt.Errorf("issue date %s plus %d years is no date: choose another day or number of years", d.Format(time.DateOnly), years)
	}
	return end, nil
}

// SerialSource says how a compressed certificate's serial number is made.
type SerialSource byte

const (
	SerialStored          SerialSource = 0x0 // kept in the chip
	SerialStoredDynamic   SerialSource = 0x7 // the same, of any size
	SerialChip            SerialSource = 0x8 // 40 | the chip's 9-byte serial number
	SerialSigner          SerialSource = 0x9 // 40 | signer id
	SerialPublicKeyHash   SerialSource = 0xA // SHA-256(public key | dates), positive, never short: top bits 01
	SerialChipHash        SerialSource = 0xB // SHA-256(chip's serial number | dates), likewise
	SerialPublicKeyHash63 SerialSource = 0xC // as A, but only the top bit is cleared
	SerialChipHash63      SerialSource = 0xD
	SerialPublicKeyRaw    SerialSource = 0xE // as A, untouched
	SerialChipRaw         SerialSource = 0xF
)

func (s SerialSource) String() string {
	switch s {
	case SerialStored, SerialStoredDynamic:
		return "stored in the chip"
	case SerialChip:
		return "the chip's serial number"
	case SerialSigner:
		return "signer id"
	case SerialPublicKeyHash, SerialPublicKeyHash63, SerialPublicKeyRaw:
		return "hash of public key and dates"
	case SerialChipHash, SerialChipHash63, SerialChipRaw:
		return "hash of the chip's serial number and dates"
	}
	return fmt.Sprintf("unknown source %X", byte(s))
}

var errSerialSize = errors.New("the serial number does not have the size that the template gives it")
