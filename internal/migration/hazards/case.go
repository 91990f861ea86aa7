// Package hazards is the table of what migrations do to production: for each hazard a
// migration that shows it on a small shop's database, what goes on meanwhile, and what has
// to be found; and migrations that are safe, of which nothing may be said beyond notes. It
// is data: whoever judges migrations, by watching or by reading them, can be held to it.
package hazards

import (
	"slices"
	"strings"
	"time"

	"understudy/internal/check"
)

// Case is one migration and what is to be found of it.
type Case struct {
	ID    string // of the hazard: A1 to A14, B1 to B23, C1 to C14, D1 to D14, R1 to R15; S… is safe
	Name  string // of the case, among those of its hazard
	About string // the hazard, in a phrase

	Setup     string     // SQL of a superuser, on a copy of the shop, before anything is watched
	Migration string     // what psql is given, statement by statement unless it says BEGIN
	Role      string     // that the migration runs as; empty: the owner of the tables
	Meanwhile []Act      // of the application
	Budget    Budget     // where it has to be another than the table's
	Held      []Held     // statements of the old release, prepared before and used after
	Want      []Expected // that have to be among the findings
	Never     []string   // codes that must not be
	By        string     // who looks at the hazard where watching one migration cannot; then there is no migration
}

// Expected is a finding by its code and, unless it is empty, its subject. Several codes, with
// | between them, leave it to the server's choice.
type Expected struct {
	Code    string
	Subject string
}

// Act is something that the application does, in a session of its own, once a condition
// holds. Acts come one after the other; without a condition the next waits for its end.
type Act struct {
	Who  string
	Does string
	Once string // a query for one boolean, asked again and again; empty: before the migration begins
}

// Held is a statement of the old release on a connection that stays open.
type Held struct {
	SQL   string
	Fails string // what the server says of it afterwards; empty: it goes on working
}

// Budget is what differs from the table's own budget.
type Budget struct {
	BlockedFor  time.Duration
	LockTimeout time.Duration
	DiskMore    int64
	LogBytes    int64
}

// Safe tells of a case that must give no warning and nothing that blocks.
func (c Case) Safe() bool { return strings.HasPrefix(c.ID, "S") }

// Linted is the migration as a linter is given it: without the commands of psql.
func (c Case) Linted() string {
	lines := slices.DeleteFunc(strings.Split(c.Migration, "\n"), func(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), `\`) })
	return strings.Join(lines, "\n")
}

// Conditions of acts. A session of the migration is known by its name.
const (
	migrationWaits = `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE a.datname = current_database() AND a.application_name = 'understudy-migration' AND NOT l.granted AND clock_timestamp() - l.waitstart > '150 ms')`
	webWaits = `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE a.datname = current_database() AND a.application_name = 'web' AND NOT l.granted AND clock_timestamp() - l.waitstart > '250 ms')`
	migrationSleeps = `SELECT EXISTS (SELECT FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'understudy-migration' AND wait_event = 'PgSleep')`
)

func found(code check.Code, subject string) Expected { return Expected{string(code), subject} }

func never(codes ...check.Code) []string {
	var names []string
	for _, code := range codes {
		names = append(names, string(code))
	}
	return names
}

// Cases is the whole table, in the order of the hazards.
func Cases() []Case {
	var all []Case
	for _, part := range [][]Case{rewrites(), builds(), scans(), partitions(), queues(), transactions(), rows(), schemas(), releases(), safe()} {
		all = append(all, part...)
	}
	return all
}
