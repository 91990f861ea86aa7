package migration_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/migration/hazards"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/postgres/postgrestest"
)

// TestHazards_AreFoundByWatchingThem plays every case of the table: the shop's database,
// psql with the migration as its owner, the application meanwhile.
func TestHazards_AreFoundByWatchingThem(t *testing.T) {
	t.Parallel() // most of it is waiting, on a server of its own
	place := newPlace(t)
	for _, c := range hazards.Cases() {
		if c.Migration == "" || c.Safe() {
			continue
		}
		t.Run(c.ID+"/"+strings.ReplaceAll(c.Name, " ", "_"), func(t *testing.T) {
			findings, ran := place.play(t, c)
			for _, want := range c.Want {
				if !slices.ContainsFunc(findings, func(f understudy.Finding) bool { return is(f, want) }) {
					t.Errorf("%s %s was not found", want.Code, want.Subject)
				}
			}
			for _, f := range findings {
				if slices.Contains(c.Never, f.Code) {
					t.Errorf("%s %s was found, which is not so", f.Code, f.Subject)
				}
				readable(t, f)
			}
			tell(t, findings, ran)
		})
	}
}

// TestSafeMigrations_GiveNoWarning holds the judge to few and proven findings.
func TestSafeMigrations_GiveNoWarning(t *testing.T) {
	t.Parallel() // most of it is waiting, on a server of its own
	place := newPlace(t)
	safe := 0
	for _, c := range hazards.Cases() {
		if !c.Safe() {
			continue
		}
		safe++
		t.Run(c.ID+"/"+strings.ReplaceAll(c.Name, " ", "_"), func(t *testing.T) {
			findings, ran := place.play(t, c)
			if !ran.OK() {
				t.Errorf("it failed: %s", ran.Output)
			}
			for _, f := range findings {
				if f.Severity != understudy.SeverityNote {
					t.Errorf("%s %s is a false alarm: %s", f.Code, f.Subject, f.Seen)
				}
			}
			tell(t, findings, ran)
		})
	}
	if safe < 15 {
		t.Errorf("only %d safe migrations", safe)
	}
}

// TestHazards_TheTableHasAllOfThem counts: every hazard is shown, or says who looks at it.
func TestHazards_TheTableHasAllOfThem(t *testing.T) {
	known := map[string]bool{}
	names := map[string]bool{}
	for _, c := range hazards.Cases() {
		switch {
		case c.About == "" || c.Name == "" || names[c.ID+c.Name]:
			t.Errorf("%s %q has no name of its own, or says nothing", c.ID, c.Name)
		case c.Migration == "" && c.By == "":
			t.Errorf("%s %q has no migration and says not who looks at it", c.ID, c.Name)
		case c.Migration != "" && !c.Safe() && len(c.Want) == 0 && len(c.Held) == 0:
			t.Errorf("%s %q expects nothing", c.ID, c.Name)
		}
		known[c.ID], names[c.ID+c.Name] = true, true
	}
	total := 0
	for group, n := range map[string]int{"A": 14, "B": 23, "C": 14, "D": 14, "R": 15} {
		for i := range n {
			total++
			if id := fmt.Sprint(group, i+1); !known[id] {
				t.Errorf("hazard %s is not in the table", id)
			}
		}
	}
	if total != 80 {
		t.Errorf("counted %d hazards, there are 80", total)
	}
}

// TestHazards_ThePageTellsAll holds the table of docs/migrations.md to this one.
func TestHazards_ThePageTellsAll(t *testing.T) {
	page, err := os.ReadFile("../../docs/migrations.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.SplitN(line, " | ", 4); len(cells) == 4 {
			rows[strings.TrimPrefix(cells[0], "| ")] = cells[2]
		}
	}
	for _, c := range hazards.Cases() {
		for _, want := range c.Want {
			for code := range strings.SplitSeq(want.Code, "|") {
				if name := "`" + strings.TrimPrefix(code, "migration.") + "`"; !strings.Contains(rows[c.ID], name) {
					t.Errorf("docs/migrations.md does not say of %s that it is found as %s: %s", c.ID, name, rows[c.ID])
				}
			}
		}
	}
}

func is(f understudy.Finding, want hazards.Expected) bool {
	return slices.Contains(strings.Split(want.Code, "|"), f.Code) && (want.Subject == "" || want.Subject == f.Subject)
}

// readable holds a finding to what an operator needs of it.
func readable(t *testing.T, f understudy.Finding) {
	t.Helper()
	if f.Title == "" || f.Would == "" || f.Seen == "" || f.Remedy == "" || strings.ContainsAny(f.Title+f.Would+f.Remedy, "{}") {
		t.Errorf("%s leaves something unsaid: %+v", f.Code, f)
	}
}

