package function

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"sync"
	"time"

	"github.com/thingward/thingward"
)

// initTime is how long a new process may take until it asks for its first invocation, unless the function's own
// timeout is longer.
const initTime = 10 * time.Second

// lingerTime is how long others wait for a process that has answered to come back, before another is started.
const lingerTime = 100 * time.Millisecond

// A process is one running copy of a function. Its owner is a worker of the pool, or the pool while it is idle;
// the runtime in it speaks to serveNext, serveResponse and so on, which pass things on through the channels.
type process struct {
	service  *Service
	function *Function
	secret   string // the first part of the path of its Runtime API, so that nobody else can speak for it
	cmd      *exec.Cmd
	log      *slog.Logger
	output   *output

	ready  chan struct{}    // the runtime asks for an invocation and waits on next
	next   chan *invocation // to the runtime
	exited chan struct{}    // closed after reason is set
	reason string           // how the process ended

	pool      *pool
	idle      *time.Timer // of the pool
	finishing bool        // of the pool

	mu       sync.Mutex
	current  *invocation // what the runtime may answer
	initFail *failure    // posted to /runtime/init/error
	reaped   bool        // its process id may belong to somebody else by now
}

// A failure is an error that the runtime posted.
type failure struct {
	payload []byte
}

// startProcess starts a process of the pool's function, whose code is in dir.
func (s *Service) startProcess(p *pool, dir string) (*process, error) {
	ctx, cancel := context.WithTimeout(s.ctx, initTime)
	defer cancel()
	pr := &process{
		service: s, pool: p, function: p.function, secret: rand.Text(), log: p.log, output: &output{log: p.log},
		ready: make(chan struct{}), next: make(chan *invocation), exited: make(chan struct{}),
	}
	cmd, err := s.command(ctx, p.scope, p.function, dir)
	if err != nil {
		return nil, err
	}
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "AWS_LAMBDA_RUNTIME_API="+s.runtime.address(pr.secret))
	cmd.Stdout, cmd.Stderr = pr.output.stream(slog.LevelInfo), pr.output.stream(slog.LevelWarn)
	cmd.WaitDelay = time.Second // for output that a child of the process holds open
	setProcessGroup(cmd)
	pr.cmd = cmd

	s.runtime.add(pr)
	if err := s.spawner.start(cmd); err != nil {
		s.runtime.remove(pr)
		return nil, thingward.Errorf(InvalidRuntimeException, "start function %s (%s): %v", p.function.Name, p.function.Runtime, err)
	}
	s.work.Go(pr.wait)
	return pr, nil
}

// wait collects the process when it ends and ends what it has started.
func (pr *process) wait() {
	err := pr.cmd.Wait()
	pr.mu.Lock()
	pr.reaped = true
	pr.mu.Unlock()
	killGroup(pr.cmd.Process.Pid) // the children of the process that stayed in its group; the leader is gone
	pr.service.runtime.remove(pr)
	pr.output.close()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		pr.reason = fmt.Sprintf("Runtime exited with error: %v", exit)
	} else {
		pr.reason = "Runtime exited without providing a reason"
	}
	pr.log.Debug("function process ended", "pid", pr.cmd.Process.Pid, "status", pr.cmd.ProcessState.String())
	close(pr.exited)
}

// kill ends the process group without waiting.
func (pr *process) kill() {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	if !pr.reaped {
		killGroup(pr.cmd.Process.Pid)
	}
}

// stop ends the process group and waits until it is gone.
func (pr *process) stop() {
	pr.kill()
	<-pr.exited
}

func (pr *process) running() bool {
	select {
	case <-pr.exited:
		return false
	default:
		return true
	}
}

// initialize waits until the runtime is ready. Otherwise inv fails with the reason and initialize returns false.
func (pr *process) initialize(inv *invocation) bool {
	pr.output.begin(inv.id)
	limit := time.NewTimer(max(initTime, pr.function.timeout()))
	defer limit.Stop()
	select {
	case <-pr.ready:
		return true
	case <-pr.exited:
		pr.failExit(inv)
	case <-limit.C:
		inv.fail("Sandbox.Timedout", "RequestId: %s Error: Task timed out after %.2f seconds: the runtime did not begin", inv.id, max(initTime, pr.function.timeout()).Seconds())
	case <-pr.service.ctx.Done():
		inv.finish(nil, "", errClosed)
	}
	return false
}

// failExit fails inv because the process has ended, with the runtime's own words if it left some.
func (pr *process) failExit(inv *invocation) {
	pr.mu.Lock()
	f := pr.initFail
	pr.mu.Unlock()
	if f != nil {
		inv.finish(f.payload, unhandled, nil)
		return
	}
	inv.fail("Runtime.ExitError", "RequestId: %s Error: %s", inv.id, pr.reason)
}

// serve hands inv to the runtime, which waits for one, and returns when it waits again. It returns false
// when the process is of no more use.
func (pr *process) serve(inv *invocation) bool {
	timeout := pr.function.timeout()
	pr.output.begin(inv.id)
	inv.deadline = time.Now().Add(timeout)
	pr.setCurrent(inv)
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	select {
	case pr.next <- inv:
	case <-pr.exited:
		pr.failExit(inv)
		return false
	}
	var linger <-chan time.Time
	for answered := inv.done; ; {
		select {
		case <-answered:
			answered, linger = nil, time.After(lingerTime) // the rest of the time is for what the function still does
		case <-linger:
			pr.pool.settled(pr)
		case <-pr.ready:
			// A runtime that asks for more before it has answered has lost the invocation.
			inv.fail("Runtime.NoResponse", "RequestId: %s Error: the runtime asked for the next invocation without answering this one", inv.id)
			return true
		case <-pr.exited:
			pr.failExit(inv)
			return false
		case <-limit.C:
			inv.fail("Sandbox.Timedout", "RequestId: %s Error: Task timed out after %.2f seconds", inv.id, timeout.Seconds())
			return false
		case <-pr.service.ctx.Done():
			inv.finish(nil, "", errClosed)
			return false
		}
	}
}

func (pr *process) setCurrent(inv *invocation) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.current = inv
}

// invocation returns the running invocation if its id is this.
func (pr *process) invocation(id string) *invocation {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	if pr.current == nil || pr.current.id != id {
		return nil
	}
	return pr.current
}

var errClosed = thingward.Errorf(ServiceException, "the server is shutting down")
