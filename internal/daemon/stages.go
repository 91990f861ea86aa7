package daemon

import (
	"context"
	"strings"
	"sync"
	"time"

	"understudy"
)

// stages says who has which environment: a rehearsal, a reset, an up. One at a time. (Or which
// deployment.)
type stages struct {
	mu  sync.Mutex
	who map[string]string
}

func newStages() *stages { return &stages{who: map[string]string{}} }

// take takes an environment for somebody, or says who has it.
func (s *stages) take(environment, who string) (give func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if holder, taken := s.who[environment]; taken {
		return nil, understudy.Errorf(understudy.KindConflict, "%s is in use by %s", environment, holder).
			WithHint("%s", wayOut(environment, holder))
	}
	s.who[environment] = who
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.who, environment)
	}, nil
}

// wayOut is what somebody can do who wants an environment that another has.
func wayOut(environment, holder string) string {
	switch kind, id, _ := strings.Cut(holder, " "); kind {
	case "rehearsal":
		return "wait for it to end, or cancel it: understudy rehearsal cancel " + id
	case "promotion":
		return "wait for it to end, or take it back: understudy rollback " + environment
	}
	return "wait for it to end"
}

// await takes an environment as take does, once whoever is waited for has given it back.
func (s *stages) await(ctx context.Context, environment, who string, waitFor func(holder string) bool) (give func(), err error) {
	for {
		holder := s.holder(environment)
		give, err := s.take(environment, who)
		if err == nil || !waitFor(holder) {
			return give, err
		}
		if err := (clock{}).Wait(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// anybody is waited for by what must happen in the end.
func anybody(string) bool { return true }

// forMoments has who is soon done: a command waits for it rather than being refused.
func forMoments(holder string) bool { return holder == bringingBack || holder == "" }

// holder is who has an environment; empty: nobody.
func (s *stages) holder(environment string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.who[environment]
}
