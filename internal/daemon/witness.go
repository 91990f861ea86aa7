package daemon

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/rehearsal"
)

// Errors are what the twin's server answered the application with, by its log.
func (s *stage) Errors(_ context.Context, of rehearsal.Copy, from, to time.Time) ([]understudy.ObservedError, error) {
	if len(s.baseline.Application.Databases) == 0 {
		return nil, nil
	}
	spec, err := s.d.serverSpec(s.env, s.baseline.Application, 0)
	if err != nil {
		return nil, err
	}
	var all []understudy.ObservedError
	for _, physical := range slices.Sorted(maps.Values(s.physical(of))) {
		said, err := lockwatch.Errors(spec.Log, from, to, physical)
		if err != nil {
			return nil, fmt.Errorf("reading what the server of %s said: %w", s.env.Name, err)
		}
		all = append(all, said...)
	}
	return all, nil
}

// rateOver is the shortest time over which production's requests are counted.
const rateOver = 5 * time.Second

// Rate is how many requests production's front door has counted since this rehearsal entered.
func (s *stage) Rate(ctx context.Context) (rehearsal.Rate, error) {
	now, err := s.d.requests(ctx, s.target.Name)
	over := time.Since(s.entered)
	if err != nil || over < rateOver || now <= s.requests { // fewer: the figures were reset meanwhile
		return rehearsal.Rate{}, err
	}
	return rehearsal.Rate{
		PerSecond: float64(now-s.requests) / over.Seconds(),
		Of:        fmt.Sprintf("%s itself, by its front door over %s", s.target.Name, over.Round(time.Second)),
	}, nil
}

// requests is what an environment's front door has counted.
func (d *Daemon) requests(ctx context.Context, environment string) (int64, error) {
	front, err := d.front(ctx, environment)
	var sum int64
	for _, slot := range front.Slots {
		sum += slot.Served.Requests
	}
	return sum, err
}

// namedRows is how many rows that differ are named of each table.
const namedRows = 5

// Rows names the rows of a table that one copy does not hold as another does.
func (s *stage) Rows(ctx context.Context, asked rehearsal.Asked) (rehearsal.Rows, error) {
	server, err := s.d.twinServer(ctx, s.env.Name)
	if err != nil {
		return rehearsal.Rows{}, err
	}
	database, table := s.databaseOf(asked.Table)
	rows, err := postgres.DifferRows(ctx, server.AdminURL(s.physical(asked.Was)[database]), server.AdminURL(s.physical(asked.Is)[database]), table, asked.Without, namedRows)
	return rehearsal.Rows(rows), err
}

// databaseOf tells which database a table is in, by what findings call it, and what it is called there.
func (s *stage) databaseOf(table string) (database, there string) {
	for name := range s.physical(rehearsal.Work) {
		switch own, is := strings.CutPrefix(table, name+"/"); {
		case s.called(name) == "":
			database = name
		case is:
			return name, own
		}
	}
	return database, table
}
