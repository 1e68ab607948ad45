package broker

import (
	"sync/atomic"
	"time"

	"github.com/thingward/thingward/mqtt"
)

// A rate is a token bucket as one number: the time at which everything taken so far would have been earned. Nothing runs
// while nobody takes, and any goroutine may take. The zero rate is full.
type rate struct{ earned atomic.Int64 }

// take takes n tokens unless there are fewer; perSecond 0 means that there are always enough.
func (r *rate) take(now time.Time, n, perSecond int, burst time.Duration) bool {
	if perSecond == 0 {
		return true
	}
	cost, at := int64(n)*int64(time.Second)/int64(perSecond), now.UnixNano()
	for {
		old := r.earned.Load()
		earned := max(old, at-int64(burst)) + cost
		if earned > at {
			return false
		}
		if r.earned.CompareAndSwap(old, earned) {
			return true
		}
	}
}

// owe takes n tokens that are used already and returns how long it takes to earn those that were not there.
func (r *rate) owe(now time.Time, n, perSecond int, burst time.Duration) time.Duration {
	if perSecond == 0 {
		return 0
	}
	at := now.UnixNano()
	earned := max(r.earned.Load(), at-int64(burst)) + int64(n)*int64(time.Second)/int64(perSecond)
	r.earned.Store(earned) // only one goroutine owes
	return time.Duration(max(0, earned-at))
}

// accountRates are the rates that all connections of a namespace share.
type accountRates struct{ connect, publish, subscribe, retain rate }

func throttled(limit string) *refusal {
	return &refusal{code: mqtt.QuotaExceeded, why: "more than the limit " + limit + " allows", throttled: true}
}

// mayConnectNow applies the rate of CONNECTs of one client id. It is asked after the policies, so that nobody uses up the
// rate of a client id that is not his.
func (ns *namespace) mayConnectNow(clientID string, now time.Time) *refusal {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	p, l := ns.presence[clientID], &ns.b.limits
	if p != nil && !p.rate.take(now, 1, l.ClientConnectRate, l.RateBurst) {
		return throttled("client-connect-rate")
	}
	return nil
}

// mayPublishNow applies the rates to one message of c.
func (c *connection) mayPublishNow(retain bool) *refusal {
	l, now := &c.b.limits, c.batch.now
	if !c.messages.take(now, 1, l.PublishRate, l.RateBurst) {
		return throttled("publish-rate")
	}
	return c.ns.mayPublishNow(retain, now)
}

// mayPublishNow applies the rates of the account.
func (ns *namespace) mayPublishNow(retain bool, now time.Time) *refusal {
	l := &ns.b.limits
	switch {
	case !ns.rates.publish.take(now, 1, l.AccountPublishRate, l.RateBurst):
		return throttled("account-publish-rate")
	case retain && !ns.rates.retain.take(now, 1, l.AccountRetainRate, l.RateBurst):
		return throttled("account-retain-rate")
	}
	return nil
}
