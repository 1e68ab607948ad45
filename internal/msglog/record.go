package msglog

import (
	"encoding/binary"
	"hash/crc32"
)

// headerSize is the length of a record's header.
const headerSize = 12

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A sealer computes the sums of headers.
type sealer struct{ b [16]byte }

// append appends the record that will stand at the offset.
func (s *sealer) append(dst []byte, at Offset, data []byte) []byte {
	sum := crc32.Checksum(data, castagnoli)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(data)))
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	dst = binary.LittleEndian.AppendUint32(dst, s.sum(at, uint32(len(data)), sum))
	return append(dst, data...)
}

// sum binds length and data sum to the offset.
func (s *sealer) sum(at Offset, length, sum uint32) uint32 {
	binary.LittleEndian.PutUint64(s.b[:], uint64(at))
	binary.LittleEndian.PutUint32(s.b[8:], length)
	binary.LittleEndian.PutUint32(s.b[12:], sum)
	return crc32.Checksum(s.b[:], castagnoli)
}

// parse returns the length and the sum of the data that follow; ok is false if no record begins here.
func (s *sealer) parse(header []byte, at Offset) (length int, sum uint32, ok bool) {
	n := binary.LittleEndian.Uint32(header)
	sum = binary.LittleEndian.Uint32(header[4:])
	ok = n <= MaxRecord && binary.LittleEndian.Uint32(header[8:]) == s.sum(at, n, sum)
	return int(n), sum, ok
}
