package wal_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"understudy/internal/postgres/postgrestest"
	"understudy/internal/postgres/replication"
	"understudy/internal/postgres/wal"
)

// written is a server's log of one of everything, as it was streamed, with where it begins.
type written struct {
	server   *postgrestest.Server
	dir      string
	format   wal.Format
	from, to replication.LSN
	pieces   []replication.Data
}

const everything = `
	CREATE TABLE t (i int PRIMARY KEY, x text);
	INSERT INTO t SELECT g, repeat('x', g % 900) FROM generate_series(1, 3000) g;
	UPDATE t SET x = 'y' WHERE i % 7 = 0; DELETE FROM t WHERE i % 11 = 0;
	ALTER TABLE t ADD COLUMN u uuid DEFAULT gen_random_uuid();
	CREATE INDEX ON t USING gin (to_tsvector('simple', x)); CREATE INDEX ON t USING hash (x); CREATE INDEX ON t USING brin (i); CREATE INDEX ON t USING gist (point(i, i));
	BEGIN; SAVEPOINT a; LOCK TABLE t; ROLLBACK TO a; ALTER TABLE t ALTER i TYPE bigint; ROLLBACK;
	BEGIN; SAVEPOINT a; INSERT INTO t VALUES (100001); RELEASE a; SET LOCAL synchronous_commit = remote_apply; COMMIT;
	BEGIN; INSERT INTO t VALUES (100002); LOCK TABLE t; PREPARE TRANSACTION 'two'; COMMIT PREPARED 'two';
	CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t; REFRESH MATERIALIZED VIEW m;
	TRUNCATE t; VACUUM t; SELECT pg_switch_wal(); COPY t (i) FROM PROGRAM 'seq 1 2000'; CHECKPOINT;
	UPDATE t SET x = 'z'; VACUUM FULL t; DROP TABLE t CASCADE; SELECT pg_logical_emit_message(true, 'x', repeat('long', 50000))`

func write(t *testing.T) written {
	t.Helper()
	spec := postgrestest.Spec(postgrestest.Folder(t), 0)
	spec.Settings["max_prepared_transactions"], spec.Settings["full_page_writes"], spec.Settings["wal_keep_size"] = "5", "on", "1GB"
	w := written{server: postgrestest.Started(t, spec), dir: spec.Dir}
	conn := postgrestest.Connected(t, w.server.AdminURL("postgres"))
	err := conn.QueryRow(t.Context(), `SELECT current_setting('server_version_num')::int / 10000, (SELECT setting::int FROM pg_settings WHERE name = 'wal_block_size'),
		(SELECT setting::int FROM pg_settings WHERE name = 'wal_segment_size')`).Scan(&w.format.Major, &w.format.Page, &w.format.Segment)
	if err != nil {
		t.Fatal(err)
	}
	place := func() replication.LSN {
		at, err := replication.ParseLSN(postgrestest.Answer(t, conn, "SELECT pg_current_wal_insert_lsn()::text"))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	w.from = place()
	for statement := range strings.SplitSeq(everything, ";") {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	w.to = place()
	return w
}

// stream lets the server stream the log from a place of the reader's choice.
func (w *written) stream(t *testing.T, r *wal.Reader, each func(*wal.Record) error) {
	t.Helper()
	client, err := replication.Dial(t.Context(), w.server.AdminURL("postgres"), "reading", replication.Physical)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.Background())
	if err := client.StartPhysical(t.Context(), "", replication.LSN(r.Begin()), 0); err != nil {
		t.Fatal(err)
	}
	for replication.LSN(r.Begin()) < w.to {
		message, err := client.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if data, is := message.(replication.Data); is {
			if err := r.Read(uint64(data.At), data.Payload, each); err != nil {
				t.Fatal(err)
			}
			w.pieces = append(w.pieces, replication.Data{At: data.At, Payload: slices.Clone(data.Payload)})
		}
	}
}

// line is what is compared of a record.
func line(r *wal.Record) string {
	text := fmt.Sprintf("%s tx %d", replication.LSN(r.Start), r.Transaction)
	for _, b := range r.Blocks {
		text += fmt.Sprintf(" %d/%d/%d", b.File.Tablespace, b.File.Database, b.File.Number)
	}
	for _, l := range r.Locks() {
		text += fmt.Sprintf(" lock xid %d db %d rel %d", l.Transaction, l.Database, l.Relation)
	}
	return text
}

var (
	dumped   = regexp.MustCompile(`^rmgr: (\S+) .* tx: +(\d+), lsn: (\S+), .*?desc: (.*)$`)
	blockRef = regexp.MustCompile(`blkref #\d+: rel (\d+/\d+/\d+)`)
	lockText = regexp.MustCompile(`xid \d+ db \d+ rel \d+`)
)

// dump is the same in the words of the server's own program.
func (w *written) dump(t *testing.T) []string {
	t.Helper()
	program := filepath.Join(postgrestest.Bin(t), "pg_waldump")
	out, err := exec.Command(program, "--path", filepath.Join(w.dir, "pg_wal"), "--start", w.from.String(), "--end", w.to.String()).Output()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	var lines []string
	for text := range strings.Lines(string(out)) {
		found := dumped.FindStringSubmatch(strings.TrimSpace(text))
		if found == nil {
			continue
		}
		at, err := replication.ParseLSN(found[3])
		if err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprintf("%s tx %s", at, found[2])
		for _, block := range blockRef.FindAllStringSubmatch(found[4], -1) {
			said += " " + block[1]
		}
		if found[1] == "Standby" && strings.HasPrefix(found[4], "LOCK") {
			for _, lock := range lockText.FindAllString(found[4], -1) {
				said += " lock " + lock
			}
		}
		lines = append(lines, said)
	}
	return lines
}

func TestRead_AgreesWithTheServersOwnProgramOnEveryRecord(t *testing.T) {
	w := write(t)
	var got []string
	w.stream(t, wal.NewReader(w.format, uint64(w.from)), func(r *wal.Record) error {
		if replication.LSN(r.Start) < w.to {
			got = append(got, line(r))
		}
		return nil
	})
	if len(got) < 1000 {
		t.Errorf("%d records", len(got))
	}
	if _, err := os.Stat(filepath.Join(postgrestest.Bin(t), "pg_waldump")); err != nil {
		return // some packages of the server come without it; where there is one, it is right
	}
	want := w.dump(t)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("of %d records here and %d there, number %d differs:\n%s\n%s", len(got), len(want), i, got[min(i, len(got)-1)], want[min(i, len(want)-1)])
		}
	}
}

