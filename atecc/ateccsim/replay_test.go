package ateccsim

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thingward/thingward/atecc"
)

// TestReplay plays recorded sessions packet by packet; see the head of each case file.
func TestReplay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no case files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { replay(t, file) })
	}
}

func replay(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var (
		model atecc.Model
		chip  *Chip
		reply []byte
	)
	for n, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "", "#":
		case "model":
			if model, err = atecc.ParseModel(rest); err != nil {
				t.Fatal(err)
			}
		case "config":
			chip = recorded(t, model, rest)
		case "wake":
			wake(t, chip)
		case "sleep":
			chip.Sleep(t.Context())
			wake(t, chip)
		case ">":
			if reply, err = chip.Execute(t.Context(), unhex(t, rest)); err != nil {
				t.Fatalf("%s:%d: %v", file, n+1, err)
			}
		case "<":
			if got := hex.EncodeToString(reply); got != rest {
				t.Errorf("%s:%d: got\n%s, want\n%s", file, n+1, got, rest)
			}
		case "signature":
			public, digest, _ := strings.Cut(rest, " ")
			payload, err := atecc.ParseReply(reply)
			if err != nil || len(payload) != 64 || !verifies(t, unhex(t, public), unhex(t, digest), payload) {
				t.Errorf("%s:%d: %X is not the signature", file, n+1, reply)
			}
		case "final":
			if got := hex.EncodeToString(chip.state.Config[:]); got != rest {
				t.Errorf("%s:%d: configuration zone\n%s, want\n%s", file, n+1, got, rest)
			}
		default:
			t.Fatalf("%s:%d: unknown word %q", file, n+1, word)
		}
	}
}

// recorded is a chip whose randomness is that of the recorded sessions.
func recorded(t *testing.T, model atecc.Model, config string) *Chip {
	c, err := atecc.ParseConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	chip, err := New(Options{
		Model:  model,
		Serial: c.SerialNumber(),
		Config: &c,
		Now:    stopped,
		Random: &numbered{name: "atecc-rng"},
		NewKey: func() [32]byte {
			keys++
			return sha256.Sum256(fmt.Appendf(nil, "atecc-key %d", keys))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	wake(t, chip)
	return chip
}

// numbered gives SHA-256("name 1"), SHA-256("name 2"), …
type numbered struct {
	name string
	n    int
	rest bytes.Buffer
}

func (r *numbered) Read(b []byte) (int, error) {
	if r.rest.Len() == 0 {
		r.n++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", r.name, r.n))
		r.rest.Write(sum[:])
	}
	return r.rest.Read(b)
}

func wake(t testing.TB, chip *Chip) {
	t.Helper()
	if err := chip.Wake(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func verifies(t testing.TB, point, digest, raw []byte) bool {
	t.Helper()
	public, err := atecc.PublicKey([64]byte(point))
	if err != nil {
		t.Fatal(err)
	}
	der, err := atecc.MarshalSignature([64]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return ecdsa.VerifyASN1(public, digest, der)
}
