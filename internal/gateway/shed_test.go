package gateway

import (
	"crypto/tls"
	"testing"
)

func TestShed(t *testing.T) {
	if n := shed(tls.Server(nil, nil)); n != 3 {
		t.Errorf("found %d of three: crypto/tls has its fields elsewhere now", n)
	}
}
