package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy/bench/figures"
	"understudy/internal/parity"
)

// bigTables makes tables with keys, indexes, constraints, a trigger and grants, and rows in
// them, a hundred in each transaction.
const bigTables = `
	DO $$ BEGIN FOR i IN %d..%d LOOP
		EXECUTE format('CREATE TABLE t_%%s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner text NOT NULL, state text NOT NULL DEFAULT ''new'', amount numeric(12,2) CHECK (amount >= 0),
			parent bigint, at timestamptz NOT NULL DEFAULT now(), note text, code text UNIQUE)', i);
		EXECUTE format('CREATE INDEX ON t_%%s (state, at)', i);
		EXECUTE format('CREATE INDEX ON t_%%s (parent) WHERE parent IS NOT NULL', i);
		EXECUTE format('INSERT INTO t_%%s (owner, state, amount, parent, note, code) SELECT md5(n::text), ''s'' || n %%%% 4, n, nullif(n %%%% 9, 0), repeat(''x'', n %%%% 50), n::text FROM generate_series(1, 500) n', i);
		EXECUTE format('ALTER TABLE t_%%s ADD CONSTRAINT self FOREIGN KEY (parent) REFERENCES t_%%s', i, i);
		EXECUTE format('CREATE TRIGGER noticed BEFORE UPDATE ON t_%%s FOR EACH ROW EXECUTE FUNCTION noticed()', i);
		EXECUTE format('GRANT SELECT ON t_%%s TO reader', i);
	END LOOP; END $$`

// pace measures passes over the big database and over a copy of it.
func (b *bench) pace(ctx context.Context) error {
	fmt.Fprintf(os.Stderr, "making %d tables\n", b.tables)
	if err := b.make(ctx, "big", "template1"); err != nil {
		return err
	}
	statements := []string{`CREATE ROLE reader`, `CREATE EXTENSION pg_stat_statements`, `CREATE FUNCTION noticed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`}
	for from := 1; from <= b.tables; from += 100 {
		statements = append(statements, fmt.Sprintf(bigTables, from, min(from+99, b.tables)))
	}
	if err := b.exec(ctx, "big", append(statements, "ANALYZE")...); err != nil {
		return err
	}
	if err := b.make(ctx, "big_twin", "big"); err != nil {
		return err
	}
	if err := b.exec(ctx, "big", `SELECT pg_stat_statements_reset()`); err != nil {
		return err
	}
	return b.passes(ctx)
}

// passes takes both sides in turn, beside a dump of both schemas and diff.
func (b *bench) passes(ctx context.Context) error {
	var ours, theirs, compares []float64
	accidental, whole, read := 0, 0, ""
	longest := 0.
	for range b.rounds {
		a, err := b.take(ctx, "big")
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(a.Unseen, func(u parity.Unseen) bool { return strings.Contains(u.Sentence, "did not answer") }) {
			whole++
		}
		if longest < a.Longest.Seconds() {
			longest, read = a.Longest.Seconds(), a.LongestRead
		}
		twin, err := b.take(ctx, "big_twin")
		if err != nil {
			return err
		}
		began := time.Now()
		accidental += len(accidentals(a.Database, twin.Database))
		compares = append(compares, time.Since(began).Seconds())
		ours = append(ours, a.Took.Seconds())
		dumped, _, err := b.dumped(ctx, "big", "big_twin")
		if err != nil {
			return err
		}
		theirs = append(theirs, dumped.Seconds()/2) // of one side, as ours
		fmt.Fprintf(os.Stderr, "  pass %.2f s (longest: %s), dump %.2f s\n", a.Took.Seconds(), a.LongestRead, dumped.Seconds()/2)
	}
	counted, err := b.longestCounted(ctx)
	if err != nil {
		return err
	}
	b.note(
		figures.Alone(fmt.Sprintf("one pass over %d tables, slowest of %d", b.tables, b.rounds), greatest(ours), "s", 5, 0),
		figures.Alone("passes in which no statement had to be cancelled", float64(whole), fmt.Sprintf("of %d", b.rounds), 0, float64(b.rounds)),
		figures.Against("one pass, median", figures.Median(ours), "s", "pg_dump -s of the same database", figures.Median(theirs), 0, 0),
		figures.Alone("longest statement on the source, as we saw it ("+read+")", longest, "s", 1, 0),
		figures.Alone("longest statement on the source, as the server counted", counted, "s", 1, 0),
		figures.Alone("holding both sides against each other", figures.Median(compares), "s", 0, 0),
		figures.Alone(fmt.Sprintf("accidental gaps of a fresh twin, in %d comparisons", b.rounds), float64(accidental), "gaps", 0, 0).Within(accidental == 0, "none"),
	)
	return nil
}

// longestCounted is the longest that a statement took in the big database, by the server.
func (b *bench) longestCounted(ctx context.Context) (seconds float64, err error) {
	err = b.within(ctx, "big", func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT max(max_exec_time) / 1000 FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = 'big')
			AND userid = 'postgres'::regrole AND query ~ 'pg_(class|proc|type|settings|namespace|roles|stats|sequences|database|constraint|index)' AND query !~* 'pg_dump|LOCK TABLE'
			AND query ~ $1`, `nspname !~|pg_settings|pg_stats|pg_sequences|has_column_privilege`).Scan(&seconds)
	})
	return seconds, err
}

// dumped dumps two schemas with pg_dump, and tells whether they differ.
func (b *bench) dumped(ctx context.Context, left, right string) (took time.Duration, differ bool, err error) {
	began := time.Now()
	var texts []string
	for _, database := range []string{left, right} {
		cmd := exec.CommandContext(ctx, b.server.Bin+"/pg_dump", "--schema-only", b.server.AdminURL(database))
		out, err := cmd.Output()
		if err != nil {
			return 0, false, fmt.Errorf("pg_dump of %s: %w", database, err)
		}
		texts = append(texts, withoutToken(string(out)))
	}
	return time.Since(began), texts[0] != texts[1], nil
}

func accidentals(a, b parity.Database) []string {
	p := parity.Compare(parity.Facts{Environment: "production", Databases: map[string]parity.Database{"shop": a}},
		parity.Facts{Environment: "staging", TwinOf: "production", Databases: map[string]parity.Database{"shop": b}}, time.Now())
	var out []string
	for _, g := range p.Gaps {
		if g.Because == "" {
			out = append(out, strings.TrimSpace(g.Kind+" "+strings.TrimSpace(strings.TrimPrefix(g.Name, "shop"))))
		}
	}
	return out
}
