package census_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/parity"
	"understudy/internal/postgres/census"
	"understudy/internal/postgres/census/planted"
	"understudy/internal/postgres/postgrestest"
)

// spec looks by value at what the seed says may be looked at.
func spec() census.Spec {
	return census.Spec{
		Plain: func(columns []understudy.Column) map[string]bool {
			plain := map[string]bool{}
			for _, c := range columns {
				plain[c.Name] = planted.Plain(c.Table)
			}
			return plain
		},
		Print: func(name, value string) string { return understudy.DigestOf([]byte(name + value)).Short() },
	}
}

// TestCensus lends all its parts one server, as each would take seconds to start.
func TestCensus(t *testing.T) {
	t.Parallel()
	options := postgrestest.Spec(postgrestest.Folder(t), postgrestest.FreePort(t))
	options.Preload = []string{"pg_stat_statements"}
	server := postgrestest.Started(t, options)
	for _, part := range []struct {
		claim string
		holds func(*testing.T, *postgrestest.Server, *pgx.Conn)
	}{
		{"finds every planted difference and nothing else", findsThePlanted},
		{"of a role that may only connect says what it could not see", saysWhatItCouldNotSee},
		{"shows no value of any column", showsNoValue},
		{"goes on without what a lock hides, and waits briefly", waitsBriefly},
		{"plans the busiest statements otherwise where an index is missing", plansOtherwise},
	} {
		t.Run(part.claim, func(t *testing.T) {
			name := fmt.Sprintf("shop%d", len(part.claim))
			if _, err := server.EnsureDatabase(t.Context(), name, "", nil); err != nil {
				t.Fatal(err)
			}
			conn := postgrestest.Connected(t, server.AdminURL(name))
			postgrestest.Runs(t, conn, planted.Seed)
			part.holds(t, server, conn)
		})
	}
}

func taken(t *testing.T, conn *pgx.Conn, spec census.Spec) parity.Database {
	t.Helper()
	found, err := census.Take(t.Context(), conn, spec)
	if err != nil {
		t.Fatal(err)
	}
	if found.Longest > census.StatementTime {
		t.Errorf("%s took %s", found.LongestRead, found.Longest)
	}
	for _, unseen := range found.Unseen {
		if len(unseen.Kinds) > 0 && !strings.Contains(unseen.Sentence, "held a lock") {
			t.Errorf("it did not see %s", unseen.Sentence)
		}
	}
	return found.Database
}

// compared are the accidental gaps between two looks at the database, and all of it.
func compared(a, b parity.Database) ([]string, understudy.Parity) {
	p := parity.Compare(parity.Facts{Environment: "production", Databases: map[string]parity.Database{"shop": a}},
		parity.Facts{Environment: "staging", TwinOf: "production", Databases: map[string]parity.Database{"shop": b}}, time.Now())
	var gaps []string
	for _, g := range p.Gaps {
		if g.Because == "" {
			name := strings.TrimPrefix(strings.TrimPrefix(g.Name, "shop"), " ")
			gaps = append(gaps, strings.TrimSpace(g.Kind+" "+name))
		}
	}
	return gaps, p
}

func findsThePlanted(t *testing.T, server *postgrestest.Server, conn *pgx.Conn) {
	before := taken(t, conn, spec())
	if gaps, p := compared(before, taken(t, conn, spec())); len(gaps) > 0 || p.Figure != 100 {
		t.Fatalf("looked at twice, a database differs from itself: %q", gaps)
	}
	major, err := strconv.Atoi(postgrestest.Answer(t, conn, `SELECT (current_setting('server_version_num')::int / 10000)::text`))
	if err != nil {
		t.Fatal(err)
	}
	all := slices.DeleteFunc(planted.Differences(), func(d planted.Difference) bool { return d.Since > major })
	if len(all) < 40 {
		t.Fatalf("%d differences are planted", len(all))
	}
	for _, d := range all {
		after := within(t, server, conn, d)
		gaps, p := compared(before, after)
		if !slices.Equal(gaps, d.Want) || p.Figure >= 100 {
			t.Errorf("%s: figure %v, gaps %q, want %q", d.Name, p.Figure, gaps, d.Want)
			for _, g := range p.Gaps {
				t.Logf("%+v", g)
			}
		}
	}
	if gaps, _ := compared(before, taken(t, conn, spec())); len(gaps) > 0 {
		t.Errorf("after all was taken back, there is still %q", gaps)
	}
}