func TestRead_TheSameInPiecesOfAnyLengthFromAnyPlace(t *testing.T) {
	w := write(t)
	var whole []string
	var starts []uint64
	w.stream(t, wal.NewReader(w.format, uint64(w.from)), func(r *wal.Record) error {
		whole, starts = append(whole, line(r)), append(starts, r.Start)
		return nil
	})
	var log []byte
	for _, p := range w.pieces {
		log = append(log, p.Payload...)
	}
	begin := uint64(w.pieces[0].At)
	for _, length := range []int{1, 13, 8192, 100_000} {
		for _, first := range []int{0, 1, len(starts) / 3, len(starts) - 2} {
			r := wal.NewReader(w.format, starts[first])
			var got []string
			for at := r.Begin(); at < begin+uint64(len(log)); at = r.Begin() {
				if at < begin {
					t.Fatalf("it wants %d, before %d", at, begin)
				}
				piece := log[at-begin:]
				if err := r.Read(at, piece[:min(length, len(piece))], func(r *wal.Record) error { got = append(got, line(r)); return nil }); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(got, whole[first:]) {
				t.Errorf("in pieces of %d from record %d: %d records, %d expected", length, first, len(got), len(whole)-first)
			}
		}
	}
}

func TestRecord_TellsHowTransactionsEndAndWhatTheyWrote(t *testing.T) {
	w := write(t)
	var rows wal.Rows
	var applied, prepared, aborted, copies, truncated int
	created := map[uint32]bool{}
	locks := map[uint32]int{}
	var two uint32
	w.stream(t, wal.NewReader(w.format, uint64(w.from)), func(r *wal.Record) error {
		_, more := r.Rows()
		rows.Add(more)
		for _, l := range r.Locks() {
			locks[l.Relation]++
		}
		if file, is := r.Created(); is {
			created[file.Number] = true
		}
		if _, is := r.Truncated(); is {
			truncated++
		}
		if file, of, is := r.Transient(); is && created[file] && of != file {
			copies++
		}
		end, ended := r.Outcome()
		switch {
		case !ended:
		case end.Prepared:
			prepared++
			two = end.Transaction
		case end.Committed && end.Applied:
			applied++
			if len(end.Subtransactions) != 1 {
				t.Errorf("%+v", end)
			}
		case end.Committed && end.Transaction == two && two != 0:
			prepared++
		case !end.Committed:
			aborted++
		}
		return nil
	})
	if applied != 1 || prepared != 2 || aborted < 2 || copies < 4 || copies > 5 || len(created) < 8 || len(locks) < 3 {
		t.Errorf("applied %d, prepared %d, aborted %d, copies %d, created %d, truncated %d, locked %d", applied, prepared, aborted, copies, len(created), truncated, len(locks))
	}
	if rows.Inserted < 3000+2000 || rows.Updated < 428+2000 || rows.Deleted < 272 {
		t.Errorf("%+v", rows)
	}
}

func TestRead_RefusesWhatIsNoLog(t *testing.T) {
	r := wal.NewReader(wal.Format{Major: 15, Page: 8192, Segment: 16 << 20}, 8192)
	if err := r.Read(0, []byte{1}, nil); err == nil {
		t.Error("a piece from elsewhere passes")
	}
	if err := r.Read(8192, make([]byte, 8192), func(*wal.Record) error { return nil }); err == nil {
		t.Error("an empty page passes")
	}
}
