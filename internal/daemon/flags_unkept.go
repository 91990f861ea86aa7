package daemon

import (
	"sync"

	"understudy"
)

// unkept are the flags of environments that stand in the journal and that the store did not
// take. They hold until the store has something newer; a daemon that is started again takes
// them from the journal.
type unkept struct {
	mu     sync.Mutex
	states map[string]understudy.FlagState
}

func (u *unkept) hold(state understudy.FlagState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.states == nil {
		u.states = map[string]understudy.FlagState{}
	}
	u.states[state.Environment] = state
}

// newest is what holds: what the store has, or what it did not take.
func (u *unkept) newest(stored understudy.FlagState) understudy.FlagState {
	u.mu.Lock()
	defer u.mu.Unlock()
	if held := u.states[stored.Environment]; held.Version > stored.Version {
		return held
	}
	return stored
}
