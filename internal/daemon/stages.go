package daemon

import (
	"sync"

	"understudy"
)

// stages says who has which environment: a rehearsal, a reset, an up. One at a time.
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
			WithHint("wait for it to end, or cancel it")
	}
	s.who[environment] = who
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.who, environment)
	}, nil
}

// holder is who has an environment; empty: nobody.
func (s *stages) holder(environment string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.who[environment]
}
