// Package wire carries the calls of Cryptoki from a host process to the process that holds the token: the C library of pkcs11/module is one
// end, a [Server] over a pkcs11.Module the other.
//
// # Frames
//
// A connection is a stream socket of the same machine. Each side sends frames: a length of 4 bytes, then that many bytes. The host sends a
// request and waits for its answer before it sends the next; it has as many connections as it wants calls at the same time.
// Numbers are little endian.
//
//	u8, u32, u64   numbers; a CK_ULONG is a u64, CK_UNAVAILABLE_INFORMATION all ones
//	bytes          u32 length and the bytes; length 0xFFFFFFFF is NULL
//	version        two u8
//	list           u32 count and as many u64
//	template       u32 count, then for each attribute u64 type and bytes value. Values that are CK_ULONG have 8 bytes a number.
//	               Nested templates do not travel.
//	mechanism      u64 type, u8 kind of parameter, and then for kind
//	               0 none; 1 bytes; 2 PSS: u64 hash, mgf, salt length; 3 OAEP: u64 hash, mgf, source, bytes label;
//	               4 ECDH: u64 kdf, bytes shared, public; 5 GCM: bytes iv, aad, u64 tag bits
//	capacity       u64 size of the host's buffer; all ones is NULL, which asks for the length
//	output         u64 length, bytes: NULL when only the length was asked for, or the buffer is too small
//
// A request is a u8, the number of the function, and its arguments in the order of the standard, without those that only receive. An answer
// is a u32, the CK_RV, and what the function gives. Of an answer with an error there is nothing more, but for
// CKR_BUFFER_TOO_SMALL (the output, with its length) and C_GetAttributeValue (a u32 CK_RV and bytes for each type, after a u32 count).
//
// # Hello
//
// The first request of a connection is hello: u64 version of the format and bytes token. NULL opens an application, as C_Initialize does, and the
// answer has its token of 16 bytes; other connections join the application with it. When the last of them ends, so does the
// application. A refusal has a text in the place of the token.
//
// # Limits
//
// A frame has at most 16 MiB, bytes 8 MiB, a template 16,384 attributes, an answer of C_FindObjects 4,096 handles. Nothing nests.
// Who sends more, or something else, is not answered: the connection ends.
package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/thingward/thingward/pkcs11"
)

// Version is the version of the format.
const Version = 1

const (
	maxFrame      = 16 << 20
	maxBytes      = 8 << 20
	maxAttributes = 16384
	maxHandles    = 4096
	tokenSize     = 16
	headerSize    = 4
	null          = ^uint32(0)
)

// errMalformed is what a decoder panics with; Serve recovers it and ends the connection.
var errMalformed = errors.New("malformed request")

// readFrame reads one frame into buf, and returns it with the buffer, which grows only as bytes arrive: a length alone reserves
// nothing. A host has one request under way, so that a small frame takes one read and nothing follows it.
func readFrame(r io.Reader, buf []byte) (frame, grown []byte, err error) {
	buf = buf[:cap(buf)]
	have, err := io.ReadAtLeast(r, buf, headerSize)
	if err != nil {
		return nil, buf, err
	}
	size := binary.LittleEndian.Uint32(buf)
	if size > maxFrame-headerSize {
		return nil, buf, fmt.Errorf("a frame of %d bytes: %w", size, errMalformed)
	}
	end := headerSize + int(size)
	if have > end {
		return nil, buf, fmt.Errorf("%d bytes after a frame: %w", have-end, errMalformed)
	}
	for have < end {
		if have == len(buf) {
			buf = append(make([]byte, 0, min(2*have, maxFrame)), buf...)
			buf = buf[:cap(buf)]
		}
		n, err := io.ReadFull(r, buf[have:min(end, len(buf))])
		if err != nil {
			return nil, buf, err
		}
		have += n
	}
	return buf[headerSize:end], buf, nil
}

// A reader takes values off a request. It panics with errMalformed, which keeps the functions below readable.
type reader struct{ rest []byte }

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		panic(errMalformed)
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) u8() byte    { return r.take(1)[0] }
func (r *reader) u32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *reader) ulong() uint { return uint(binary.LittleEndian.Uint64(r.take(8))) }

// bytes is nil for NULL, and empty but not nil for no bytes. The bytes are those of the frame, which are wiped after the call; what an
// object may keep is copied.
func (r *reader) bytes() []byte {
	n := r.u32()
	if n == null {
		return nil
	}
	if n > maxBytes {
		panic(errMalformed)
	}
	return r.take(int(n))
}

func (r *reader) count(limit, size int) int {
	n := int(r.u32())
	if n > limit || n*size > len(r.rest) {
		panic(errMalformed)
	}
	return n
}

func (r *reader) template() []pkcs11.Attribute {
	t := make([]pkcs11.Attribute, r.count(maxAttributes, 12))
	for i := range t {
		t[i].Type = pkcs11.AttributeType(r.ulong())
		t[i].Value = bytes.Clone(r.bytes())
	}
	return t
}

func (r *reader) mechanism() pkcs11.Mechanism {
	m := pkcs11.Mechanism{Type: pkcs11.MechanismType(r.ulong())}
	switch r.u8() {
	case 0:
	case 1:
		m.Parameter = bytes.Clone(r.bytes())
	case 2:
		m.PSS = &pkcs11.PSSParams{Hash: pkcs11.MechanismType(r.ulong()), MGF: r.ulong(), SaltLength: r.ulong()}
	case 3:
		m.OAEP = &pkcs11.OAEPParams{Hash: pkcs11.MechanismType(r.ulong()), MGF: r.ulong(), Source: r.ulong(), Label: bytes.Clone(r.bytes())}
	case 4:
		m.ECDH = &pkcs11.ECDHParams{KDF: r.ulong(), Shared: bytes.Clone(r.bytes()), Public: bytes.Clone(r.bytes())}
	case 5:
		m.GCM = &pkcs11.GCMParams{IV: bytes.Clone(r.bytes()), AAD: bytes.Clone(r.bytes()), TagBits: r.ulong()}
	default:
		panic(errMalformed)
	}
	return m
}

// capacity is -1 where the host has no buffer.
func (r *reader) capacity() int {
	n := r.ulong()
	if n == pkcs11.Unavailable {
		return -1
	}
	return int(min(n, maxBytes))
}

// A writer builds an answer behind the room for its length.
type writer struct{ b []byte }

func (w *writer) u8(v byte)    { w.b = append(w.b, v) }
func (w *writer) u32(v uint32) { w.b = binary.LittleEndian.AppendUint32(w.b, v) }
func (w *writer) ulong(v uint) { w.b = binary.LittleEndian.AppendUint64(w.b, uint64(v)) }

func (w *writer) bytes(b []byte) {
	if b == nil {
		w.u32(null)
		return
	}
	w.u32(uint32(len(b)))
	w.b = append(w.b, b...)
}

// text cuts what a field of C cannot hold, between characters.
func (w *writer) text(s string, size int) {
	for len(s) > size {
		cut := size
		for cut > 0 && s[cut]&0xC0 == 0x80 {
			cut--
		}
		s = s[:cut]
	}
	w.bytes([]byte(s))
}

func (w *writer) version(v pkcs11.Version) { w.b = append(w.b, v.Major, v.Minor) }
