package promotion

import (
	"context"
	"time"

	"understudy"
)

// Restorer gives production's databases back as they were before a promotion's migration.
type Restorer interface {
	// Restorable says why an environment's databases cannot be given back; empty: they can.
	Restorable(ctx context.Context, environment string) (why string, err error)
	// Begin notes how much had been written when the migration ended, so that its own writing
	// is not counted as lost.
	Begin(ctx context.Context, environment, promotion string) error
	// Lost counts what was written since the promotion's safety copy was taken.
	Lost(ctx context.Context, environment, promotion string) (understudy.Lost, error)
	// Stage reads the safety copy into databases beside production's, which are not touched.
	// What was staged before is not read again.
	Stage(ctx context.Context, environment, promotion string) error
	// Swap puts what was staged in production's place, all of it or nothing, and ends every
	// session there. Once done it does nothing. What stood there stays, under the names it gives.
	// KindConflict: it is refused, nothing was changed, and trying again would not help.
	Swap(ctx context.Context, environment, promotion string) (aside []string, err error)
}

// Shutter keeps customers out while the databases behind them are restored.
type Shutter interface {
	// Shut lets them wait where it will be over soon enough, else it shows them the page of
	// maintenance; it says which. Again it does nothing.
	Shut(ctx context.Context, environment string, expected time.Duration, promotion string) (said string, err error)
	// Unshut lets them in again. What a person has closed stays closed.
	Unshut(ctx context.Context, environment, promotion string) error
	// Quit ends the programs of a deployment, which keeps its place behind the door: once
	// they have answered what they had begun. Again it does nothing.
	Quit(ctx context.Context, id string) error
}
