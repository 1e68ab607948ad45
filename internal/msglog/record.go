package msglog

import (
	"encoding/binary"
	"hash/crc32"
)

// headerSize is the length of a record's header.
const headerSize = 12

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendRecord appends the record that will stand at the offset.
func appendRecord(dst []byte, at Offset, data []byte) []byte {
	sum := crc32.Checksum(data, castagnoli)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(data)))
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	dst = binary.LittleEndian.AppendUint32(dst, headerSum(at, uint32(len(data)), sum))
	return append(dst, data...)
}

// headerSum binds length and data sum to the offset.
func headerSum(at Offset, length, sum uint32) uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], uint64(at))
	binary.LittleEndian.PutUint32(b[8:], length)
	binary.LittleEndian.PutUint32(b[12:], sum)
	return crc32.Checksum(b[:], castagnoli)
}

// parseHeader returns the length and the sum of the data that follow; ok is false if no record begins here.
func parseHeader(b []byte, at Offset) (length int, sum uint32, ok bool) {
	n := binary.LittleEndian.Uint32(b)
	sum = binary.LittleEndian.Uint32(b[4:])
	ok = n <= MaxRecord && binary.LittleEndian.Uint32(b[8:]) == headerSum(at, n, sum)
	return int(n), sum, ok
}
