// Package rules is the rules engine: it keeps topic rules, runs the SQL of those whose FROM matches a message
// and hands the result to their actions
// (https://docs.aws.amazon.com/iot/latest/developerguide/iot-rules.html).
//
// [Engine.OnMessage] is called for every message that the broker accepts. It looks the rules up in an
// immutable snapshot in memory and queues the message if there are some; it never waits and never asks the
// database. Config.Workers goroutines take messages off the queue and run their rules one after the other. When
// the queue is full the message's rules do not run, which is counted and logged.
//
// Topics below $aws/rules/<rule> are Basic Ingest: only that rule runs, whatever its FROM says.
//
// A rule that republishes into its own FROM would never end: a message that rules have republished ten times runs
// no rule any more.
package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/function"
	"github.com/thingward/thingward/internal/store"
)

// Config is what an Engine needs. An absent field works, except Store.
type Config struct {
	Store *store.DB
	Bus   *bus.Bus // change notices of rules, our own among them; nil: nobody else changes the store

	// Functions runs the action lambda. Nil: it fails.
	Functions *function.Service

	// Publish is where the action republish publishes: the broker. Nil: it fails.
	Publish func(context.Context, *thingward.Message) error

	Log *slog.Logger     // nil: none
	Now func() time.Time // nil: time.Now

	Queue      int   // messages that may wait; 0: 10,000
	QueueBytes int64 // bytes that their payloads may take; 0: 64 MiB
	Workers    int   // 0: 4
}

// maxHops is how many rules may republish a message before it runs no rule.
const maxHops = 10

// An Engine keeps and runs topic rules. Its methods may be called concurrently.
type Engine struct {
	config     Config
	ctx        context.Context // ends with Close
	cancel     context.CancelFunc
	subscribed func() // cancels the subscription
	work       sync.WaitGroup
	queue      chan job
	waiting    atomic.Int64 // bytes of the payloads in queue

	change   sync.Mutex // held while a new snapshot is made
	snapshot atomic.Pointer[snapshot]

	dropped    atomic.Int64 // messages that found the queue full
	lastReport atomic.Int64 // when that was logged, Unix ms

	executed, succeeded, failed atomic.Uint64
}

// A job is a message with the rules to run on it.
type job struct {
	message *thingward.Message
	topic   string // as the rules see it
	rules   []*rule
}

// New returns an Engine that runs the rules in the store until Close.
func New(ctx context.Context, c Config) (*Engine, error) {
	if c.Bus == nil {
		c.Bus = bus.New()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Queue == 0 {
		c.Queue = 10_000
	}
	if c.QueueBytes == 0 {
		c.QueueBytes = 64 << 20
	}
	if c.Workers == 0 {
		c.Workers = 4
	}
	e := &Engine{config: c, queue: make(chan job, c.Queue)}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	if err := e.reload(ctx); err != nil {
		e.cancel()
		return nil, fmt.Errorf("load topic rules: %w", err)
	}
	e.subscribed = c.Bus.Subscribe(e.onChange)
	for range c.Workers {
		e.work.Go(e.serve)
	}
	return e, nil
}

// Close ends the workers. Messages that still wait are not looked at.
func (e *Engine) Close() {
	e.subscribed()
	e.cancel()
	e.work.Wait()
}

// onChange follows the store.
func (e *Engine) onChange(c bus.Change) {
	var err error
	switch c.Kind {
	case bus.RuleChanged:
		err = e.refresh(e.ctx, c.Scope, c.ID)
	case bus.Reset:
		err = e.reload(e.ctx)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		e.config.Log.Error("topic rules are not up to date", "change", c.Kind.String(), "scope", c.Scope.String(), "ruleName", c.ID, "error", err)
	}
}

// Dropped returns how many messages found the queue full.
func (e *Engine) Dropped() int64 { return e.dropped.Load() }

// Stats is what the engine has counted since New.
type Stats struct {
	Executed          uint64 // rules whose WHERE held
	Succeeded, Failed uint64 // actions, error actions among them
	Dropped           int64  // messages that found the queue full
	Queued            int    // messages that wait now
}

// Stats returns the counters.
func (e *Engine) Stats() Stats {
	return Stats{e.executed.Load(), e.succeeded.Load(), e.failed.Load(), e.dropped.Load(), len(e.queue)}
}

// OnMessage has the rules run that m matches. It never waits.
func (e *Engine) OnMessage(m *thingward.Message) {
	topic, rules := e.find(m)
	if len(rules) == 0 {
		return
	}
	if m.Hops >= maxHops {
		e.config.Log.Warn("message runs no more rules: rules have republished it too often", "scope", m.Scope.String(),
			"eventType", "RuleMessageThrottled", "topicName", m.Topic, "hops", m.Hops, "ruleName", rules[0].name)
		return
	}
	size := int64(len(m.Payload))
	if all := e.waiting.Add(size); all <= e.config.QueueBytes || all == size { // a message of any size may wait alone
		select {
		case e.queue <- job{m, topic, rules}:
			return
		default:
		}
	}
	e.waiting.Add(-size)
	e.drop(m)
}

// drop counts m and logs at most once in a second.
func (e *Engine) drop(m *thingward.Message) {
	n := e.dropped.Add(1)
	now := e.config.Now().UnixMilli()
	last := e.lastReport.Load()
	if now-last >= 1000 && e.lastReport.CompareAndSwap(last, now) {
		e.config.Log.Error("rules do not keep up: messages were dropped", "scope", m.Scope.String(), "topicName", m.Topic,
			"dropped", n, "queue", e.config.Queue)
	}
}

// serve is one worker.
func (e *Engine) serve() {
	for {
		select {
		case j := <-e.queue:
			e.waiting.Add(-int64(len(j.message.Payload)))
			e.run(j)
		case <-e.ctx.Done():
			return
		}
	}
}