// tell shows what was seen, where a case fails.
func tell(t *testing.T, findings []understudy.Finding, ran migration.Ran) {
	t.Helper()
	if !t.Failed() {
		return
	}
	for _, f := range findings {
		t.Logf("%s %s %s: %s", f.Severity, f.Code, f.Subject, f.Seen)
	}
	t.Logf("status %d: %s", ran.Status, ran.Output)
	for _, l := range ran.Observation.Locks {
		t.Logf("lock %+v", l)
	}
	for _, s := range ran.Observation.Statements {
		t.Logf("statement %+v", s)
	}
	for _, w := range ran.Observation.Waits {
		t.Logf("wait %+v", w)
	}
	t.Logf("tables %+v\nindexes %+v\nconstraints %+v\nobjects %+v\nerrors %+v\nexact %+v notes %q\nown log %d disk %d → %d", ran.Observation.Tables, ran.Observation.Indexes,
		ran.Observation.Constraints, ran.Observation.Objects, ran.Observation.Errors, ran.Observation.Exact, ran.Observation.Notes,
		ran.Observation.OwnLogBytes, ran.Observation.BytesBefore, ran.Observation.BytesPeak)
}

// place is a private server with the shop on it, of which each case has a copy.
type place struct {
	c        *postgrestest.Server
	log, bin string
}

func newPlace(t *testing.T) place {
	t.Helper()
	spec := postgrestest.Spec(postgrestest.Folder(t), 0)
	spec.Settings["max_prepared_transactions"], spec.Settings["autovacuum"] = "4", "off"
	p := place{postgrestest.Started(t, spec), spec.Log, postgrestest.Bin(t)}
	if _, err := p.c.EnsureDatabase(t.Context(), "shop", "", nil); err != nil {
		t.Fatal(err)
	}
	p.psql(t, "shop", hazards.ShopRoles+";"+hazards.Shop+"VACUUM ANALYZE;")
	return p
}

