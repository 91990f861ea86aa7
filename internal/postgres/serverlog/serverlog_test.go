package serverlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"understudy/internal/postgres/serverlog"
)

const sample = `2026-11-28 12:00:00.100 UTC [41] 00000 shop@orders/web shop LOG:  process 41 still waiting for AccessShareLock on relation 16400 of database 16384 after 10.250 ms at character 15
2026-11-28 12:00:00.100 UTC [41] 00000 shop@orders/web shop DETAIL:  Processes holding the lock: 7, 8. Wait queue: 40, 41.
2026-11-28 12:00:00.200 UTC [42] 00000 shop@orders/web LOG:  process 42 still waiting for ShareLock on transaction 900 after 11.000 ms
2026-11-28 12:00:00.200 UTC [42] 00000 shop@orders/web DETAIL:  Process holding the lock: 7. Wait queue: 42.
2026-11-28 12:00:00.200 UTC [42] 00000 shop@orders/web CONTEXT:  while updating tuple (0,3) in relation "order lines"
2026-11-28 12:00:00.300 UTC [9] 00000 LOG:  checkpoint starting: time
2026-11-28 12:00:00.350 UTC [43] 00000 a@b@orders/ LOG:  process 43 acquired ExclusiveLock on tuple (0,1) of relation 16400 of database 16384 after 1234.567 ms
2026-11-28 12:00:00.400 UTC [41] P0001 shop@orders/web shop ERROR:  first line 7
	second "line"
2026-11-28 12:00:00.400 UTC [41] P0001 shop@orders/web shop CONTEXT:  PL/pgSQL function f() line 1 at RAISE
a line of something else
2026-11-28 12:00:00.500 UTC [44] 00000 shop@orders/web LOG:  process 44 detected deadlock while waiting for ShareLock on transaction 901 after 12.000 ms
`

func entries(t *testing.T, text string, pieces int) []serverlog.Entry {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	r, err := serverlog.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []serverlog.Entry
	take := func(e serverlog.Entry) { all = append(all, e) }
	for at := 0; at < len(text); at += pieces {
		appended(t, path, text[at:min(at+pieces, len(text))])
		if err := r.Read(false, take); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Read(true, take); err != nil {
		t.Fatal(err)
	}
	return all
}

func appended(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestRead_TheSameHoweverTheFileGrows(t *testing.T) {
	whole := entries(t, sample, len(sample))
	if len(whole) != 6 {
		t.Fatalf("%d messages: %+v", len(whole), whole)
	}
	for _, piece := range []int{1, 7, 100} {
		if got := entries(t, sample, piece); !slices.Equal(got, whole) {
			t.Errorf("in pieces of %d: %+v", piece, got)
		}
	}
	if e := whole[4]; e.Code != "P0001" || e.Role != "shop" || e.Program != "web shop" || e.Database != "orders" || e.Message != "first line 7\nsecond \"line\"" || e.Said() != "first line ?" || !e.IsError() {
		t.Errorf("%+v", e)
	}
	if at := time.Date(2026, 11, 28, 12, 0, 0, 100e6, time.UTC); !whole[0].At.Equal(at) {
		t.Errorf("at %v", whole[0].At)
	}
}

func TestWait_SaysWhoWaitsForWhatAndWhoIsInTheWay(t *testing.T) {
	all := entries(t, sample, len(sample))
	for i, want := range map[int]serverlog.Wait{
		0: {PID: 41, Mode: "AccessShareLock", For: 10250 * time.Microsecond, Holders: []int32{7, 8}, Queue: []int32{40, 41},
			What: serverlog.Waited{Relation: 16400, Database: 16384, Text: "relation 16400 of database 16384"}},
		1: {PID: 42, Mode: "ShareLock", For: 11 * time.Millisecond, Holders: []int32{7}, Queue: []int32{42}, Table: "order lines",
			What: serverlog.Waited{Row: true, Transaction: 900, Text: "transaction 900"}},
		3: {PID: 43, Mode: "ExclusiveLock", For: 1234567 * time.Microsecond, Over: true,
			What: serverlog.Waited{Relation: 16400, Database: 16384, Row: true, Text: "tuple (0,1) of relation 16400 of database 16384"}},
		5: {PID: 44, Mode: "ShareLock", For: 12 * time.Millisecond, Deadlock: true, What: serverlog.Waited{Row: true, Transaction: 901, Text: "transaction 901"}},
	} {
		if got, is := all[i].Wait(); !is || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%d:\n got %+v\nwant %+v", i, got, want)
		}
	}
	if _, is := all[2].Wait(); is {
		t.Error("a checkpoint is a wait")
	}
}

func TestRead_GoesOnInTheFileThatHasTheNameNow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	lines := strings.SplitAfter(sample, "\n")
	appended(t, path, "2026-11-28 11:00:00.000 UTC [1] 00000 LOG:  before\n")
	r, err := serverlog.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []int32
	take := func(e serverlog.Entry) { got = append(got, e.PID) }
	read := func() {
		t.Helper()
		if err := r.Read(false, take); err != nil {
			t.Fatal(err)
		}
	}
	appended(t, path, lines[5])
	read()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	appended(t, path+".1", lines[6]) // the server has it open still
	read()
	appended(t, path, lines[11])
	read()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	appended(t, path, lines[5])
	if err := r.Read(true, take); err != nil {
		t.Fatal(err)
	}
	if want := []int32{9, 43, 44, 9}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
