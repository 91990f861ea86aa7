package logical_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
)

// bigTable is as large as one that several sessions read, and its rows stand in an order that
// no column has: some were changed, some deleted.
const bigTable = `CREATE TABLE long (id int, filler text);
	INSERT INTO long SELECT i, repeat('x', 1850) FROM generate_series(1, 18000) i;
	UPDATE long SET filler = repeat('y', 1700) WHERE id % 7 = 0; DELETE FROM long WHERE id % 11 = 0 AND id % 7 > 0;
	CREATE INDEX long_id ON long (id); ANALYZE long`

// inPlace is what a table holds, in the order in which it lies in its pages.
const inPlace = `SELECT count(*) || ' ' || md5(string_agg(id || left(filler, 1), ',' ORDER BY ctid)) FROM long`

func TestCopy_SeveralReadersOfATableKeepTheOrderOfItsRows(t *testing.T) {
	t.Parallel()
	spec, source, target := pair(t, bigTable)
	reached, release := halfWay(t, &spec)
	copying := started(t, spec)
	copying.until(t, reached)
	untilYes(t, source, twoReaders)
	release()
	got, err := copying.end()
	if err != nil {
		t.Fatal(err)
	}
	if got.Cost.Again != 0 {
		t.Errorf("the table was begun %d times again", got.Cost.Again)
	}
	const correlation = `SELECT attname || round(correlation::numeric, 2) FROM pg_stats WHERE schemaname = 'public' AND tablename = 'long' ORDER BY 1`
	for _, query := range []string{inPlace, correlation} {
		if diff := cmp.Diff(postgrestest.Answer(t, source, query), postgrestest.Answer(t, target, query)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}

// twoReaders asks whether two sessions read ranges of a table.
const twoReaders = `SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^COPY \(SELECT .*ctid >='`

func TestCopy_ACutReaderOfARangeBeginsTheTableAgain(t *testing.T) {
	t.Parallel()
	for side, sessions := range map[string]string{
		"source": `query ~ '^COPY \(SELECT .*ctid >=' ORDER BY backend_start DESC LIMIT 1`,
		"target": `query ~ '^COPY .* FROM STDIN' AND state = 'active'`,
	} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			spec, source, target := pair(t, bigTable)
			reached, release := halfWay(t, &spec)
			copying := started(t, spec)
			copying.until(t, reached)
			untilYes(t, source, twoReaders)
			conn := map[string]*pgx.Conn{"source": source, "target": target}[side]
			these := ` FROM (SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND ` + sessions + `) s`
			untilYes(t, conn, `SELECT count(*) = 1`+these) // rows may be masked before there is a place for them
			cut := postgrestest.Answer(t, conn, `SELECT count(pg_terminate_backend(pid, 60000))::text`+these)
			release()
			if cut != "1" {
				t.Errorf("%s sessions were cut; expected 1", cut)
			}
			got, err := copying.end()
			if err != nil {
				t.Fatal(err)
			}
			if got.Cost.Again != 1 {
				t.Errorf("the copy began %d tables again", got.Cost.Again)
			}
			if diff := cmp.Diff(postgrestest.Answer(t, source, inPlace), postgrestest.Answer(t, target, inPlace)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCopy_SeveralReadersTogetherReadNoFasterThanAgreed(t *testing.T) {
	t.Parallel()
	spec, _, _ := pair(t, bigTable)
	end := working(t, spec.Source, 1)
	spec.Gentle.Rate = 16 << 20
	got, err := logical.Copy(t.Context(), spec)
	end()
	if err != nil {
		t.Fatal(err)
	}
	// 31 MB at 16 MB/s, by two readers that share the rate
	if got.Cost.Bytes < 30_000_000 || got.Cost.Held < 1500*time.Millisecond {
		t.Errorf("%d bytes were read faster than agreed: %+v", got.Cost.Bytes, got.Cost)
	}
}
