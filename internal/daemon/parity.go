package daemon

import (
	"context"
	"time"

	"understudy"
	"understudy/internal/api"
)

// Parity measures how alike two environments are, and keeps what it finds.
func (d *Daemon) Parity(ctx context.Context, a, b string) (understudy.Parity, error) {
	a, b, err := d.pair(a, b)
	if err != nil {
		return understudy.Parity{}, err
	}
	return d.measure(ctx, a, b, nil)
}

// pair names two environments in the order in which they are compared: what something is a
// twin of, then the twin. By default they are production and its twin.
func (d *Daemon) pair(a, b string) (string, string, error) {
	if b == "" {
		e, err := d.twinFor("")
		return e.TwinOf, e.Name, err
	}
	e, _, err := d.environment(a)
	if err != nil {
		return a, b, err
	}
	if _, _, err := d.environment(b); err != nil {
		return a, b, err
	}
	if e.TwinOf == b {
		a, b = b, a
	}
	return a, b, nil
}

// measure measures, holds what it finds against what is accepted, and keeps it.
func (d *Daemon) measure(ctx context.Context, a, b string, why *understudy.ParityOccasion) (understudy.Parity, error) {
	found, err := d.likeness(ctx, a, b)
	if err != nil {
		return found, err
	}
	accepted, err := d.accepted(a, b)
	if err != nil {
		return found, err
	}
	found = found.Accept(accepted)
	return found, d.keepMeasured(ctx, found, why)
}

// accepted is what somebody answers for between a twin and what it is a twin of; between
// others nothing is accepted, and so nothing can have lapsed.
func (d *Daemon) accepted(a, b string) ([]understudy.Acceptance, error) {
	e, p, err := d.environment(b)
	if err != nil || e.TwinOf != a {
		return nil, err
	}
	return p.Policy.Parity.Accepted, nil
}

// Measure is the likeness of the twin to what the rehearsal is for, by the policy that the
// rehearsal is held against.
func (s *stage) Measure(ctx context.Context) (understudy.Parity, error) {
	found, err := s.d.likeness(ctx, s.target.Name, s.env.Name)
	if err != nil {
		return found, err
	}
	found = found.Accept(s.policy.Parity.Accepted)
	return found, s.d.keepMeasured(ctx, found, &understudy.ParityOccasion{At: found.MeasuredAt, What: understudy.OccasionRehearsal, ID: s.id, Label: s.candidate.Label})
}

// defaultWatch is between two measurements of who watches, where nothing says otherwise.
const defaultWatch = 15 * time.Minute

// WatchParity measures at once and again and again, until ctx ends. When the first time
// fails, so does it; later ones are told, and tried again.
func (d *Daemon) WatchParity(ctx context.Context, request api.WatchParity, each func(api.Likeness) error) error {
	p, err := d.project()
	if err != nil {
		return err
	}
	every := request.Every
	switch {
	case every == 0 && p.ParityEvery > 0:
		every = p.ParityEvery
	case every == 0:
		every = defaultWatch
	case every < time.Second:
		return understudy.Errorf(understudy.KindInvalid, "measuring again and again: expected 1s or more between two measurements, found %s", every)
	}
	for first := true; ; first = false {
		found, err := d.Parity(ctx, request.A, request.B)
		told := api.Likeness{At: time.Now().UTC(), Parity: found}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && first:
			return err
		case err != nil:
			told = api.Likeness{At: told.At, Failed: err.Error()}
		}
		if err := each(told); err != nil {
			return err
		}
		if err := (clock{}).Wait(ctx, every); err != nil {
			return err
		}
	}
}
