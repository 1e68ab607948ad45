package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Hello is what a TLS client said first (RFC 5246 section 7.4.1.2, RFC 8446 section 4.1.2), as far as it
// helps to say why a handshake failed. It is read from the client's bytes and not from crypto/tls, which
// does not tell an absent extension from an empty one and says nothing of hellos that it refuses.
type Hello struct {
	Length     int      // bytes on the wire, record headers included
	Version    uint16   // the highest version of TLS 1.2 and older that the client speaks
	Versions   []uint16 // supported_versions; nil: absent, as from every client without TLS 1.3
	Suites     []uint16 // cipher suites in the client's order
	ServerName string   // SNI; empty: absent
	Protocols  []string // ALPN

	Groups           []uint16 // supported_groups
	PointFormats     []byte   // ec_point_formats
	SignatureSchemes []uint16 // signature_algorithms

	Extensions []uint16 // types of all extensions in the client's order
}

// Extension types that a Hello reads (IANA TLS ExtensionType values).
const (
	extServerName          = 0
	extSupportedGroups     = 10
	extPointFormats        = 11
	extSignatureAlgorithms = 13
	extALPN                = 16
	extSupportedVersions   = 43
)

// Limits of ParseHello beyond which a hello is refused: no client comes near them.
const (
	maxHello      = 16 << 10
	maxExtensions = 100
)

var (
	errNoHello    = errors.New("these bytes do not begin a TLS ClientHello")
	errShortHello = errors.New("the ClientHello is not complete")
	errBadHello   = errors.New("the ClientHello is malformed")
)

// Has reports whether the client sent an extension of this type, even an empty one.
func (h *Hello) Has(extension uint16) bool { return slices.Contains(h.Extensions, extension) }

// Newest returns the newest version that the client speaks.
func (h *Hello) Newest() uint16 {
	newest := h.Version
	for _, v := range h.Versions {
		if v&0x0f0f != 0x0a0a { // no GREASE (RFC 8701)
			newest = max(newest, v)
		}
	}
	return newest
}

// String tells what matters for a diagnosis in one line.
func (h *Hello) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d bytes, up to %s, suites %s", h.Length, tls.VersionName(h.Newest()), hexList(h.Suites))
	if h.Has(extSupportedGroups) {
		fmt.Fprintf(&b, ", groups %s", hexList(h.Groups))
	} else {
		b.WriteString(", no supported_groups")
	}
	if h.Has(extSignatureAlgorithms) {
		fmt.Fprintf(&b, ", signatures %s", hexList(h.SignatureSchemes))
	}
	if h.ServerName != "" {
		fmt.Fprintf(&b, ", SNI %q", h.ServerName)
	} else {
		b.WriteString(", no SNI")
	}
	if len(h.Protocols) > 0 {
		fmt.Fprintf(&b, ", ALPN %q", h.Protocols)
	}
	return b.String()
}

func hexes(list []uint16) []string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = fmt.Sprintf("%04x", n)
	}
	return words
}

func hexList(list []uint16) string { return strings.Join(hexes(list), " ") }

// ParseHello reads the ClientHello at the beginning of what a client sent. It may be spread over several
// records, and may be followed by anything.
func ParseHello(b []byte) (*Hello, error) {
	message, length, err := firstMessage(b)
	if err != nil {
		return nil, err
	}
	h := &Hello{Length: length}
	r := reader{rest: message}
	h.Version = r.uint16()
	r.bytes(32)               // random
	r.bytes(int(r.uint8()))   // session id
	h.Suites = r.uint16List() // cipher suites
	r.bytes(int(r.uint8()))   // compression methods
	if len(r.rest) > 0 || r.bad {
		h.extensions(r.list())
	}
	if r.bad || len(r.rest) > 0 || len(h.Extensions) > maxExtensions {
		return nil, errBadHello
	}
	return h, nil
}

// extensions reads those extensions that h has a field for. What a malformed one says is left out.
func (h *Hello) extensions(r reader) {
	for len(r.rest) > 0 && len(h.Extensions) <= maxExtensions {
		kind, body := r.uint16(), r.list()
		if r.bad {
			return
		}
		h.Extensions = append(h.Extensions, kind)
		switch kind {
		case extServerName:
			h.ServerName = serverName(body.list())
		case extSupportedGroups:
			h.Groups = body.uint16List()
		case extPointFormats:
			h.PointFormats = body.bytes(int(body.uint8()))
		case extSignatureAlgorithms:
			h.SignatureSchemes = body.uint16List()
		case extALPN:
			h.Protocols = protocols(body.list())
		case extSupportedVersions:
			versions := reader{rest: body.bytes(int(body.uint8()))}
			h.Versions = versions.uint16s()
		}
	}
}

// serverName returns the first name of type host_name (RFC 6066 section 3).
func serverName(names reader) string {
	for len(names.rest) > 0 && !names.bad {
		if kind, name := names.uint8(), names.list(); kind == 0 {
			return string(name.rest)
		}
	}
	return ""
}

func protocols(names reader) (list []string) {
	for len(names.rest) > 0 && !names.bad {
		list = append(list, string(names.bytes(int(names.uint8()))))
	}
	return list
}

// firstMessage returns the body of the ClientHello that b begins with, put together from its records, and
// how many bytes of b those are.
func firstMessage(b []byte) (message []byte, length int, err error) {
	var all []byte
	for {
		if len(all) >= 4 {
			if all[0] != 1 { // client_hello
				return nil, 0, errNoHello
			}
			n := 4 + int(all[1])<<16 + int(all[2])<<8 + int(all[3])
			if n > maxHello {
				return nil, 0, errBadHello
			}
			if len(all) >= n {
				return all[4:n], length, nil
			}
		}
		rest := b[length:]
		if len(rest) > 0 && rest[0] != 22 || len(rest) > 1 && rest[1] != 3 { // handshake, any version 3.x
			return nil, 0, errNoHello
		}
		if len(rest) < 5 {
			return nil, 0, errShortHello
		}
		n := int(rest[3])<<8 + int(rest[4])
		if n == 0 || n > maxHello {
			return nil, 0, errBadHello
		}
		if len(rest) < 5+n {
			return nil, 0, errShortHello
		}
		all = append(all, rest[5:5+n]...)
		length += 5 + n
	}
}

// A reader takes numbers and lists off the front of a TLS structure (RFC 5246 section 4). Once something is
// missing it is bad, and gives zeros.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) || r.bad {
		r.rest, r.bad = nil, true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uint8() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if b := r.bytes(2); b != nil {
		return uint16(b[0])<<8 | uint16(b[1])
	}
	return 0
}

// list takes a list with a length of two bytes before it.
func (r *reader) list() reader {
	b := r.bytes(int(r.uint16()))
	return reader{rest: b, bad: r.bad}
}

func (r *reader) uint16List() []uint16 {
	list := r.list()
	return list.uint16s()
}

// uint16s takes all that is left.
func (r *reader) uint16s() (list []uint16) {
	for len(r.rest) > 0 && !r.bad {
		list = append(list, r.uint16())
	}
	return list
}
