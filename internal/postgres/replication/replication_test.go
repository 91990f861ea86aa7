package replication_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/postgrestest"
	"understudy/internal/postgres/replication"
)

// production is a server that decodes its log, with an empty database.
func production(t *testing.T) (c *postgrestest.Server, url string, conn *pgx.Conn) {
	t.Helper()
	spec := postgrestest.Spec(postgrestest.Folder(t), 0)
	spec.Settings["wal_level"] = "logical"
	c = postgrestest.Started(t, spec)
	if _, err := c.EnsureDatabase(t.Context(), "shop", "", nil); err != nil {
		t.Fatal(err)
	}
	return c, c.AdminURL("shop"), postgrestest.Connected(t, c.AdminURL("shop"))
}

func dialled(t *testing.T, url, name string, mode replication.Mode) *replication.Conn {
	t.Helper()
	conn, err := replication.Dial(t.Context(), url, name, mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// received are the changes of one transaction after another until one is committed
// behind a place, as text.
func received(t *testing.T, conn *replication.Conn, until replication.LSN) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var all []string
	for {
		message, err := conn.Receive(ctx)
		if err != nil {
			t.Fatalf("%v, after %q", err, all)
		}
		data, isData := message.(replication.Data)
		if !isData {
			continue
		}
		change, err := replication.Decode(data.Payload)
		if err != nil {
			t.Fatal(err)
		}
		for short := range data.Payload { // whatever is cut off is found out
			if _, err := replication.Decode(data.Payload[:short]); err == nil && data.Payload[0] != 'M' {
				t.Errorf("%d bytes of a message of kind %q and %d bytes pass", short, data.Payload[0], len(data.Payload))
			}
		}
		all = append(all, told(change))
		if commit, ends := change.(replication.Commit); ends && commit.End >= until {
			return all
		}
	}
}

func told(change replication.Change) string {
	switch c := change.(type) {
	case replication.Begin:
		return "begin"
	case replication.Commit:
		return "commit"
	case replication.Relation:
		text := fmt.Sprintf("relation %s.%s %c", c.Schema, c.Name, c.Identity)
		for _, column := range c.Columns {
			text += " " + column.Name
			if column.Key {
				text += "*"
			}
		}
		return text
	case replication.Type:
		return "type " + c.Schema + "." + c.Name
	case replication.Insert:
		return "insert " + row(c.New)
	case replication.Update:
		return "update " + row(c.Old) + " to " + row(c.New)
	case replication.Delete:
		return "delete " + row(c.Old)
	case replication.Truncate:
		return fmt.Sprintf("truncate %d %v %v", len(c.Relations), c.Cascade, c.RestartIdentity)
	}
	return fmt.Sprintf("%T", change)
}

func row(values []replication.Value) string {
	var out []string
	for _, v := range values {
		switch v.Kind {
		case replication.ValueText:
			if len(v.Text) > 30 {
				v.Text = fmt.Appendf(nil, "%d bytes", len(v.Text))
			}
			out = append(out, string(v.Text))
		default:
			out = append(out, string("\\"+string(rune(v.Kind))))
		}
	}
	return "(" + strings.Join(out, ",") + ")"
}

func place(t *testing.T, conn *pgx.Conn) replication.LSN {
	t.Helper()
	at, err := replication.ParseLSN(postgrestest.Answer(t, conn, "SELECT pg_current_wal_lsn()::text"))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestStream_TellsEveryKindOfChange(t *testing.T) {
	t.Parallel()
	_, url, conn := production(t)
	postgrestest.Runs(t, conn, `CREATE TYPE mood AS ENUM ('sad', 'fine');
		CREATE TABLE people (id int PRIMARY KEY, name text, feels mood, upper text GENERATED ALWAYS AS (upper(name)) STORED, long text);
		ALTER TABLE people ALTER long SET STORAGE EXTERNAL;
		CREATE TABLE log (at timestamptz, what text); ALTER TABLE log REPLICA IDENTITY FULL;
		CREATE PUBLICATION "our ""shop's" FOR ALL TABLES`)
	client := dialled(t, url, "understudy test", replication.Logical)
	system, err := client.Identify(t.Context())
	if err != nil || system.Database != "shop" || system.Timeline != 1 || system.At == 0 || system.ID == "" {
		t.Errorf("the server is %+v, %v", system, err)
	}
	slot, err := client.CreateSlot(t.Context(), replication.SlotSpec{Name: "understudy_test", Mode: replication.Logical, Temporary: true, Export: true})
	if err != nil {
		t.Fatal(err)
	}
	postgrestest.Runs(t, conn, `INSERT INTO people VALUES (1, 'Ann', 'sad', DEFAULT, repeat('x', 9000)), (2, '', NULL, DEFAULT, '')`)
	moment, err := postgres.JoinMoment(t.Context(), url, "understudy test", slot.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	defer moment.Close(t.Context())
	postgrestest.Runs(t, conn, `UPDATE people SET name = 'Bea' WHERE id = 1`)
	postgrestest.Runs(t, conn, `UPDATE people SET id = 3 WHERE id = 1; DELETE FROM people WHERE id = 2`)
	postgrestest.Runs(t, conn, `INSERT INTO log VALUES ('2026-01-02 03:04:05+06', 'in')`)
	postgrestest.Runs(t, conn, `UPDATE log SET what = NULL`)
	postgrestest.Runs(t, conn, `DELETE FROM log`)
	postgrestest.Runs(t, conn, `ALTER TABLE log ADD COLUMN more int`)
	postgrestest.Runs(t, conn, `INSERT INTO log DEFAULT VALUES`)
	last := place(t, conn) + 1 // only the transaction that comes now ends there or behind it
	postgrestest.Runs(t, conn, `TRUNCATE people, log RESTART IDENTITY`)

	var rows int
	if err := client.StartLogical(t.Context(), slot.Name, slot.At, `our "shop's`); err != nil {
		t.Fatal(err)
	}
	if err := moment.Tx.QueryRow(t.Context(), "SELECT count(*) FROM public.people").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("the slot's view holds %d rows, %v; expected none", rows, err)
	}
	got := slices.DeleteFunc(received(t, client, last), func(s string) bool { return s == "begin" || s == "commit" })
	want := []string{
		"type public.mood", "relation public.people d id* name feels long", "insert (1,Ann,sad,9000 bytes)", "insert (2,,\\n,)",
		"update () to (1,Bea,sad,\\u)", "update (1,\\n,\\n,\\n) to (3,Bea,sad,\\u)", "delete (2,\\n,\\n,\\n)",
		"relation public.log f at* what*", "insert (2026-01-01 21:04:05+00,in)", "update (2026-01-01 21:04:05+00,in) to (2026-01-01 21:04:05+00,\\n)",
		"delete (2026-01-01 21:04:05+00,\\n)", "relation public.log f at* what* more*", "insert (\\n,\\n,\\n)",
		"type public.mood", "relation public.people d id* name feels long", "relation public.log f at* what* more*", "truncate 2 false true",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the stream was\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestStream_WaitsAndGoesOn(t *testing.T) {
	t.Parallel()
	_, url, conn := production(t)
	postgrestest.Runs(t, conn, `CREATE TABLE t (i int PRIMARY KEY); CREATE PUBLICATION p FOR ALL TABLES`)
	client := dialled(t, url, "understudy test", replication.Logical)
	slot, err := client.CreateSlot(t.Context(), replication.SlotSpec{Name: "s", Mode: replication.Logical, Temporary: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.StartLogical(t.Context(), "s", 0, "p"); err != nil {
		t.Fatal(err)
	}
	for {
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := client.Receive(short)
		cancel()
		if err != nil {
			if !replication.IsWaiting(err) {
				t.Fatal(err)
			}
			break
		}
	}
	postgrestest.Runs(t, conn, `INSERT INTO t VALUES (1)`)
	if got := received(t, client, slot.At); strings.Join(got, " ") != "begin relation public.t d i* insert (1) commit" {
		t.Errorf("after waiting came %q", got)
	}
	interrupted(t, client)
	if err := client.SendStatus(replication.Status{Reply: true}); err != nil {
		t.Fatal(err)
	}
	for {
		message, err := client.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if k, is := message.(replication.Keepalive); is && k.ServerEnd >= slot.At {
			return
		}
	}
}

// interrupted waits for more than comes, until somebody else ends that.
func interrupted(t *testing.T, client *replication.Conn) {
	t.Helper()
	waited := make(chan error, 1)
	go func() {
		for {
			if _, err := client.ReceiveBy(time.Now().Add(time.Hour)); err != nil {
				waited <- err
				return
			}
		}
	}()
	postgrestest.Until(t, "the waiting ends", func() bool {
		client.Interrupt()
		select {
		case err := <-waited:
			if !replication.IsWaiting(err) || client.More() {
				t.Errorf("it ended with %v; more has come: %t", err, client.More())
			}
			return true
		default:
			return false
		}
	})
}

// A commit on a server with a synchronous standby is over when the client says that it
// has the log on disk, and not before.
func TestPhysical_ClientCountsAsSynchronousStandby(t *testing.T) {
	t.Parallel()
	_, url, conn := production(t)
	client := dialled(t, url, "understudy_standby", replication.Physical)
	slot, err := client.CreateSlot(t.Context(), replication.SlotSpec{Name: "understudy_wal", Mode: replication.Physical, Reserve: true})
	if err != nil {
		t.Fatal(err)
	}
	system, err := client.Identify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := client.StartPhysical(t.Context(), slot.Name, system.At, system.Timeline); err != nil {
		t.Fatal(err)
	}
	if err := client.SendStatus(replication.Status{Written: system.At, Flushed: system.At, Applied: system.At}); err != nil { // who never said anything is nobody's standby
		t.Fatal(err)
	}
	postgrestest.Runs(t, conn, `CREATE TABLE t (i int)`)
	postgrestest.Runs(t, conn, `ALTER SYSTEM SET synchronous_standby_names = 'understudy_standby'`)
	postgrestest.Runs(t, conn, `SELECT pg_reload_conf()`)
	postgrestest.Until(t, "the setting holds", func() bool {
		return postgrestest.Answer(t, conn, `SELECT sync_state FROM pg_stat_replication WHERE application_name = 'understudy_standby'`) == "sync"
	})
	done := make(chan error, 1)
	writer := postgrestest.Connected(t, url)
	commits := func() {
		_, err := writer.Exec(context.Background(), `SET synchronous_commit = on; INSERT INTO t VALUES (1)`)
		done <- err
	}
	go commits()
	postgrestest.Until(t, "a commit waits for the standby", func() bool {
		select {
		case err := <-done: // the checkpointer, which lets commits wait, has not read the setting yet
			if err != nil {
				t.Fatal(err)
			}
			go commits()
		default:
		}
		return postgrestest.Answer(t, conn, fmt.Sprintf(`SELECT wait_event FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND pid = %d`, writer.PgConn().PID())) == "SyncRep"
	})
	var end replication.LSN
	for flushed := place(t, conn); end < flushed; {
		message, err := client.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if data, is := message.(replication.Data); is {
			end = data.At + replication.LSN(len(data.Payload))
		}
	}
	select {
	case err := <-done:
		t.Fatalf("the commit did not wait for the standby: %v", err)
	default:
	}
	if err := client.SendStatus(replication.Status{Written: end, Flushed: end, Applied: end}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestSlot_StaysUntilItIsDropped(t *testing.T) {
	t.Parallel()
	_, url, conn := production(t)
	first := dialled(t, url, "understudy test", replication.Logical)
	if _, err := first.CreateSlot(t.Context(), replication.SlotSpec{Name: "understudy_x", Mode: replication.Logical}); err != nil {
		t.Fatal(err)
	}
	first.Close(t.Context())
	second := dialled(t, url, "understudy test", replication.Logical)
	_, err := second.CreateSlot(t.Context(), replication.SlotSpec{Name: "understudy_x", Mode: replication.Logical})
	postgrestest.Refused(t, err, understudy.KindConflict, "already exists")
	if err := second.DropSlot(t.Context(), "understudy_x"); err != nil {
		t.Fatal(err)
	}
	if left := postgrestest.Answer(t, conn, `SELECT slot_name::text FROM pg_replication_slots`); left != "" {
		t.Errorf("slot %s is left", left)
	}
	postgrestest.Refused(t, second.DropSlot(t.Context(), "x; DROP DATABASE y"), understudy.KindInvalid, "cannot name")
}

func TestLSN_ReadsWhatItWrites(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"} {
		at, err := replication.ParseLSN(text)
		if err != nil || at.String() != text {
			t.Errorf("%s is read as %s, %v", text, at, err)
		}
	}
	for _, text := range []string{"", "1", "G/0", "1/2/3", "100000000/0"} {
		if _, err := replication.ParseLSN(text); err == nil {
			t.Errorf("%q passes", text)
		}
	}
	if replication.LSN(5).Since(7) != 0 || replication.LSN(7).Since(5) != 2 {
		t.Error("a distance is not right")
	}
}
