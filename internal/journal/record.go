package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/msglog"
)

// A record is an entry as it stands in the log: a header by which it is found without reading the rest, and its JSON.
//
//	version byte, flags byte, seconds uint32, then the keys of scope, client id, principal, thing, address and event uint32
//
// All numbers are little endian.
const (
	recordVersion = 1
	headerSize    = 2 + 7*4
	maxRecord     = 64 << 10
)

// Flags of a record.
const (
	flagFailure = 1 << iota
	flagRefusal
)

// A mark is the header of one entry. Keys are sums of 32 bits: who finds one looks into the entry as well.
type mark struct {
	at                                              msglog.Offset
	when                                            uint32 // Unix seconds
	scope, client, principal, thing, address, event uint32
	flags                                           byte
}

var errRecord = errors.New("not a record of this journal")

// encode returns the record of an entry. One that is too large loses its bytes, then its decision's lists.
func encode(e *Entry) ([]byte, error) {
	m := markOf(e)
	b := make([]byte, 0, 1024)
	b = append(b, recordVersion, m.flags)
	for _, n := range []uint32{m.when, m.scope, m.client, m.principal, m.thing, m.address, m.event} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	if headerSize+len(text) <= maxRecord {
		return append(b, text...), nil
	}
	small := *e
	switch {
	case e.Attempt != nil && (e.Attempt.First != nil || e.Attempt.Chain != nil):
		a := *e.Attempt
		a.First, a.Chain = nil, nil
		small.Attempt = &a
	case e.Decision != nil:
		small.Decision = nil
	default:
		return nil, fmt.Errorf("an entry of %d bytes is too large", len(text))
	}
	return encode(&small)
}

// decode reads a record.
func decode(record []byte) (*Entry, error) {
	if _, err := parseMark(record); err != nil {
		return nil, err
	}
	e := new(Entry)
	d := json.NewDecoder(bytes.NewReader(record[headerSize:]))
	if err := d.Decode(e); err != nil {
		return nil, fmt.Errorf("%w: %v", errRecord, err)
	}
	if e.EventType == "" {
		return nil, errRecord
	}
	return e, nil
}

// parseMark reads the header of a record. Its place is not in there.
func parseMark(record []byte) (m mark, err error) {
	if len(record) < headerSize || len(record) > maxRecord {
		return m, errRecord
	}
	if record[0] != recordVersion {
		return m, fmt.Errorf("%w: version %d is not known, this program reads version %d", errRecord, record[0], recordVersion)
	}
	m.flags = record[1]
	for i, n := range []*uint32{&m.when, &m.scope, &m.client, &m.principal, &m.thing, &m.address, &m.event} {
		*n = binary.LittleEndian.Uint32(record[2+4*i:])
	}
	return m, nil
}

func markOf(e *Entry) mark {
	m := mark{when: uint32(e.Timestamp.Unix()), scope: scopeKey(e.Scope()), client: key(e.ClientID), principal: principalKey(e.PrincipalID),
		thing: key(e.ThingName), address: key(e.SourceIP), event: key(e.EventType)}
	if e.Status == Failure {
		m.flags |= flagFailure
	}
	if e.Refused() {
		m.flags |= flagRefusal
	}
	return m
}

// key is 0 for nothing.
func key(s string) uint32 {
	if s == "" {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(s))
	return max(1, h.Sum32())
}

// scopeKey is 0 for no scope.
func scopeKey(s thingward.Scope) uint32 {
	if s.Account == "" {
		return 0
	}
	return key(s.String())
}

// minPrefix is how many digits a certificate is recognised by.
const minPrefix = 8

// principalKey of a certificate id is its first eight digits, so that certificates are found by a prefix.
func principalKey(id string) uint32 {
	if isCertificate(id) && len(id) >= minPrefix {
		n, _ := strconv.ParseUint(id[:minPrefix], 16, 32)
		return uint32(n)
	}
	return key(id)
}

// isCertificate reports whether s can be a certificate id or the beginning of one.
func isCertificate(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 64
}
