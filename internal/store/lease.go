package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"understudy"
)

// clockSlack is how far, in milliseconds, a lease may seem to have been taken in the
// future before the clock counts as set back: statements that overlap differ a little.
const clockSlack = 1000

// Claim takes a lease for a term, or extends it for the holder that has it already. It
// says whether the holder has it now, and else who does. Holders are named so that no
// two processes share a name, also after a restart. The holder renews well before the
// term is over, and stops its work when it cannot.
func (s *Store) Claim(ctx context.Context, name, holder string, term time.Duration) (held bool, by string, err error) {
	if err := s.mendClock(ctx, name); err != nil {
		return false, "", fmt.Errorf("claiming lease %s: %w", name, err)
	}
	touched, err := s.exec(ctx, s.timed(`INSERT INTO understudy_leases (name, holder, taken, until) VALUES ($1, $2, NOW, NOW + $3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, taken = excluded.taken, until = excluded.until
		WHERE understudy_leases.holder = excluded.holder OR understudy_leases.until <= excluded.taken`), name, holder, term.Milliseconds())
	if err != nil {
		return false, "", fmt.Errorf("claiming lease %s: %w", name, err)
	}
	if touched == 1 {
		return true, holder, nil
	}
	by, err = s.holder(ctx, name)
	return false, by, err
}

// Renew extends a lease that the holder has. KindConflict, naming who has it, when it
// was lost; then the holder's work is no longer covered and has to stop.
func (s *Store) Renew(ctx context.Context, name, holder string, term time.Duration) error {
	touched, err := s.exec(ctx, s.timed(`UPDATE understudy_leases SET taken = NOW, until = NOW + $3 WHERE name = $1 AND holder = $2`),
		name, holder, term.Milliseconds())
	if err != nil {
		return fmt.Errorf("renewing lease %s: %w", name, err)
	}
	if touched == 1 {
		return nil
	}
	by, err := s.holder(ctx, name)
	if err != nil {
		return err
	}
	if by == "" {
		by = "nobody"
	}
	return understudy.Errorf(understudy.KindConflict, "lease %s is no longer %s's: %s has it now", name, holder, by)
}

// Release ends a lease. One that the holder does not have is no error.
func (s *Store) Release(ctx context.Context, name, holder string) error {
	if _, err := s.exec(ctx, `DELETE FROM understudy_leases WHERE name = $1 AND holder = $2`, name, holder); err != nil {
		return fmt.Errorf("releasing lease %s: %w", name, err)
	}
	return nil
}

// mendClock starts the term of a lease again when it seems to have been taken in the
// future, which means that the clock was set back since. A live holder keeps its term,
// and a dead one does not keep the lease until the clock has caught up.
func (s *Store) mendClock(ctx context.Context, name string) error {
	_, err := s.exec(ctx, s.timed(`UPDATE understudy_leases SET until = NOW + until - taken, taken = NOW WHERE name = $1 AND taken > NOW + $2`),
		name, clockSlack)
	return err
}

// timed puts the database's clock in the place of NOW.
func (s *Store) timed(statement string) string {
	return strings.ReplaceAll(statement, "NOW", s.dialect.now)
}

// holder is who has a lease, run out or not; nobody is the empty string.
func (s *Store) holder(ctx context.Context, name string) (by string, err error) {
	err = s.db.QueryRowContext(ctx, s.dialect.sql(`SELECT holder FROM understudy_leases WHERE name = $1`), name).Scan(&by)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("reading lease %s: %w", name, err)
	}
	return by, nil
}
