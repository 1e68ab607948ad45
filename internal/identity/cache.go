package identity

import "sync"

// maxCached bounds each cache. Beyond it an arbitrary entry goes for each that comes, and is read again when it is
// asked for.
const maxCached = 200_000

// A cache holds what was read from the store until a change notice drops it. What was read before a notice is
// never put after it: begin is called before reading, and put does nothing when anything was dropped since.
type cache[V any] struct {
	mu         sync.RWMutex
	generation int // counts drops
	values     map[string]V
}

func (c *cache[V]) get(key string) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok := c.values[key]
	return v, ok
}

func (c *cache[V]) begin() (generation int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.generation
}

// put reports whether the value is still current.
func (c *cache[V]) put(generation int, key string, v V) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation != generation {
		return false
	}
	if c.values == nil {
		c.values = map[string]V{}
	}
	if len(c.values) >= maxCached {
		for old := range c.values {
			delete(c.values, old)
			break
		}
	}
	c.values[key] = v
	return true
}

func (c *cache[V]) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	delete(c.values, key)
}

func (c *cache[V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	clear(c.values)
}
