package migration

import (
	"context"
	"math/rand/v2"
	"time"
)

// Pause waits a little longer before each try, and never as long as another would.
func Pause(ctx context.Context, try int) error {
	base := min(time.Duration(try)*500*time.Millisecond, 5*time.Second)
	timer := time.NewTimer(base + rand.N(base))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
