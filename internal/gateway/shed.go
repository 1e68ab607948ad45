package gateway

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"reflect"
	"unsafe"
)

// shed drops what a connection holds of its handshake once the client has been judged: its certificates, whose id is known,
// and the buffers in which they came. They are a third of what an idle connection takes, and crypto/tls has no way to ask for
// that. If it calls its fields something else one day, they stay: shed returns how many it has found, of three.
func shed(conn *tls.Conn) (found int) {
	if certificates := field[[]*x509.Certificate](conn, "peerCertificates"); certificates != nil {
		*certificates = nil
		found++
	}
	for _, name := range []string{"rawInput", "hand"} {
		if buffer := field[bytes.Buffer](conn, name); buffer != nil {
			if buffer.Len() == 0 {
				*buffer = bytes.Buffer{}
			}
			found++
		}
	}
	return found
}

// field returns where a connection has a field of that name and type, nil if it has none.
func field[T any](conn *tls.Conn, name string) *T {
	f := reflect.ValueOf(conn).Elem().FieldByName(name)
	if !f.IsValid() || f.Type() != reflect.TypeFor[T]() {
		return nil
	}
	return (*T)(unsafe.Pointer(f.UnsafeAddr()))
}
