package function

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/journal"
)

// A pool runs the invocations of one revision of one function. Its workers come when there is something in
// the queue and go when there is nothing; processes they leave wait in idle, the warmest last.
type pool struct {
	service  *Service
	scope    thingward.Scope
	function *Function
	log      *slog.Logger

	mu        sync.Mutex
	queue     []*invocation
	workers   int
	finishing int // workers whose process has answered and will ask for the next invocation in a moment
	idle      []*process
	retired   bool // there is a newer revision, or none
}

// submit queues inv; it is refused when too many wait.
func (p *pool) submit(inv *invocation) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) >= p.service.config.Queue {
		return thingward.Errorf(TooManyRequests, "Rate Exceeded: %d invocations of %s are waiting", len(p.queue), p.function.Name)
	}
	p.queue = append(p.queue, inv)
	p.hireLocked()
	return nil
}

// hireLocked adds a worker when more invocations wait than workers are about to be free for.
func (p *pool) hireLocked() {
	if len(p.queue) > p.finishing && p.workers < p.service.config.MaxProcesses {
		p.workers++
		p.service.work.Go(p.serve)
	}
}

// answered notes that pr has given its answer. The caller that gets it may invoke again at once, and better
// finds this process warm than starts another.
func (p *pool) answered(pr *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !pr.finishing {
		pr.finishing = true
		p.finishing++
	}
}

// settled notes that pr has asked for the next invocation, or makes too much of a stay for others to wait on it.
func (p *pool) settled(pr *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pr.finishing {
		pr.finishing = false
		p.finishing--
		p.hireLocked()
	}
}

// serve is one worker.
func (p *pool) serve() {
	for {
		inv := p.next()
		if inv == nil {
			return
		}
		if err := context.Cause(inv.ctx); err != nil {
			inv.finish(nil, "", err)
			continue
		}
		p.run(inv)
	}
}

// next takes an invocation off the queue. When there is none the worker has left: nil.
func (p *pool) next() *invocation {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.queue = nil
		p.workers--
		p.releaseLocked()
		return nil
	}
	inv := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	return inv
}

// run takes inv through one process, warm or new.
func (p *pool) run(inv *invocation) {
	start := time.Now()
	pr := p.take()
	if pr == nil {
		inv.cold = true
		if pr = p.start(inv); pr == nil {
			p.report(inv, start)
			return
		}
	}
	answered := make(chan struct{})
	p.service.work.Go(func() {
		defer close(answered)
		<-inv.done
		p.report(inv, start)
	})
	warm := pr.serve(inv)
	<-answered
	if warm {
		p.put(pr)
	} else {
		pr.stop()
	}
	p.settled(pr)
}

func (p *pool) report(inv *invocation, start time.Time) {
	level := slog.LevelInfo
	if inv.err != nil || inv.result.FunctionError != "" {
		level = slog.LevelWarn
	}
	p.log.Log(context.Background(), level, "function ran", "eventType", journal.FunctionRun, "request_id", inv.id,
		"details", inv.outcome(), "duration", time.Since(start).Round(time.Microsecond), "cold", inv.cold)
}

// start makes a new process and waits until it asks for its first invocation; nil after failing inv.
func (p *pool) start(inv *invocation) *process {
	dir, err := p.service.code.open(p.function.CodeSHA256, func() ([]byte, error) {
		return p.service.loadCode(p.service.ctx, p.scope, p.function)
	})
	if err != nil {
		inv.finish(nil, "", err)
		return nil
	}
	pr, err := p.service.startProcess(p, dir)
	if err != nil {
		inv.finish(nil, "", err)
		return nil
	}
	if !pr.initialize(inv) {
		pr.stop()
		return nil
	}
	return pr
}

func (p *pool) take() *process {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := len(p.idle); n > 0; n = len(p.idle) {
		pr := p.idle[n-1]
		p.idle = p.idle[:n-1]
		pr.idle.Stop()
		if pr.running() {
			return pr
		}
	}
	return nil
}

// put keeps pr warm for a while.
func (p *pool) put(pr *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired || p.service.ctx.Err() != nil {
		pr.kill()
		return
	}
	p.idle = append(p.idle, pr)
	pr.idle = time.AfterFunc(p.service.config.Idle, func() { p.expire(pr) })
}

// expire stops pr if it is still idle.
func (p *pool) expire(pr *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, have := range p.idle {
		if have == pr {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			pr.kill()
			return
		}
	}
}

// retire stops the idle processes; what is queued still runs.
func (p *pool) retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = true
	for _, pr := range p.idle {
		pr.idle.Stop()
		pr.kill()
	}
	p.idle = nil
	p.releaseLocked()
}

// releaseLocked gives the code up when nothing of this revision will run again.
func (p *pool) releaseLocked() {
	if p.retired && p.workers == 0 {
		p.service.code.release(p.function.CodeSHA256)
	}
}