// psql runs a script as superuser.
func (p place) psql(t *testing.T, database, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(p.bin, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", p.c.AdminURL(database))
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func (p place) play(t *testing.T, c hazards.Case) ([]understudy.Finding, migration.Ran) {
	t.Helper()
	s := p.stage(t, c)
	budget := budgetOf(c)
	before := s.prepare(c.Held)
	s.act(t.Context(), true)
	ran, err := migration.Run(t.Context(), s, s, migration.Options{Timeout: 20 * time.Second, LockTimeout: budget.LockTimeout})
	if err != nil {
		t.Fatal(err)
	}
	s.again(c.Held, before)
	findings := migration.Judge(ran, budget)
	report(t, c, findings)
	return findings, ran
}

// budgetOf is what a case may cost: tables count as large from a thousand rows on, as the
// shop has few.
func budgetOf(c hazards.Case) migration.Budget {
	b := migration.Budget{BlockedFor: time.Second, LockTimeout: 2 * time.Second, Timeout: 20 * time.Second, RowsWritten: 1000, SmallTable: 1000,
		DiskMore: c.Budget.DiskMore, LogBytes: c.Budget.LogBytes}
	if len(c.Want) == 0 { // nothing is to be found: a machine that is slow just now is no finding
		b.BlockedFor = 10 * time.Second
	}
	if c.Budget.BlockedFor > 0 {
		b.BlockedFor = c.Budget.BlockedFor
	}
	if c.Budget.LockTimeout > 0 {
		b.LockTimeout = c.Budget.LockTimeout
	}
	return b
}

// stage is one case on its copy of the shop.
type stage struct {
	*testing.T
	place    place
	c        hazards.Case
	database string
	file     string
	held     *pgx.Conn
	people   map[string]*person
}

func (p place) stage(t *testing.T, c hazards.Case) *stage {
	t.Helper()
	s := &stage{T: t, place: p, c: c, database: "played", people: map[string]*person{}, file: filepath.Join(t.TempDir(), "migration.sql")}
	admin := postgrestest.Connected(t, p.c.AdminURL("postgres"))
	postgrestest.Runs(t, admin, "CREATE DATABASE played TEMPLATE shop")
	t.Cleanup(func() {
		conn, err := p.c.Connect(context.Background(), "postgres")
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(context.Background(), "DROP DATABASE played WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	if c.Setup != "" {
		p.psql(t, s.database, strings.ReplaceAll(c.Setup, "{database}", s.database)+";")
	}
	if err := os.WriteFile(s.file, []byte(c.Migration), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// address is the database's for a role and a program.
func (s *stage) address(role, program, options string) string {
	address := strings.Replace(s.place.c.AdminURL(s.database), "user=postgres", "user="+role, 1) + "&application_name=" + program
	if options != "" {
		address += "&options=" + strings.NewReplacer(" ", "%20", "=", "%3D").Replace(options)
	}
	return address
}

func (s *stage) Watch(ctx context.Context) (func(context.Context) (understudy.Observation, error), error) {
	w, err := lockwatch.Start(ctx, lockwatch.Spec{
		AdminURL: s.place.c.AdminURL("postgres"), Database: s.database, ApplicationName: "understudy-migration",
		LogFile: s.place.log, Gate: true, Every: 5 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	return w.Stop, nil
}

// RunMigration plays the team's command: psql. Meanwhile the application acts.
func (s *stage) RunMigration(ctx context.Context, command migration.Command) (migration.Result, error) {
	role := "shop_owner"
	if s.c.Role != "" {
		role = s.c.Role
	}
	options := fmt.Sprintf("-c lock_timeout=%d -c synchronous_commit=remote_apply", command.LockTimeout.Milliseconds())
	url := s.address(role, "understudy-migration", options)
	cmd := exec.CommandContext(ctx, filepath.Join(s.place.bin, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", s.file)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+url, "PATH="+s.place.bin+":"+os.Getenv("PATH"))
	during, end := context.WithCancel(ctx)
	var meanwhile sync.WaitGroup
	meanwhile.Go(func() { s.act(during, false) })
	out, err := cmd.CombinedOutput()
	end()
	meanwhile.Wait()
	for _, p := range s.people {
		p.leave()
	}
	result := migration.Result{Status: cmd.ProcessState.ExitCode(), Output: string(out)}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = nil
	}
	return result, err
}

// person is somebody of the application, with a session of their own.
type person struct {
	conn  *pgx.Conn
	lines chan string
	done  chan struct{}
	end   context.CancelFunc
}

func (p *person) leave() {
	p.end()
	close(p.lines)
	<-p.done
}

func (s *stage) person(name string) *person {
	if p, known := s.people[name]; known {
		return p
	}
	conn, err := pgx.Connect(context.Background(), s.address("shop_guest", name, ""))
	if err != nil {
		s.Error(err)
		return nil
	}
	ctx, end := context.WithCancel(context.Background())
	p := &person{conn, make(chan string, 8), make(chan struct{}), end}
	go func() {
		defer close(p.done)
		defer conn.Close(context.Background()) //nolint:errcheck // nothing hangs on it any more
		for line := range p.lines {
			_, _ = conn.Exec(ctx, line) // what it is told is in the observation
		}
	}()
	s.people[name] = p
	return p
}

// act lets the application do what the case says: what comes before the migration, or what
// comes while it runs, each once its condition holds.
func (s *stage) act(ctx context.Context, before bool) {
	if len(s.c.Meanwhile) == 0 {
		return
	}
	conn, err := pgx.Connect(ctx, s.place.c.AdminURL(s.database))
	if err != nil {
		s.Error(err)
		return
	}
	defer conn.Close(context.Background()) //nolint:errcheck // it only asked
	begun := false
	for _, a := range s.c.Meanwhile {
		begun = begun || a.Once != ""
		if begun == before {
			continue
		}
		if a.Once != "" && !s.holds(ctx, conn, a.Once) {
			s.Errorf("it never came to: %s", a.Once)
			return
		}
		p := s.person(a.Who)
		if p == nil {
			return
		}
		p.lines <- a.Does
		if a.Once == "" {
			s.settled(ctx, conn, a.Who)
		}
	}
}

// holds waits until a condition of the database holds.
func (s *stage) holds(ctx context.Context, conn *pgx.Conn, condition string) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var yes bool
		if err := conn.QueryRow(ctx, condition).Scan(&yes); err != nil || yes {
			return yes
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

// settled waits until somebody has done what they were told and does nothing.
func (s *stage) settled(ctx context.Context, conn *pgx.Conn, who string) {
	s.holds(ctx, conn, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = '"+who+
		"' AND (state = 'active' OR query = ''))")
}

// prepare opens the connection of the old release, and uses its statements once.
func (s *stage) prepare(held []hazards.Held) (works []bool) {
	if len(held) == 0 {
		return nil
	}
	s.held = postgrestest.Connected(s, s.address("shop_guest", "old", ""))
	for i, h := range held {
		name := fmt.Sprint("held", i)
		if _, err := s.held.Prepare(s.Context(), name, h.SQL); err != nil {
			s.Fatalf("%s: %v", h.SQL, err)
		}
		_, err := s.held.Exec(s.Context(), name)
		works = append(works, err == nil)
	}
	return works
}

// again uses them once more on the new schema.
func (s *stage) again(held []hazards.Held, worked []bool) {
	for i, h := range held {
		_, err := s.held.Exec(s.Context(), fmt.Sprint("held", i))
		switch {
		case !worked[i]:
			s.Errorf("%s failed before", h.SQL)
		case h.Fails == "" && err != nil, h.Fails != "" && (err == nil || !strings.Contains(err.Error(), h.Fails)):
			s.Errorf("%s ended with %v, expected %q", h.SQL, err, h.Fails)
		}
	}
}
