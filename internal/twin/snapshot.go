package twin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"understudy"
)

// Observer looks at an environment without changing it.
type Observer interface {
	Observe(ctx context.Context, environment string) (understudy.Fingerprint, error)
}

// Copier copies data, masked on the way. Copy leaves a complete golden copy under the
// snapshot's ID or nothing; Discard removes one, and what a crash left of one.
type Copier interface {
	Copy(ctx context.Context, from, to, snapshot string, tell func(string)) ([]understudy.DatabaseCopy, time.Time, error)
	Whole(ctx context.Context, on string, snapshot understudy.Snapshot) (bool, error)
	Discard(ctx context.Context, on, snapshot string) error
	// Rules is the digest of what decides what a copy holds: masks, and parts of databases.
	Rules(on string) (understudy.Digest, error)
}

// Shelf keeps the records of snapshots, by the twin that has them.
type Shelf interface {
	Latest(ctx context.Context, on string) (understudy.Snapshot, bool, error)
	Put(ctx context.Context, on string, snapshot understudy.Snapshot) error
}

// Studio makes snapshots. All fields are set before use.
type Studio struct {
	Observer Observer
	Copier   Copier
	Shelf    Shelf
	Now      func() time.Time
	NewID    func() string
}

// Want says which snapshot is asked for.
type Want struct {
	Of     string        // environment
	On     string        // the twin
	MaxAge time.Duration // an older one is taken anew; 0: always, unless one is followed to this very minute
}

// Got is a snapshot, and whether it was there already.
type Got struct {
	Snapshot   understudy.Snapshot
	Production understudy.Fingerprint // observed now
	Kept       bool
	Why        string // why it was taken anew
}

// Snapshot gives a whole snapshot of an environment on its twin, no older than wanted and
// of the schema and masking rules that hold now. The last good one stays until the new one
// is whole.
func (s Studio) Snapshot(ctx context.Context, want Want, tell func(string)) (Got, error) {
	now, err := s.Observer.Observe(ctx, want.Of)
	if err != nil {
		return Got{}, fmt.Errorf("observing %s: %w", want.Of, err)
	}
	policy, err := s.Copier.Rules(want.On)
	if err != nil {
		return Got{}, err
	}
	last, found, err := s.Shelf.Latest(ctx, want.On)
	if err != nil {
		return Got{}, err
	}
	why := "there is none yet"
	if found {
		whole, err := s.Copier.Whole(ctx, want.On, last)
		if err != nil {
			return Got{}, err
		}
		if why = stale(last, now, policy, whole, want, s.Now()); why == "" {
			return Got{Snapshot: last, Production: now, Kept: true}, nil
		}
	}
	tell("taking a snapshot of " + want.Of + ": " + why)
	made, err := s.take(ctx, want, now, policy, tell)
	if err != nil {
		return Got{}, err
	}
	if found {
		err = s.Copier.Discard(ctx, want.On, last.ID)
	}
	return Got{Snapshot: made, Production: now, Why: why}, err
}

// liveAge is how old the data of a snapshot that is followed may be for it to be a fresh one.
const liveAge = time.Minute

// stale says why a snapshot cannot be used again; empty: it can.
func stale(last understudy.Snapshot, now understudy.Fingerprint, policy understudy.Digest, whole bool, want Want, at time.Time) string {
	age := at.Sub(last.TakenAt)
	schemas := understudy.Fingerprint{Schemas: last.Source.Schemas, Servers: last.Source.Servers}
	moved := schemas.Moved(understudy.Fingerprint{Schemas: now.Schemas, Servers: now.Servers})
	switch {
	case last.Stopped() != "":
		return last.Stopped()
	case want.MaxAge == 0 && !(len(last.Following) > 0 && age <= liveAge):
		return "a fresh one was asked for"
	case last.Of != want.Of:
		return "the last one is of " + last.Of
	case !whole:
		return "the last one is not whole"
	case want.MaxAge > 0 && age > want.MaxAge:
		return fmt.Sprintf("the last one is %s old", age.Round(time.Minute))
	case age < -time.Minute:
		return "the last one is from the future: the clock was put back"
	case last.Policy != policy:
		return "the masking rules have changed"
	case len(moved) > 0:
		return strings.Join(moved, ", ")
	}
	return ""
}

func (s Studio) take(ctx context.Context, want Want, source understudy.Fingerprint, policy understudy.Digest, tell func(string)) (understudy.Snapshot, error) {
	id, began := s.NewID(), s.Now()
	copies, at, err := s.Copier.Copy(ctx, want.Of, want.On, id, tell)
	if err != nil {
		return understudy.Snapshot{}, errors.Join(err, s.Copier.Discard(context.WithoutCancel(ctx), want.On, id))
	}
	snapshot := understudy.Snapshot{
		ID: id, Of: want.Of, Source: source, Databases: copies, TakenAt: at, Took: s.Now().Sub(began), Policy: policy,
	}
	if err := s.Shelf.Put(ctx, want.On, snapshot); err != nil {
		return understudy.Snapshot{}, errors.Join(err, s.Copier.Discard(context.WithoutCancel(ctx), want.On, id))
	}
	return snapshot, nil
}
