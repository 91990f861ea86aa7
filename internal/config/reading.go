package config

import (
	"context"
	"sync"

	"understudy"
)

// reading is what references named during one act, each read once. It is in memory only, and
// gone with the act.
type reading struct {
	mu   sync.Mutex
	refs map[understudy.SecretRef]*readRef
}

type readRef struct {
	mu    sync.Mutex
	value string
	had   bool
}

type readingKey struct{}

// ReadOnce begins an act, in which each reference is read once: a secret that is another one at
// each read (a token made when it is asked for) is one and the same in all that the act does with it.
// An act within an act reads for itself.
func ReadOnce(ctx context.Context) context.Context {
	return context.WithValue(ctx, readingKey{}, &reading{refs: map[understudy.SecretRef]*readRef{}})
}

// Reader reads secrets in the act that ctx is part of; without one, each time anew. What could
// not be read is tried again. It may be called from several goroutines at once.
func Reader(ctx context.Context) func(understudy.SecretRef) (string, error) {
	r, within := ctx.Value(readingKey{}).(*reading)
	if !within {
		return Secret
	}
	return r.secret
}

func (r *reading) secret(ref understudy.SecretRef) (string, error) {
	r.mu.Lock()
	one := r.refs[ref]
	if one == nil {
		one = &readRef{}
		r.refs[ref] = one
	}
	r.mu.Unlock()
	one.mu.Lock() // others wait for it, and do not read it too
	defer one.mu.Unlock()
	if one.had {
		return one.value, nil
	}
	value, err := Secret(ref)
	one.value, one.had = value, err == nil
	return value, err
}
