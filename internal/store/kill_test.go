package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const killEnv = "THINGWARD_TEST_STORE" // names the database: this process is the one to be killed

func TestMain(m *testing.M) {
	if path := os.Getenv(killEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled registers certificates and says on standard output which are committed.
func writeUntilKilled(path string) error {
	ctx := context.Background()
	db, err := Open(ctx, Config{Path: path})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		if err := db.Update(ctx, func(tx *Tx) error { return tx.CreateCertificate(certificate(here, i)) }); err != nil {
			return err
		}
		if _, err := fmt.Println(i); err != nil {
			return err
		}
	}
}

// What was acknowledged survives kill -9, in the middle of a stream of writes, several times over.
func TestKill(t *testing.T) {
	for round := range 3 {
		path := filepath.Join(t.TempDir(), "thingward.db")
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), killEnv+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := 0
		for lines := bufio.NewScanner(out); lines.Scan(); acknowledged++ {
			if acknowledged == 100+37*round {
				if err := cmd.Process.Kill(); err != nil { // SIGKILL; what is in the pipe was acknowledged, too
					t.Fatal(err)
				}
			}
		}
		cmd.Wait() // "signal: killed"
		if acknowledged < 100 {
			t.Fatalf("the writer ended by itself after %d rows", acknowledged)
		}
		view(t, open(t, path), func(tx *Tx) error {
			for i := range acknowledged {
				if _, err := tx.Certificate(here, certificate(here, i).ID); err != nil {
					t.Errorf("row %d of %d acknowledged: %v", i, acknowledged, err)
				}
			}
			return nil
		})
	}
}
