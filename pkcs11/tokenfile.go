package pkcs11

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"

	"golang.org/x/crypto/scrypt"
)

// The file of a token. After a line with the version it is a list of records, each
//
//	length  4 bytes, big endian: of kind and content
//	kind    T, the token itself (the last one counts), or O, an object
//	content
//	check   4 bytes: CRC-32C of kind and content
//
// A T has JSON: [tokenState]. An O has the number of the object (8 bytes), 0 or 1 for private, and the attributes; those of a private object
// are sealed by AES-256-GCM (nonce of 12 bytes, ciphertext with tag) under the token's key, bound to token and number. Attributes are
// their count, and for each type, length, value; numbers are uvarints.
//
// New objects are appended, everything else makes a new file that takes the place of the old one. So a reader needs no
// lock: what a writer has not finished is an incomplete record at the end, which does not count.
const tokenMagic = "thingward token 1\n"

const (
	recordToken  = 'T'
	recordObject = 'O'

	recordHeader = 4
	recordCheck  = 4
	maxRecord    = 1 << 20
	maxObjects   = 100_000

	maxWork    = 18 // 256 MB of memory
	maxRetries = 1000
	nonceSize  = 12
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// errDamaged is what no crash of a writer can have left.
var errDamaged = fmt.Errorf("%w: the file is damaged", CKR_DEVICE_ERROR)

// A record is one of the file, its content not yet looked at.
type record struct {
	kind    byte
	content []byte
}

func (r record) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(r.content)))
	b = append(append(b, r.kind), r.content...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[recordHeader:], crcTable))
}

// decodeRecords reads whole records, and returns how many bytes they are.
func decodeRecords(b []byte) (records []record, n int, err error) {
	for {
		rest := b[n:]
		if len(rest) < recordHeader || allZero(rest) {
			return records, n, nil
		}
		size := int(binary.BigEndian.Uint32(rest))
		if size < 1 || size > maxRecord {
			return records, n, fmt.Errorf("%w: a record of %d bytes", errDamaged, size)
		}
		end := recordHeader + size + recordCheck
		if len(rest) < end {
			return records, n, nil
		}
		body := rest[recordHeader : recordHeader+size]
		if binary.BigEndian.Uint32(rest[recordHeader+size:]) != crc32.Checksum(body, crcTable) {
			if len(rest) == end { // a crash of the machine may leave the last one half written
				return records, n, nil
			}
			return records, n, fmt.Errorf("%w: a record does not fit its check", errDamaged)
		}
		if body[0] != recordToken && body[0] != recordObject {
			return records, n, fmt.Errorf("%w: a record of kind %q; was it written by a later version?", errDamaged, body[0])
		}
		records = append(records, record{body[0], bytes.Clone(body[1:])})
		n += end
	}
}

// allZero is what some file systems leave at the end of a file after a loss of power.
func allZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// A tokenState is the token without its objects.
type tokenState struct {
	ID     []byte    `json:"id"` // new with each C_InitToken
	Label  string    `json:"label"`
	Serial string    `json:"serial"`
	SO     *pinState `json:"so"`
	User   *pinState `json:"user,omitempty"`
}

// A pinState is a PIN: the token's key, sealed by what scrypt makes of it.
type pinState struct {
	Work     int    `json:"work"` // N = 2^Work, r = 8, p = 1
	Salt     []byte `json:"salt"`
	Sealed   []byte `json:"sealed"`
	Failures int    `json:"failures,omitempty"` // in a row
	Retries  int    `json:"retries"`
}

func decodeState(content []byte) (*tokenState, error) {
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	s := &tokenState{}
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if d.More() || len(s.ID) != 16 || s.SO == nil || len(s.Label) > 32 || len(s.Serial) > 16 {
		return nil, fmt.Errorf("%w: token record", errDamaged)
	}
	for _, p := range []*pinState{s.SO, s.User} {
		if p != nil && (p.Work < 1 || p.Work > maxWork || p.Retries < 1 || p.Retries > maxRetries || p.Failures < 0) {
			return nil, fmt.Errorf("%w: PIN record", errDamaged)
		}
	}
	return s, nil
}

func (s *tokenState) record() (record, error) {
	b, err := json.Marshal(s)
	return record{recordToken, b}, err
}

func (p *pinState) locked() bool { return p.Failures >= p.Retries }

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal encrypts with a random nonce in front.
func seal(key, plain, bound []byte) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, nonceSize, nonceSize+len(plain)+gcm.Overhead())
	rand.Read(nonce)
	return gcm.Seal(nonce, nonce, plain, bound), nil
}

