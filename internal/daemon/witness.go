package daemon

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"time"

	"understudy"
	"understudy/internal/postgres"
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
		said, err := serverErrors(spec.Log, from, to, physical)
		if err != nil {
			return nil, fmt.Errorf("reading what the server of %s said: %w", s.env.Name, err)
		}
		all = append(all, said...)
	}
	return slices.DeleteFunc(all, func(e understudy.ObservedError) bool { return e.Who == migrationName }), nil
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

// Rows names the rows of a table that a copy does not hold as the golden one does.
func (s *stage) Rows(ctx context.Context, of rehearsal.Copy, table string) (rehearsal.Rows, error) {
	server, err := s.d.twinServer(ctx, s.env.Name)
	if err != nil {
		return rehearsal.Rows{}, err
	}
	var all rehearsal.Rows
	for name, physical := range s.physical(of) { // of several databases, one has the table in most cases
		golden := s.physical(rehearsal.Golden)[name]
		rows, err := postgres.DifferRows(ctx, server.AdminURL(golden), server.AdminURL(physical), table, namedRows)
		if err != nil {
			return all, err
		}
		all.Gone, all.New, all.Changed = all.Gone+rows.Gone, all.New+rows.New, all.Changed+rows.Changed
		all.Columns, all.Named = append(all.Columns, rows.Columns...), append(all.Named, rows.Named...)
		all.Keyless = all.Keyless || rows.Keyless
	}
	return all, nil
}

var (
	logLine = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \S+) \[\d+\] (.*)@(\S+) (?:ERROR|FATAL):  (?:([0-9A-Z]{5}): )?(.*)$`)
	literal = regexp.MustCompile(`: "[^"]*"$|'[^']*'`)
	where   = regexp.MustCompile(` at character \d+$`)
)

// serverErrors reads a server's log for the errors that it gave to sessions of a database
// between two moments. A log that is not there holds none.
func serverErrors(logFile string, from, to time.Time, database string) (all []understudy.ObservedError, err error) {
	file, err := os.Open(logFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	counted := map[understudy.ObservedError]int{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		part := logLine.FindStringSubmatch(lines.Text())
		if part == nil || part[3] != database {
			continue
		}
		at, err := time.ParseInLocation("2006-01-02 15:04:05.000 MST", part[1], time.Local)
		if err != nil || at.Before(from.Truncate(time.Millisecond)) || at.After(to) {
			continue
		}
		counted[understudy.ObservedError{Who: part[2], Code: part[4], Message: literal.ReplaceAllString(where.ReplaceAllString(part[5], ""), "…")}]++
	}
	for e, times := range counted {
		e.Times = times
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b understudy.ObservedError) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.Message, b.Message))
	})
	return all, lines.Err()
}
