package policy

import (
	"runtime"
	"sync"
	"weak"
)

// A table keeps one value for each key for as long as somebody uses it, as package unique does. It holds what
// every principal of a fleet shares: without it, a hundred thousand certificates with the same policy would
// keep a hundred thousand compiled copies.
type table[T any] struct {
	mu sync.Mutex
	m  map[string]weak.Pointer[T]
}

var (
	documents table[Document]
	sets      table[Set]
)

// get returns the value of key, made by create when there is none. An error is not remembered.
func (t *table[T]) get(key string, create func() (*T, error)) (*T, error) {
	if v := t.find(key); v != nil {
		return v, nil
	}
	made, err := create()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if v := t.m[key].Value(); v != nil { // somebody else was quicker
		return v, nil
	}
	if t.m == nil {
		t.m = map[string]weak.Pointer[T]{}
	}
	t.m[key] = weak.Make(made)
	runtime.AddCleanup(made, t.forget, key)
	return made, nil
}

func (t *table[T]) find(key string) *T {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.m[key].Value()
}

// forget removes the entry of a value that is gone, unless a new value has taken its place.
func (t *table[T]) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m[key].Value() == nil {
		delete(t.m, key)
	}
}