func unseal(key, sealed, bound []byte) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < nonceSize {
		return nil, errDamaged
	}
	return gcm.Open(nil, sealed[:nonceSize], sealed[nonceSize:], bound)
}

func pinKey(pin, salt []byte, work int) ([]byte, error) {
	return scrypt.Key(pin, salt, 1<<work, 8, 1, 32)
}

// sealPIN makes the record of a new PIN. bound keeps the SO's from becoming the user's.
func sealPIN(pin, master, bound []byte, work, retries int) (*pinState, error) {
	p := &pinState{Work: work, Salt: make([]byte, 16), Retries: retries}
	rand.Read(p.Salt)
	key, err := pinKey(pin, p.Salt, work)
	if err != nil {
		return nil, err
	}
	p.Sealed, err = seal(key, master, bound)
	return p, err
}

// open returns the token's key, or CKR_PIN_INCORRECT. The comparison is GCM's, in constant time.
func (p *pinState) open(pin, bound []byte) ([]byte, error) {
	key, err := pinKey(pin, p.Salt, p.Work)
	if err != nil {
		return nil, err
	}
	master, err := unseal(key, p.Sealed, bound)
	if err != nil {
		return nil, CKR_PIN_INCORRECT
	}
	return master, nil
}

// An objectRecord is an object as the file has it.
type objectRecord struct {
	number  uint64
	private bool
	body    []byte // attributes, sealed when private
}

func (o objectRecord) record() record {
	b := binary.BigEndian.AppendUint64(nil, o.number)
	if o.private {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	return record{recordObject, append(b, o.body...)}
}

func decodeObject(content []byte) (objectRecord, error) {
	if len(content) < 9 || content[8] > 1 {
		return objectRecord{}, fmt.Errorf("%w: object record", errDamaged)
	}
	return objectRecord{binary.BigEndian.Uint64(content), content[8] == 1, content[9:]}, nil
}

// bound is what a private object is sealed to.
func (s *tokenState) bound(number uint64) []byte {
	return binary.BigEndian.AppendUint64(bytes.Clone(s.ID), number)
}

// sealObject makes the record of an object. master may be nil for public ones.
func (s *tokenState) sealObject(number uint64, a attributes, master []byte) (objectRecord, error) {
	o := objectRecord{number: number, private: a.bool(CKA_PRIVATE), body: a.encode()}
	if len(o.body) > maxRecord-64 {
		return o, fmt.Errorf("%w: an object of %d bytes", CKR_DEVICE_MEMORY, len(o.body))
	}
	if !o.private {
		return o, nil
	}
	if master == nil {
		return o, CKR_USER_NOT_LOGGED_IN
	}
	var err error
	o.body, err = seal(master, o.body, s.bound(number))
	return o, err
}

func (s *tokenState) openObject(o objectRecord, master []byte) (attributes, error) {
	body := o.body
	if o.private {
		var err error
		if body, err = unseal(master, body, s.bound(o.number)); err != nil {
			return nil, fmt.Errorf("%w: object %d is not authentic", errDamaged, o.number)
		}
	}
	a, err := decodeAttributes(body)
	if err == nil && a.bool(CKA_PRIVATE) != o.private {
		err = fmt.Errorf("%w: object %d is not what it says", errDamaged, o.number)
	}
	return a, err
}

func (a attributes) encode() []byte {
	b := binary.AppendUvarint(nil, uint64(len(a)))
	for _, t := range slices.Sorted(maps.Keys(a)) {
		b = binary.AppendUvarint(b, uint64(t))
		b = binary.AppendUvarint(b, uint64(len(a[t])))
		b = append(b, a[t]...)
	}
	return b
}

func decodeAttributes(b []byte) (attributes, error) {
	bad := fmt.Errorf("%w: attributes", errDamaged)
	next := func() (uint64, error) {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, bad
		}
		b = b[n:]
		return v, nil
	}
	count, err := next()
	if err != nil || count > maxAttributes {
		return nil, bad
	}
	a := make(attributes, count)
	for range count {
		t, err := next()
		size, err2 := next()
		if errors.Join(err, err2) != nil || size > maxValue || size > uint64(len(b)) || a.has(AttributeType(t)) {
			return nil, bad
		}
		a[AttributeType(t)], b = bytes.Clone(b[:size:size]), b[size:]
		if a[AttributeType(t)] == nil {
			a[AttributeType(t)] = []byte{}
		}
	}
	if len(b) > 0 {
		return nil, bad
	}
	return a, nil
}
