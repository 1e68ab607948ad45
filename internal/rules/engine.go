// Package rules is the rules engine.
package rules

import (
	"context"
	"log/slog"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/function"
)

// Config is what an Engine needs. An absent field works, except Store and Publish.
type Config struct {
	Store     any
	Functions *function.Service
	Publish   func(context.Context, *thingward.Message) error // broker.Publish
	Log       *slog.Logger
	Now       func() time.Time
	Queue     int // messages that may wait for the engine; 0: 10000
	Workers   int // 0: 4
}

type Engine struct{}

func New(ctx context.Context, c Config) (*Engine, error) { return nil, nil }
func (e *Engine) Close()                                 {}
func (e *Engine) OnMessage(m *thingward.Message)         {}
func (e *Engine) CreateTopicRule(ctx context.Context, scope thingward.Scope, name string, p TopicRulePayload) error {
	return nil
}
func (e *Engine) GetTopicRule(ctx context.Context, scope thingward.Scope, name string) (*TopicRule, error) {
	return nil, nil
}

// ListTopicRules lists the rules whose FROM filter matches topic (all if empty) and whose state is disabled (nil: both).
func (e *Engine) ListTopicRules(ctx context.Context, scope thingward.Scope, topic string, disabled *bool, after string, max int) (rules []Summary, next string, err error) {
	return nil, "", nil
}
func (e *Engine) DeleteTopicRule(ctx context.Context, scope thingward.Scope, name string) error {
	return nil
}
func (e *Engine) EnableTopicRule(ctx context.Context, scope thingward.Scope, name string) error {
	return nil
}
func (e *Engine) DisableTopicRule(ctx context.Context, scope thingward.Scope, name string) error {
	return nil
}
