package process

import (
	"sync"
	"time"
)

// usageEvery is the time between two readings: it takes a look at every process there is.
const usageEvery = time.Second

// usage is what the deployment's processes use, as last read.
type usage struct {
	mu     sync.Mutex
	at     time.Time
	cpu    time.Duration
	memory int64
}

func (u *usage) look() (cpu time.Duration, memory int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if time.Since(u.at) >= usageEvery {
		u.at, u.cpu, u.memory = time.Now(), 0, 0
		for _, p := range below() {
			u.cpu += p.cpu
			u.memory += p.memory
		}
	}
	return u.cpu, u.memory
}
