package atecc

// CRC is the checksum of packets and of the lock commands: polynomial 8005, start 0, the bits of each
// byte enter least significant first.
func CRC(b []byte) uint16 { return UpdateCRC(0, b) }

// UpdateCRC continues a checksum over more bytes.
func UpdateCRC(crc uint16, b []byte) uint16 {
	for _, c := range b {
		for bit := range 8 {
			if uint16(c>>bit&1) != crc>>15 {
				crc = crc<<1 ^ 0x8005
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

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
