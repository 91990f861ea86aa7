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

// readRef is read by whoever has its turn.
type readRef struct {
	turn  chan struct{}
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
// not be read is tried again. Nothing is read, and nobody waited for, beyond the end of ctx. It may be
// called from several goroutines at once.
func Reader(ctx context.Context) func(understudy.SecretRef) (string, error) {
	r, within := ctx.Value(readingKey{}).(*reading)
	if !within {
		return func(ref understudy.SecretRef) (string, error) { return Secret(ctx, ref) }
	}
	return func(ref understudy.SecretRef) (string, error) { return r.secret(ctx, ref) }
}

func (r *reading) secret(ctx context.Context, ref understudy.SecretRef) (string, error) {
	r.mu.Lock()
	one := r.refs[ref]
	if one == nil {
		one = &readRef{turn: make(chan struct{}, 1)}
		r.refs[ref] = one
	}
	r.mu.Unlock()
	select { // others wait for who reads it, and do not read it too
	case one.turn <- struct{}{}:
		defer func() { <-one.turn }()
	case <-ctx.Done():
		return "", understudy.Errorf(understudy.KindUnavailable, "reading a secret: waiting for it was broken off: %w", context.Cause(ctx))
	}
	if one.had {
		return one.value, nil
	}
	value, err := Secret(ctx, ref)
	one.value, one.had = value, err == nil
	return value, err
}
