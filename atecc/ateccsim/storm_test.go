package ateccsim

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/thingward/thingward/atecc"
)

// stormFile names the chip that a copy of the test program is to change until it is killed.
const stormFile = "ATECCSIM_STORM_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(stormFile); path != "" {
		storm(path, os.Getenv("ATECCSIM_STORM_FROM"))
		return
	}
	os.Exit(m.Run())
}

// stormOptions makes the keys depend on nothing but their number, so that the parent can foresee every state.
func stormOptions(n *int) Options {
	return Options{
		Serial: atecc.SerialNumber{1, 0x23, 0, 0, 0, 0, 0, 0, 0xEE},
		Now:    stopped,
		NewKey: func() [32]byte { return sha256.Sum256(fmt.Appendf(nil, "storm %d", *n)) },
	}
}

// stormStep is the n-th change: first the locks, then keys, writes and counts in turn.
func stormStep(n int) atecc.Command {
	switch {
	case n == 3:
		return atecc.Command{Opcode: atecc.OpLock, Param1: 0x80}
	case n == 6:
		return atecc.Command{Opcode: atecc.OpLock, Param1: 0x81}
	case n == 12:
		return atecc.Command{Opcode: atecc.OpLock, Param1: 9<<2 | 2}
	case n > 6 && n%3 == 0:
		return atecc.Command{Opcode: atecc.OpGenKey, Param1: 0x04, Param2: uint16(n / 3 % 4)}
	case n > 6 && n%3 == 1:
		block := sha256.Sum256(fmt.Appendf(nil, "write %d", n))
		return atecc.Command{Opcode: atecc.OpWrite, Param1: 0x82, Param2: atecc.SlotAddress(8, n%13, 0), Data: block[:]}
	}
	return atecc.Command{Opcode: atecc.OpCounter, Param1: 1}
}

// storm changes the chip for ever and says so after each change.
func storm(path, from string) {
	n, err := strconv.Atoi(from)
	if err != nil {
		panic(err)
	}
	chip, err := Open(path, "", stormOptions(&n))
	if err != nil {
		panic(err)
	}
	for ctx := context.Background(); ; n++ {
		chip.Wake(ctx)
		if _, err := stormStep(n).Execute(ctx, chip); err != nil {
			panic(err)
		}
		fmt.Println(n)
	}
}

// TestKilledChip kills the process in the middle of a change, many times. Afterwards the chip opens, and it
// is as it was before the interrupted change or after it; what it acknowledged is there.
func TestKilledChip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chip")
	n := 0
	options := stormOptions(&n)
	config := atecc.AWSKit()
	config.SetKey(9, config.Key(9)|lockable)
	for slot := range 4 {
		config.SetSlot(slot, generate)
		config.SetKey(slot, private|p256|pubInfo)
	}
	config.SetSlot(8, 0)
	options.Config = &config
	foreseen, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	chip, err := Create(path, "", options)
	if err != nil {
		t.Fatal(err)
	}
	chip.Close()

	for range 20 {
		acknowledged := killStorm(t, path, n)
		for ; n <= acknowledged; n++ {
			wake(t, foreseen)
			if _, err := stormStep(n).Execute(t.Context(), foreseen); err != nil {
				t.Fatalf("step %d: %v", n, err)
			}
		}
		chip, err := Open(path, "", options)
		if err != nil {
			t.Fatalf("after step %d: %v", acknowledged, err)
		}
		got := chip.State()
		chip.Close()
		if got == foreseen.State() {
			continue
		}
		wake(t, foreseen)
		if _, err := stormStep(n).Execute(t.Context(), foreseen); err != nil {
			t.Fatal(err)
		}
		if got != foreseen.State() {
			t.Fatalf("after step %d the chip is neither before nor after step %d", acknowledged, n)
		}
		n++
	}
}

// killStorm runs a storm from step n, kills it some steps later, and returns the last acknowledged step.
func killStorm(t *testing.T, path string, n int) (acknowledged int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), stormFile+"="+path, "ATECCSIM_STORM_FROM="+strconv.Itoa(n))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged = n - 1
	killAfter := 1 + rand.IntN(6)
	lines := bufio.NewScanner(out)
	for count := 1; lines.Scan(); count++ {
		if acknowledged, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(err)
		}
		if count == killAfter {
			cmd.Process.Kill() // the next change is already under way
		}
	}
	cmd.Wait()
	if stderr.Len() > 0 {
		t.Fatalf("storm: %s", stderr.String())
	}
	return acknowledged
}
