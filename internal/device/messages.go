package device

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
)

// Types of handshake messages (RFC 5246 section 7.4).
const (
	typeHelloRequest       = 0
	typeClientHello        = 1
	typeServerHello        = 2
	typeCertificate        = 11
	typeServerKeyExchange  = 12
	typeCertificateRequest = 13
	typeServerHelloDone    = 14
	typeCertificateVerify  = 15
	typeClientKeyExchange  = 16
	typeFinished           = 20
)

var typeNames = map[byte]string{
	typeHelloRequest: "HelloRequest", typeClientHello: "ClientHello", typeServerHello: "ServerHello",
	typeCertificate: "Certificate", typeServerKeyExchange: "ServerKeyExchange",
	typeCertificateRequest: "CertificateRequest", typeServerHelloDone: "ServerHelloDone",
	typeCertificateVerify: "CertificateVerify", typeClientKeyExchange: "ClientKeyExchange", typeFinished: "Finished",
}

// The numbers of what this client can do (IANA TLS parameters).
const (
	suite           = 0xc02b // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
	curve           = 23     // secp256r1
	scheme          = 0x0403 // ecdsa_secp256r1_sha256: hash sha256, signature ecdsa
	certificateType = 64     // ecdsa_sign
	namedCurve      = 3
	uncompressed    = 0 // ec_point_format

	extServerName          = 0
	extSupportedGroups     = 10
	extPointFormats        = 11
	extSignatureAlgorithms = 13
)

// errMalformed is what every parser here says of bytes that are not as RFC 5246 has them.
var errMalformed = errors.New("malformed")

// message puts the header of four bytes before a body: type and length.
func message(kind byte, body []byte) []byte {
	return append([]byte{kind}, vector(3, body)...)
}

// vector is a list with its length, in n bytes, before it (RFC 5246 section 4.3).
func vector(n int, parts ...[]byte) []byte {
	list := slices.Concat(parts...)
	length := binary.BigEndian.AppendUint32(nil, uint32(len(list)))
	return append(length[4-n:], list...)
}

