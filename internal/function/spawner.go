package function

import (
	"context"
	"os/exec"
	"runtime"
)

// A spawner starts processes from one operating system thread that lives as long as it runs: Linux sends the signal
// for the death of the parent when the thread that forked ends, and Go ends threads when it likes.
type spawner struct {
	ctx      context.Context
	requests chan spawn
}

type spawn struct {
	cmd *exec.Cmd
	err chan error
}

func (s *spawner) run() {
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
	for {
		select {
		case r := <-s.requests:
			r.err <- r.cmd.Start()
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *spawner) start(cmd *exec.Cmd) error {
	r := spawn{cmd, make(chan error, 1)}
	select {
	case s.requests <- r:
		return <-r.err
	case <-s.ctx.Done():
		return errClosed
	}
}
