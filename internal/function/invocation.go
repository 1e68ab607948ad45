package function

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// An invocation is one run of a function, from the queue to its result.
type invocation struct {
	ctx           context.Context // of the caller; an invocation still queued when it ends is dropped
	id            string          // AWS request id
	function      string          // name
	payload       []byte
	clientContext string
	trace         string
	deadline      time.Time // set when a process gets it
	async         bool      // nobody waits; tried again when it fails
	attempt       int       // from 1
	cold          bool      // a process was started for it

	once   sync.Once
	done   chan struct{} // closed when the fields below are set
	result Result
	err    error
}

func newInvocation(ctx context.Context, payload []byte, clientContext string) *invocation {
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	return &invocation{
		ctx: ctx, id: newUUID(), payload: payload, clientContext: clientContext, trace: newTrace(time.Now()),
		attempt: 1, done: make(chan struct{}),
	}
}

// finish sets the outcome; only the first call counts.
func (inv *invocation) finish(payload []byte, functionError string, err error) {
	inv.once.Do(func() {
		inv.result = Result{Payload: payload, FunctionError: functionError, ExecutedVersion: Latest, RequestID: inv.id}
		inv.err = err
		close(inv.done)
	})
}

// fail sets the outcome that Lambda reports when a function's process, not its handler, went wrong.
func (inv *invocation) fail(errorType, format string, args ...any) {
	inv.finish(errorPayload(errorType, fmt.Sprintf(format, args...)), unhandled, nil)
}

// unhandled is the only function error that Lambda still uses.
const unhandled = "Unhandled"

func errorPayload(errorType, message string) []byte {
	b, err := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{errorType, message})
	if err != nil {
		panic(err) // strings only
	}
	return b
}

// outcome says in a few words how the invocation ended, for the log.
func (inv *invocation) outcome() string {
	switch {
	case inv.err != nil:
		return inv.err.Error()
	case inv.result.FunctionError != "":
		var e struct{ ErrorType, ErrorMessage string }
		if json.Unmarshal(inv.result.Payload, &e) == nil && e.ErrorMessage != "" {
			return e.ErrorType + ": " + e.ErrorMessage
		}
		return inv.result.FunctionError
	}
	return "ok"
}

// newUUID returns a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// newTrace returns an X-Ray tracing header; nothing is sampled.
func newTrace(now time.Time) string {
	var b [20]byte
	rand.Read(b[:])
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", now.Unix(), b[:12], b[12:])
}