func uint16s(list ...uint16) (b []byte) {
	for _, n := range list {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return b
}

func extension(kind uint16, body []byte) []byte {
	return append(uint16s(kind), vector(2, body)...)
}

// clientHello is message 1 (RFC 5246 section 7.4.1.2). Without modern it is that of the 2016 firmware, which
// is 55 bytes long, and 60 with the header of its record:
//
//	16 0303 0037            record: handshake, TLS 1.2, 55 bytes
//	01 000033               ClientHello, 51 bytes
//	0303                    TLS 1.2
//	4 + 28 bytes            random: the time, and random bytes
//	00                      no session to resume
//	0002 c02b               one suite: ECDHE-ECDSA-AES128-GCM-SHA256
//	01 00                   one compression method: none
//	0008                    8 bytes of extensions
//	000d 0004 0002 0403     signature_algorithms: ECDSA with SHA-256
//
// It does not list its only curve. RFC 8422 section 4 leaves the choice to the server then; most of today's
// servers choose to refuse. With modern it does list it, and says which server it wants.
func clientHello(random []byte, modern bool, serverName string) []byte {
	extensions := extension(extSignatureAlgorithms, vector(2, uint16s(scheme)))
	if modern {
		extensions = slices.Concat(extensions,
			extension(extSupportedGroups, vector(2, uint16s(curve))),
			extension(extPointFormats, vector(1, []byte{uncompressed})))
		if _, err := netip.ParseAddr(serverName); err != nil && serverName != "" { // addresses do not go there
			name := append([]byte{0}, vector(2, []byte(serverName))...) // host_name
			extensions = append(extensions, extension(extServerName, vector(2, name))...)
		}
	}
	return message(typeClientHello, slices.Concat(
		uint16s(version12),
		random,
		vector(1),
		vector(2, uint16s(suite)),
		vector(1, []byte{0}),
		vector(2, extensions),
	))
}

// A serverHello is message 2 (RFC 5246 section 7.4.1.3).
type serverHello struct {
	version     uint16
	random      []byte
	suite       uint16
	compression byte
	extensions  []uint16 // their types
}

func parseServerHello(body []byte) (*serverHello, error) {
	r := reader{rest: body}
	h := &serverHello{version: r.uint16(), random: r.bytes(32)}
	r.vector(1) // session id: nothing to resume
	h.suite, h.compression = r.uint16(), r.uint8()
	if len(r.rest) > 0 { // extensions may be absent altogether
		for extensions := r.vector(2); len(extensions.rest) > 0; {
			h.extensions = append(h.extensions, extensions.uint16())
			extensions.vector(2)
			r.bad = r.bad || extensions.bad
		}
	}
	return h, r.end()
}

// certificate is message 3 or 7: the chain, leaf first (RFC 5246 section 7.4.2).
func certificate(chain [][]byte) []byte {
	var list []byte
	for _, der := range chain {
		list = append(list, vector(3, der)...)
	}
	return message(typeCertificate, vector(3, list))
}

func parseCertificate(body []byte) (chain [][]byte, err error) {
	r := reader{rest: body}
	list := r.vector(3)
	for len(list.rest) > 0 {
		der := list.vector(3)
		chain = append(chain, der.rest)
	}
	r.bad = r.bad || list.bad
	return chain, r.end()
}

// A serverKeyExchange is message 4 (RFC 8422 section 5.4).
type serverKeyExchange struct {
	params    []byte // what is signed: curve type, curve, point
	curveType byte
	curve     uint16
	point     []byte
	scheme    uint16
	signature []byte
}

func parseServerKeyExchange(body []byte) (*serverKeyExchange, error) {
	r := reader{rest: body}
	k := &serverKeyExchange{curveType: r.uint8(), curve: r.uint16()}
	point := r.vector(1)
	k.point = point.rest
	k.params = body[:len(body)-len(r.rest)]
	k.scheme = r.uint16()
	signature := r.vector(2)
	k.signature = signature.rest
	return k, r.end()
}

// A certificateRequest is message 5 (RFC 5246 section 7.4.4). The names of CAs in it are not looked at: the
// device has one certificate.
type certificateRequest struct {
	types   []byte
	schemes []uint16
}

func parseCertificateRequest(body []byte) (*certificateRequest, error) {
	r := reader{rest: body}
	types, schemes := r.vector(1), r.vector(2)
	r.vector(2) // names of CAs
	q := &certificateRequest{types: types.rest}
	for len(schemes.rest) > 0 {
		q.schemes = append(q.schemes, schemes.uint16())
	}
	r.bad = r.bad || schemes.bad
	return q, r.end()
}

// clientKeyExchange is message 8: the device's ephemeral point (RFC 8422 section 5.7).
func clientKeyExchange(point []byte) []byte {
	return message(typeClientKeyExchange, vector(1, point))
}

// certificateVerify is message 9 (RFC 5246 section 7.4.8).
func certificateVerify(signature []byte) []byte {
	return message(typeCertificateVerify, append(uint16s(scheme), vector(2, signature)...))
}

// finished is message 11 or 13 (RFC 5246 section 7.4.9).
func finished(verifyData []byte) []byte { return message(typeFinished, verifyData) }

// A reader takes numbers and vectors off the front of a message. Once something is missing it is bad, gives
// zeros and has nothing left.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.rest, r.bad = nil, true
		return make([]byte, min(n, 32))
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uint8() byte { return r.bytes(1)[0] }

func (r *reader) uint16() uint16 { return binary.BigEndian.Uint16(r.bytes(2)) }

// vector takes a list with its length, in n bytes, before it.
func (r *reader) vector(n int) reader {
	length := 0
	for _, b := range r.bytes(n) {
		length = length<<8 | int(b)
	}
	if length > len(r.rest) {
		r.rest, r.bad = nil, true
		return reader{bad: true}
	}
	return reader{rest: r.bytes(length), bad: r.bad}
}

// end returns an error unless the message was well-formed and is used up.
func (r *reader) end() error {
	if r.bad || len(r.rest) > 0 {
		return errMalformed
	}
	return nil
}
