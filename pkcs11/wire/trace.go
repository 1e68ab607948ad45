package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/thingward/thingward/pkcs11"
)

// A Trace writes one line for each call: when, which application, the function, its arguments, the result, and how long it took. PINs, keys
// and what is encrypted, decrypted or signed are told by their length only.
type Trace struct {
	mu sync.Mutex
	w  io.Writer
}

// NewTrace writes to w, one Write a line.
func NewTrace(w io.Writer) *Trace { return &Trace{w: w} }

// A note is the line of one call under way. Its methods do nothing on nil.
type note struct {
	trace   *Trace
	app     int // applications are numbered in the order in which they come; 0 while one opens
	start   time.Time
	line    strings.Builder
	results strings.Builder
}

func (t *Trace) begin(app *application, function string) *note {
	if t == nil {
		return nil
	}
	n := &note{trace: t, start: time.Now()}
	if app != nil {
		n.app = app.number
	}
	n.line.WriteString(function)
	return n
}

func (n *note) argument(name string, v any) {
	if n != nil {
		fmt.Fprintf(&n.line, " %s=%v", name, quoteText(v))
	}
}

func (n *note) result(name string, v any) {
	if n != nil {
		fmt.Fprintf(&n.results, " %s=%v", name, quoteText(v))
	}
}

func quoteText(v any) any {
	if s, ok := v.(string); ok {
		return fmt.Sprintf("%q", strings.TrimRight(s, " "))
	}
	return v
}

func (n *note) list(length int) { n.result("count", length) }

func (n *note) secret(name string, b []byte) {
	switch {
	case n == nil:
	case b == nil:
		n.argument(name, "NULL")
	default:
		fmt.Fprintf(&n.line, " %s=(%d characters, not shown)", name, len(b))
	}
}

func (n *note) size(name string, b []byte) {
	if n != nil {
		fmt.Fprintf(&n.line, " %s=(%d bytes)", name, len(b))
	}
}

func (n *note) room(size int) {
	switch {
	case n == nil:
	case size < 0:
		n.line.WriteString(" buffer=NULL")
	default:
		fmt.Fprintf(&n.line, " buffer=%d", size)
	}
}

func (n *note) flags(v uint) {
	if n != nil {
		fmt.Fprintf(&n.line, " flags=%#x", v)
	}
}

func (n *note) user(v pkcs11.UserType) {
	names := []string{"CKU_SO", "CKU_USER", "CKU_CONTEXT_SPECIFIC"}
	switch {
	case n == nil:
	case uint(v) < uint(len(names)):
		n.line.WriteString(" userType=" + names[v])
	default:
		fmt.Fprintf(&n.line, " userType=%#x", uint(v))
	}
}

func (n *note) mechanism(m pkcs11.Mechanism) {
	if n == nil {
		return
	}
	fmt.Fprintf(&n.line, " pMechanism=%v", m.Type)
	switch {
	case m.Parameter != nil:
		fmt.Fprintf(&n.line, "(%d bytes)", len(m.Parameter))
	case m.PSS != nil:
		fmt.Fprintf(&n.line, "(hash=%v mgf=%d salt=%d)", m.PSS.Hash, m.PSS.MGF, m.PSS.SaltLength)
	case m.OAEP != nil:
		fmt.Fprintf(&n.line, "(hash=%v mgf=%d label=%d bytes)", m.OAEP.Hash, m.OAEP.MGF, len(m.OAEP.Label))
	case m.ECDH != nil:
		fmt.Fprintf(&n.line, "(kdf=%d shared=%d bytes public=%d bytes)", m.ECDH.KDF, len(m.ECDH.Shared), len(m.ECDH.Public))
	case m.GCM != nil:
		fmt.Fprintf(&n.line, "(iv=%d bytes aad=%d bytes tag=%d bits)", len(m.GCM.IV), len(m.GCM.AAD), m.GCM.TagBits)
	}
}

func (n *note) template(name string, t []pkcs11.Attribute) {
	if n == nil {
		return
	}
	fmt.Fprintf(&n.line, " %s={", name)
	for i, a := range t {
		if i > 0 {
			n.line.WriteString(", ")
		}
		if i == 32 {
			fmt.Fprintf(&n.line, "and %d more", len(t)-i)
			break
		}
		fmt.Fprintf(&n.line, "%v=%s", a.Type, valueText(a.Type, a.Value))
	}
	n.line.WriteString("}")
}

func (n *note) attribute(t pkcs11.AttributeType, r pkcs11.AttributeResult) {
	switch {
	case n == nil:
	case r.Error != pkcs11.CKR_OK:
		fmt.Fprintf(&n.results, " %v=%v", t, r.Error)
	default:
		fmt.Fprintf(&n.results, " %v=%s", t, valueText(t, r.Value))
	}
}

// valueText shows what is public by its nature: names, flags and numbers. Of everything else it tells the length.
func valueText(t pkcs11.AttributeType, v []byte) string {
	switch {
	case v == nil:
		return "NULL"
	case t == pkcs11.CKA_LABEL && len(v) <= 64 && printable(v):
		return fmt.Sprintf("%q", v)
	case t == pkcs11.CKA_ID && len(v) <= 32, t == pkcs11.CKA_EC_PARAMS && len(v) <= 32:
		return fmt.Sprintf("%x", v)
	case len(v) == 1 && v[0] <= 1 && t != pkcs11.CKA_VALUE:
		return map[byte]string{0: "false", 1: "true"}[v[0]]
	case len(v) == 8 && numeric[t]:
		return fmt.Sprintf("%#x", binary.LittleEndian.Uint64(v))
	}
	return fmt.Sprintf("(%d bytes)", len(v))
}

var numeric = map[pkcs11.AttributeType]bool{pkcs11.CKA_CLASS: true, pkcs11.CKA_KEY_TYPE: true, pkcs11.CKA_CERTIFICATE_TYPE: true,
	pkcs11.CKA_MODULUS_BITS: true, pkcs11.CKA_VALUE_LEN: true, pkcs11.CKA_KEY_GEN_MECHANISM: true}

func printable(v []byte) bool {
	return utf8.Valid(v) && bytes.IndexFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// end writes the line.
func (n *note) end(err error, results bool) {
	if n == nil {
		return
	}
	took := time.Since(n.start)
	t := n.trace
	t.mu.Lock()
	defer t.mu.Unlock()
	result := pkcs11.Code(err).Error()
	if err != nil && err.Error() != result {
		result += ": " + strings.TrimSuffix(err.Error(), ": "+result)
	}
	if results {
		result += n.results.String()
	}
	fmt.Fprintf(t.w, "%s [%d] %s -> %s (%v)\n", n.start.Format("15:04:05.000000"), n.app, n.line.String(), result, took.Round(time.Microsecond))
}
