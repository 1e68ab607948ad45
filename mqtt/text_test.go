package mqtt_test

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/thingward/thingward/mqtt"
)

// The text form of a packet in testdata is its name and a line "path = value" for every field that is not
// zero. Both functions walk the structs by reflection, so a field forgotten in the codec cannot hide.

func packetText(p mqtt.Packet) string {
	var b strings.Builder
	fmt.Fprintln(&b, p.Type())
	writeFields(&b, "", reflect.ValueOf(p).Elem())
	return b.String()
}

func writeFields(b *strings.Builder, path string, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); !f.IsZero() {
				writeFields(b, join(path, v.Type().Field(i).Name), f)
			}
		}
	case v.Kind() == reflect.Pointer:
		writeFields(b, path, v.Elem())
	case v.Type() == reflect.TypeFor[[]byte]():
		fmt.Fprintf(b, "%s = %q\n", path, v.Bytes())
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			writeFields(b, join(path, strconv.Itoa(i)), v.Index(i))
		}
	case v.Kind() == reflect.String:
		fmt.Fprintf(b, "%s = %q\n", path, v.String())
	case v.Kind() == reflect.Bool:
		fmt.Fprintf(b, "%s = %v\n", path, v.Bool())
	default:
		fmt.Fprintf(b, "%s = %d\n", path, v.Uint())
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

var packetTypes = map[string]func() mqtt.Packet{
	"CONNECT":     func() mqtt.Packet { return new(mqtt.Connect) },
	"CONNACK":     func() mqtt.Packet { return new(mqtt.Connack) },
	"PUBLISH":     func() mqtt.Packet { return &mqtt.Publish{Payload: []byte{}} },
	"PUBACK":      func() mqtt.Packet { return new(mqtt.Puback) },
	"PUBREC":      func() mqtt.Packet { return new(mqtt.Pubrec) },
	"PUBREL":      func() mqtt.Packet { return new(mqtt.Pubrel) },
	"PUBCOMP":     func() mqtt.Packet { return new(mqtt.Pubcomp) },
	"SUBSCRIBE":   func() mqtt.Packet { return new(mqtt.Subscribe) },
	"SUBACK":      func() mqtt.Packet { return new(mqtt.Suback) },
	"UNSUBSCRIBE": func() mqtt.Packet { return new(mqtt.Unsubscribe) },
	"UNSUBACK":    func() mqtt.Packet { return new(mqtt.Unsuback) },
	"PINGREQ":     func() mqtt.Packet { return new(mqtt.Pingreq) },
	"PINGRESP":    func() mqtt.Packet { return new(mqtt.Pingresp) },
	"DISCONNECT":  func() mqtt.Packet { return new(mqtt.Disconnect) },
	"AUTH":        func() mqtt.Packet { return new(mqtt.Auth) },
}

func packetOf(t *testing.T, text string) mqtt.Packet {
	t.Helper()
	name, fields, _ := strings.Cut(text, "\n")
	newPacket, ok := packetTypes[name]
	if !ok {
		t.Fatalf("%q is not a packet", name)
	}
	p := newPacket()
	for line := range strings.Lines(fields) {
		path, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		v := reflect.ValueOf(p).Elem()
		for name := range strings.SplitSeq(path, ".") {
			v = step(v, name)
		}
		if !v.IsValid() {
			t.Fatalf("%s has no field %s", p.Type(), path)
		}
		if err := set(v, value); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return p
}

// step goes to a field or element, and makes what lies on the way.
func step(v reflect.Value, name string) reflect.Value {
	switch {
	case !v.IsValid():
		return v
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return step(v.Elem(), name)
	case v.Kind() == reflect.Slice:
		i, _ := strconv.Atoi(name)
		for v.Len() <= i {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		}
		return v.Index(i)
	}
	return v.FieldByName(name)
}

func set(v reflect.Value, value string) error {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		return set(v.Elem(), value)
	}
	switch v.Kind() {
	case reflect.String, reflect.Slice:
		s, err := strconv.Unquote(value)
		v.Set(reflect.ValueOf(s).Convert(v.Type()))
		return err
	case reflect.Bool:
		b, err := strconv.ParseBool(value)
		v.SetBool(b)
		return err
	}
	x, err := strconv.ParseUint(value, 0, 32)
	v.SetUint(x)
	return err
}