// within looks at the database with a difference planted, and takes that back.
func within(t *testing.T, server *postgrestest.Server, conn *pgx.Conn, d planted.Difference) parity.Database {
	t.Helper()
	if d.Everywhere {
		postgrestest.Runs(t, conn, d.Plant)
		fresh := reloaded(t, server, conn, true)
		defer func() {
			postgrestest.Runs(t, conn, d.Undo)
			reloaded(t, server, conn, false)
		}()
		return taken(t, fresh, spec())
	}
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	postgrestest.Runs(t, conn, d.Plant)
	found, err := census.TakeWithin(t.Context(), tx, spec())
	if err != nil {
		t.Fatalf("%s: %v", d.Name, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d.Undo != "" {
		postgrestest.Runs(t, conn, d.Undo)
	}
	return found.Database
}

// reloaded lets the server read its configuration again, and gives a session that has it.
func reloaded(t *testing.T, server *postgrestest.Server, conn *pgx.Conn, changed bool) *pgx.Conn {
	t.Helper()
	postgrestest.Runs(t, conn, `SELECT pg_reload_conf()`)
	var fresh *pgx.Conn
	postgrestest.Until(t, "the server has read its configuration", func() bool {
		fresh = postgrestest.Connected(t, server.AdminURL(conn.Config().Database))
		return postgrestest.Answer(t, fresh, `SELECT count(*)::text FROM pg_settings WHERE sourcefile LIKE '%auto.conf'`) != map[bool]string{true: "0", false: "1"}[changed]
	})
	return fresh
}

func saysWhatItCouldNotSee(t *testing.T, server *postgrestest.Server, conn *pgx.Conn) {
	postgrestest.Runs(t, conn, `CREATE ROLE looker LOGIN PASSWORD 'x'`)
	whole := taken(t, conn, spec())
	looked := taken(t, postgrestest.Connected(t, server.URL("looker", "x", conn.Config().Database)), spec())
	gaps, p := compared(whole, looked)
	if len(gaps) > 0 {
		t.Errorf("what was not seen became gaps: %q", gaps)
	}
	said := strings.Join(p.Measured, "\n")
	for _, want := range []string{
		"settings that only superusers see (such as shared_preload_libraries): GRANT pg_read_all_settings TO looker",
		"statistics of 32 of 32 columns: the server shows them to whoever may read the column; GRANT SELECT on the tables TO looker",
		"positions of 2 sequences: GRANT SELECT ON ALL SEQUENCES IN SCHEMA … TO looker",
		"its busiest statements: there is no pg_stat_statements",
	} {
		if !strings.Contains(said, "not seen of staging shop: "+want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	if len(looked.Objects) != len(whole.Objects) || len(looked.Rows) != len(whole.Rows) || len(looked.Columns) > 0 {
		t.Errorf("%d of %d objects, rows of %d of %d tables, %d columns", len(looked.Objects), len(whole.Objects), len(looked.Rows), len(whole.Rows), len(looked.Columns))
	}
}

func showsNoValue(t *testing.T, _ *postgrestest.Server, conn *pgx.Conn) {
	found := taken(t, conn, spec())
	asJSON, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	for form, text := range map[string]string{"JSON": string(asJSON), "%v": fmt.Sprintf("%v", found), "%+v": fmt.Sprintf("%+v", found), "%#v": fmt.Sprintf("%#v", found)} {
		for _, value := range []string{"some 00", "@example.org", "name 1", "2001-0", "status 1"} {
			if strings.Contains(text, value) {
				t.Errorf("as %s it shows %q", form, value)
			}
		}
	}
	if c := found.Columns["public.customers.email"]; !c.Masked || c.Spread.String() == "0 bounds" {
		t.Errorf("the shape of a personal column is %+v", c)
	}
	if c := found.Columns["public.figures.piece"]; c.Masked || c.Spread.String() != "101 bounds" {
		t.Errorf("a plain column is %+v", c)
	}
}

func waitsBriefly(t *testing.T, server *postgrestest.Server, conn *pgx.Conn) {
	whole := taken(t, conn, spec())
	holder := postgrestest.Connected(t, server.AdminURL(conn.Config().Database))
	postgrestest.Runs(t, holder, `BEGIN; ALTER SEQUENCE counter RESTART; LOCK orders`)
	began := time.Now()
	found := taken(t, conn, spec())
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	gaps, p := compared(whole, found)
	if said := strings.Join(p.Measured, "\n"); len(gaps) > 0 || !strings.Contains(said, "not seen of staging shop: positions of sequences: another session held a lock for 500ms") {
		t.Errorf("gaps %q; it says\n%s", gaps, said)
	}
}

func plansOtherwise(t *testing.T, server *postgrestest.Server, conn *pgx.Conn) {
	postgrestest.Runs(t, conn, `CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()`)
	for range 3 {
		postgrestest.Answer(t, conn, `SELECT count(*)::text FROM orders WHERE customer = 7`)
		postgrestest.Answer(t, conn, `SELECT name FROM customers WHERE id = 9`)
	}
	whole, err := census.Take(t.Context(), conn, spec())
	if err != nil || len(whole.Busiest) < 2 {
		t.Fatalf("the busiest are %+v, %v", whole.Busiest, err)
	}
	if err := conn.Close(t.Context()); err != nil { // a template must have no other sessions
		t.Fatal(err)
	}
	postgrestest.Exec(t, server, "postgres", `CREATE DATABASE twin TEMPLATE `+conn.Config().Database)
	postgrestest.Exec(t, server, "twin", `DROP INDEX orders_customer`)
	twin := postgrestest.Connected(t, server.AdminURL("twin"))
	a, b := whole.Database, taken(t, twin, spec())
	a.Plans, b.Plans = plannedOn(t, postgrestest.Connected(t, server.AdminURL(conn.Config().Database)), whole), plannedOn(t, twin, whole)
	gaps, _ := compared(a, b)
	if len(gaps) != 2 || gaps[0] != "index public.orders_customer" || !strings.HasPrefix(gaps[1], "plan statement ") {
		t.Errorf("the gaps are %q", gaps)
	}
}

func plannedOn(t *testing.T, conn *pgx.Conn, of census.Taken) map[string]parity.Plan {
	t.Helper()
	planned, err := census.Plan(t.Context(), conn, of.Busiest)
	if err != nil || len(planned.Plans) != 2 || len(planned.Unseen) > 0 {
		t.Fatalf("planned is %+v, %v", planned, err)
	}
	return planned.Plans
}
