package main

import (
	"bytes"
	"errors"
	"fmt"
)

// call is where processClientHello decides whether ECDHE is possible.
const call = "\ths.ecdheOk, err = supportsECDHE(c.config, c.vers, hs.clientHello.supportedCurves, hs.clientHello.supportedPoints)\n"

// condition goes before call. An absent extension and an empty list are the same here: the parser refuses
// the empty list. An absent list of point formats means uncompressed points already (RFC 8422 section 5.1.2).
const condition = `	// Thingward: a TLS 1.2 hello with c02b and without supported_groups gets secp256r1 (RFC 8422 section 4).
	if c.vers == VersionTLS12 && len(hs.clientHello.supportedCurves) == 0 &&
		mutualCipherSuite(hs.clientHello.cipherSuites, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) != nil {
		hs.clientHello.supportedCurves = []CurveID{CurveP256}
	}
`

// patch returns the source of handshake_server.go with condition in it. suites is the source of
// cipher_suites.go, whose mutualCipherSuite the condition calls.
func patch(source, suites []byte) ([]byte, error) {
	for _, want := range []struct {
		file []byte
		name string
		line string
	}{
		{source, "handshake_server.go", "func (hs *serverHandshakeState) processClientHello() error {\n"},
		{source, "handshake_server.go", "func supportsECDHE(c *Config, version uint16, supportedCurves []CurveID, supportedPoints []uint8) (bool, error) {\n"},
		{source, "handshake_server.go", call},
		{suites, "cipher_suites.go", "func mutualCipherSuite(have []uint16, want uint16) *cipherSuite {\n"},
	} {
		if n := bytes.Count(want.file, []byte(want.line)); n != 1 {
			return nil, fmt.Errorf("the TLS server of this Go is not as expected: %s has this line %d times instead of once: %q; "+
				"see what became of it and mend tools/tlsoverlay/patch.go (a build without the overlay serves everybody "+
				"but chips that send no supported_groups)", want.name, n, bytes.TrimSpace([]byte(want.line)))
		}
	}
	if bytes.Contains(source, []byte(condition)) {
		return nil, errors.New("handshake_server.go has the condition already: this Go was patched in place, it needs no overlay")
	}
	return bytes.Replace(source, []byte(call), []byte(condition+call), 1), nil
}
