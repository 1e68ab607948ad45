package atecc

import "math/bits"

// CRC is the checksum of packets and of the lock commands: polynomial 8005, start 0, the bits of each
// byte enter least significant first.
func CRC(b []byte) uint16 { return UpdateCRC(0, b) }

// UpdateCRC continues a checksum over more bytes.
func UpdateCRC(crc uint16, b []byte) uint16 {
	for _, c := range b {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^bits.Reverse8(c)]
	}
	return crc
}

// crcTable holds what eight shifts make of each value of the upper byte.
var crcTable = func() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			if crc>>15 == 1 {
				crc = crc<<1 ^ 0x8005
			} else {
				crc <<= 1
			}
		}
		table[i] = crc
	}
	return table
}()

// appendCRC appends the checksum of b, low byte first.
func appendCRC(b []byte) []byte {
	crc := CRC(b)
	return append(b, byte(crc), byte(crc>>8))
}

// validCRC reports whether the last two bytes of b are the checksum of those before.
func validCRC(b []byte) bool {
	n := len(b) - 2
	crc := CRC(b[:n])
	return b[n] == byte(crc) && b[n+1] == byte(crc>>8)
}
