package migration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"understudy"
)

// Command is one run of the team's command.
type Command struct {
	Args        []string
	LockTimeout time.Duration // handed over in the connection's options; 0: none
}

// Result is what a run of the command left: its exit status and the end of its output.
type Result struct {
	Status int
	Output string // the last part, credentials taken out
	// Yielded: it was ended because others stood behind a lock that it had not got, and may
	// be tried again.
	Yielded bool
}

// Commander runs a command inside the environment, with the database's address injected.
// It ends the whole process group when the context does.
type Commander interface {
	RunMigration(ctx context.Context, command Command) (Result, error)
}

// Watcher watches a database while a migration runs. Watch begins; the returned function
// ends it and says what was seen. It is called exactly once.
type Watcher interface {
	Watch(ctx context.Context) (stop func(ctx context.Context) (understudy.Observation, error), err error)
}

// Options of a run.
type Options struct {
	Args        []string
	Timeout     time.Duration
	LockTimeout time.Duration
	Tries       int // at least 1; only what could not get its lock is tried again
	// LockTimedOut tells from the output whether a lock was not to be had: in time, or at all.
	LockTimedOut func(output string) bool
	// Pause waits between tries.
	Pause func(ctx context.Context, try int) error
	// Before, if not nil, is called before each try, and its time is not that of the command.
	Before func(ctx context.Context, try int) error
}

// Ran is what a run of a migration came to.
type Ran struct {
	Result
	Started     time.Time
	Took        time.Duration // with all tries and the pauses between them
	Last        time.Duration // the last try alone
	Tries       int
	Hung        bool   // it was ended at its deadline
	Left        string // after a failure: where the team's own status command says the schema is; empty: not known
	Observation understudy.Observation
}

// OK tells whether the command ran through.
func (r Ran) OK() bool { return !r.Hung && r.Status == 0 }

// Run runs the command under watch, again after a lock timeout as often as options
// allow. A command that fails is a result; an error means that it could not be run or
// watched at all, or that ctx ended.
func Run(ctx context.Context, commander Commander, watcher Watcher, options Options) (Ran, error) {
	ran := Ran{Started: time.Now()}
	stop, err := watcher.Watch(ctx)
	if err != nil {
		return ran, fmt.Errorf("watching the database: %w", err)
	}
	err = try(ctx, commander, options, &ran)
	ran.Took = time.Since(ran.Started)
	observation, watchErr := stop(context.WithoutCancel(ctx))
	ran.Observation = observation
	return ran, errors.Join(err, watchErr)
}

func try(ctx context.Context, commander Commander, options Options, ran *Ran) error {
	for ran.Tries < max(options.Tries, 1) {
		ran.Tries++
		if options.Before != nil {
			if err := options.Before(ctx, ran.Tries); err != nil {
				return err
			}
		}
		if err := once(ctx, commander, options, ran); err != nil {
			return err
		}
		again := !ran.OK() && !ran.Hung && (ran.Yielded || options.LockTimedOut != nil && options.LockTimedOut(ran.Output))
		if !again || ran.Tries == max(options.Tries, 1) {
			return nil
		}
		if err := options.Pause(ctx, ran.Tries); err != nil {
			return err
		}
	}
	return nil
}

func once(ctx context.Context, commander Commander, options Options, ran *Ran) error {
	limit := options.Timeout
	if limit == 0 {
		limit = understudy.DefaultMigrationTimeout
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	result, err := commander.RunMigration(bounded, Command{Args: options.Args, LockTimeout: options.LockTimeout})
	ran.Result, ran.Last = result, time.Since(began)
	through := err == nil && result.Status == 0
	switch {
	case ctx.Err() != nil && err == nil: // however it ended, it was ended
		return context.Cause(ctx)
	case ctx.Err() == nil && bounded.Err() != nil && !through:
		ran.Hung = true
		return nil
	}
	return err
}
