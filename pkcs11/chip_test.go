package pkcs11

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
)

// chipSecret is in slot 4 of the chips here.
var chipSecret = [32]byte{1, 2, 3}

// chipConfig has a chip with the AWS kit's layout, where slot 3 takes keys from outside as well.
func chipConfig(t *testing.T) Config {
	path := filepath.Join(t.TempDir(), "thing.chip")
	makeChip(t, path)
	return Config{Slots: []Slot{{ID: 1, Chip: "sim:" + path, Label: "chip", Labels: map[string]string{"2": "ephemeral"},
		Secrets: map[string]string{"4": "010203" + strings.Repeat("00", 29)}}}}
}

func makeChip(t *testing.T, path string) {
	t.Helper()
	chip, err := ateccsim.Create(path, "", ateccsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer chip.Close()
	dev, err := atecc.Open(t.Context(), chip)
	if err != nil {
		t.Fatal(err)
	}
	c := atecc.AWSKit()
	c.SetSlot(3, c.Slot(3)&0x0FFF|0x6000|4<<8) // GenKey and PrivWrite with the key of slot 4
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(dev.WriteConfig(t.Context(), c))
	do(dev.LockConfig(t.Context()))
	do(dev.WriteSlot(t.Context(), 4, chipSecret[:]))
	do(dev.LockData(t.Context(), nil))
}

// A chip that is not there takes nothing away from other slots.
func TestMissingChip(t *testing.T) {
	cfg := fileConfig(t)
	cfg.Slots = append(cfg.Slots, Slot{ID: 9, Chip: "sim:" + filepath.Join(t.TempDir(), "none")})
	m, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	a := m.Open()
	if list, err := a.Slots(true); err != nil || len(list) != 2 {
		t.Errorf("slots with a token: %v, %v", list, err)
	}
	if list, err := a.Slots(false); err != nil || len(list) != 3 {
		t.Errorf("slots: %v, %v", list, err)
	}
	if _, err := a.TokenInfo(9); Code(err) != CKR_TOKEN_NOT_PRESENT {
		t.Errorf("token: %v", err)
	}
	if _, err := a.OpenSession(9, CKF_SERIAL_SESSION); Code(err) != CKR_TOKEN_NOT_PRESENT {
		t.Errorf("session: %v", err)
	}
}

func TestConfigMistakes(t *testing.T) {
	f := func(want string, slots ...Slot) {
		t.Helper()
		if _, err := Open(Config{Slots: slots}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f("each slot has its own", Slot{File: "a"}, Slot{File: "b"})
	f("below 2^31", Slot{ID: 1 << 31, File: "a"})
	f("a file or a chip", Slot{})
	f("a file or a chip", Slot{File: "a", Chip: "sim:b"})
	f("work is 1 to 18", Slot{File: "a", Work: 40})
	f("64 hexadecimal digits", Slot{Chip: "sim:b", Secrets: map[string]string{"4": "00"}})
	f("want 0 to 15", Slot{Chip: "sim:b", Labels: map[string]string{"16": "x"}})
}
