package ateccsim

import (
	"context"
	"errors"
	"testing"

	"github.com/thingward/thingward/atecc"
)

// execute runs a command that must succeed with a mere status.
func execute(t testing.TB, chip *Chip, cmd interface {
	Execute(context.Context, atecc.Transport) error
}) {
	t.Helper()
	if err := cmd.Execute(t.Context(), chip); err != nil {
		t.Fatalf("%T: %v", cmd, err)
	}
}

// status is the outcome of a command that may be refused.
func status(t testing.TB, err error) atecc.Status {
	t.Helper()
	if err == nil {
		return atecc.StatusSuccess
	}
	if s, ok := errors.AsType[*atecc.StatusError](err); ok {
		return s.Status
	}
	t.Fatalf("not a status: %v", err)
	return 0
}
