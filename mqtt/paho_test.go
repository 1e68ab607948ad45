package mqtt_test

import (
	"bytes"
	"io"
	"testing"

	v5 "github.com/eclipse/paho.golang/packets"
	v3 "github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward/mqtt"
)

// Other people's codecs read our packets and write them again; what they wrote must mean the same to us.
func TestPacketsPaho(t *testing.T) {
	for _, c := range packetCases(t) {
		want, _, err := mqtt.Parse(c.bytes, c.version, 0)
		if err != nil {
			t.Fatal(err)
		}
		version := c.version
		if connect, ok := want.(*mqtt.Connect); ok {
			version = connect.ProtocolVersion
		}
		if version == mqtt.V5 && want.Type() == mqtt.TypeDisconnect && len(c.bytes) == 2 {
			continue // paho.golang insists on the reason code, which section 3.14.2.1 lets a sender leave out
		}
		written, err := viaPaho(c.bytes, version)
		if err != nil {
			t.Errorf("%s: paho: %v", c.title, err)
			continue
		}
		got, _, err := mqtt.Parse(written, c.version, 0)
		if err != nil {
			t.Errorf("%s: as written by paho (% x): %v", c.title, written, err)
			continue
		}
		if diff := cmp.Diff(likePaho(want), likePaho(got)); diff != "" {
			t.Errorf("%s: as written by paho (-want +got):\n%s", c.title, diff)
		}
	}
}

func viaPaho(b []byte, v mqtt.Version) ([]byte, error) {
	var out bytes.Buffer
	var from io.Reader = bytes.NewReader(b)
	if v != mqtt.V5 {
		p, err := v3.ReadPacket(from)
		if err != nil {
			return nil, err
		}
		err = p.Write(&out)
		return out.Bytes(), err
	}
	p, err := v5.ReadPacket(from)
	if err != nil {
		return nil, err
	}
	_, err = p.WriteTo(&out)
	return out.Bytes(), err
}

// likePaho forgets what paho.golang v0.23 does not write: most properties of a will, empty authentication data
// and all subscription identifiers of a PUBLISH but the last.
func likePaho(p mqtt.Packet) mqtt.Packet {
	switch p := p.(type) {
	case *mqtt.Connect:
		if p.Will != nil && p.Will.Properties != nil {
			p.Will.Properties = &mqtt.Properties{User: p.Will.Properties.User}
		}
	case *mqtt.Connack:
		if p.Properties != nil && len(p.Properties.AuthenticationData) == 0 {
			p.Properties.AuthenticationData = nil
		}
	case *mqtt.Publish:
		if ids := p.SubscriptionIdentifiers; len(ids) > 1 {
			p.SubscriptionIdentifiers = ids[len(ids)-1:]
		}
	}
	return p
}

// What we accept, other people's codecs accept too, write again, and mean the same.
func FuzzPaho(f *testing.F) {
	for _, c := range packetCases(f) {
		f.Add(byte(c.version), c.bytes)
	}
	f.Fuzz(func(t *testing.T, version byte, b []byte) {
		v := mqtt.Version(version)
		if v != 0 && v != mqtt.V311 && v != mqtt.V5 {
			return
		}
		want, n, err := mqtt.Parse(b, v, 1<<16)
		if err != nil || n == 0 {
			return
		}
		spoken := v
		if connect, ok := want.(*mqtt.Connect); ok {
			spoken = connect.ProtocolVersion
		}
		written, err := viaPaho(b[:n], spoken)
		if err != nil {
			if pahoDislikes(want, b[:n], spoken) {
				return
			}
			t.Fatalf("paho refuses % x: %v", b[:n], err)
		}
		got, _, err := mqtt.Parse(written, v, 0)
		if err != nil {
			t.Fatalf("% x as written by paho (% x): %v", b[:n], written, err)
		}
		if diff := cmp.Diff(likePaho(want), likePaho(got)); diff != "" {
			t.Fatalf("% x as written by paho (-want +got):\n%s", b[:n], diff)
		}
	})
}

// pahoDislikes reports whether the standard allows what paho refuses: to leave the reason code of a DISCONNECT out.
func pahoDislikes(p mqtt.Packet, b []byte, v mqtt.Version) bool {
	return v == mqtt.V5 && p.Type() == mqtt.TypeDisconnect && len(b) == 2
}
