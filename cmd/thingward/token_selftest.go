package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// tokenSelftest signs and verifies with every key and mechanism of a token, as programs do: through the library. A program in C does it,
// thingward-token-selftest, as this one cannot load a library.
func tokenSelftest(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newTokenFlags("selftest", "")
	module := f.String("module", "", "`path` of libthingward-pkcs11.so (default by the side of this program)")
	if _, err := f.parseChip(args, stderr, 0, 0); err != nil {
		return err
	}
	library, err := installed(*module, "libthingward-pkcs11.so", "../lib", "../lib/pkcs11")
	if err != nil {
		return fmt.Errorf("%w; name it with --module", err)
	}
	checker, err := installed("", "thingward-token-selftest", "../lib/thingward")
	if err != nil {
		return err
	}
	pin, err := firstLine(f.pinFile, pinVariable)
	if err != nil {
		return err
	}
	t, err := f.find()
	if err != nil {
		return err
	}
	slot, label := t.slot, t.info.Label
	t.close()

	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "token %s, slot %d, through %s\n", label, slot, library)
	cmd := exec.CommandContext(ctx, checker, library, strconv.FormatUint(uint64(slot), 10))
	cmd.Env = append([]string{"THINGWARD_TOKEN_HELPER=" + self, "THINGWARD_TOKEN_DEBUG=1"}, os.Environ()...)
	cmd.Stdin = strings.NewReader(pin + "\n")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(stdout, &out), stderr
	failed := cmd.Run()
	var exit *exec.ExitError
	switch {
	case failed == nil:
		fmt.Fprintf(stdout, "%d checks, all is well\n", strings.Count(out.String(), "well    "))
		return nil
	case errors.As(failed, &exit) && exit.ExitCode() == 1:
		return fmt.Errorf("%d of the checks failed", strings.Count(out.String(), "FAILED  "))
	}
	return fmt.Errorf("the library does not work, see above: %w", failed)
}

// installed is the path of a file that belongs to this program: the one named, or one by its side.
func installed(named, name string, places ...string) (string, error) {
	if named != "" {
		_, err := os.Stat(named)
		return named, err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	for _, place := range append([]string{"."}, places...) {
		path := filepath.Join(filepath.Dir(self), place, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no %s near %s: `make module` builds it", name, self)
}
