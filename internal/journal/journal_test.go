package journal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"understudy"
)

// childFolder tells a copy of this test binary to append to a folder until it is killed.
const childFolder = "JOURNAL_TEST_APPEND_TO"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		fmt.Fprintln(os.Stderr, appendForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// appendForever says the sequence of each entry once it is acknowledged.
func appendForever(dir string) error {
	j, err := Open(dir)
	for err == nil {
		var e understudy.Entry
		if e, err = j.Append(context.Background(), entry(strings.Repeat("x", 300))); err == nil {
			_, err = fmt.Println(e.Sequence)
		}
	}
	return err
}

func TestAppend_ChainsEntriesThatReadReturns(t *testing.T) {
	j := openJournal(t, t.TempDir())
	var written []understudy.Entry
	for i := range 5 {
		written = append(written, add(t, j, fmt.Sprintf("release %d <é\u2028>", i)))
	}
	for from := int64(0); from <= 6; from++ {
		read := readFrom(t, j, from)
		want := written[max(from-1, 0):]
		if len(read) != len(want) {
			t.Fatalf("from %d: %d entries, expected %d", from, len(read), len(want))
		}
		for i := range read {
			if read[i].Hash != want[i].Hash || read[i].Subject != want[i].Subject || !read[i].At.Equal(want[i].At) {
				t.Fatalf("read %+v, expected %+v", read[i], want[i])
			}
		}
	}
	verified, err := j.Verify(t.Context(), Extent{})
	if err != nil || verified != (Verified{Entries: 5, First: 1, Head: written[4].Hash}) {
		t.Fatalf("found %+v, %v", verified, err)
	}
}

func TestAppend_FromManySidesLosesNoEntry(t *testing.T) {
	j := openJournal(t, t.TempDir())
	j.limit = 2000
	var sides sync.WaitGroup
	for side := range 4 {
		sides.Go(func() {
			for i := range 10 {
				if _, err := j.Append(t.Context(), entry(fmt.Sprintf("%d-%d", side, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if _, err := j.Verify(t.Context(), Extent{}); err != nil {
		t.Errorf("verified while it grows: %v", err)
	}
	sides.Wait()
	subjects := map[string]bool{}
	for _, e := range readFrom(t, j, 1) {
		subjects[e.Subject] = true
	}
	if len(subjects) != 40 {
		t.Fatalf("%d entries, expected 40", len(subjects))
	}
}

func TestAppend_NeverGoesBackInTimeWhenTheClockDoes(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.FixedZone("east", 7200))
	j.now = func() time.Time { return now }
	first := add(t, j, "before")
	now = now.Add(-24 * time.Hour)
	if second := add(t, j, "after"); !second.At.Equal(first.At) {
		t.Fatalf("the second entry is of %s, the first of %s", second.At, first.At)
	}
	closeJournal(t, j)
	j = openJournal(t, dir)
	j.now = func() time.Time { return now }
	if third := add(t, j, "opened again"); !third.At.Equal(first.At) {
		t.Fatalf("the third entry is of %s, the first of %s", third.At, first.At)
	}
}

func TestAppend_RefusesBulkAndAnEndedContextBeforeWriting(t *testing.T) {
	j := openJournal(t, t.TempDir())
	if _, err := j.Append(t.Context(), entry(strings.Repeat("x", entryLimit))); understudy.KindOf(err) != understudy.KindInvalid {
		t.Fatalf("found %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Append(ended, entry("late")); !errors.Is(err, context.Canceled) {
		t.Fatalf("found %v", err)
	}
	if e := add(t, j, "the first"); e.Sequence != 1 {
		t.Fatalf("it has sequence %d", e.Sequence)
	}
}

func TestOpen_LetsOneProcessAppend(t *testing.T) {
	dir := t.TempDir()
	first := openJournal(t, dir)
	if _, err := Open(dir); understudy.KindOf(err) != understudy.KindConflict {
		t.Fatalf("found %v", err)
	}
	closeJournal(t, first)
	closeJournal(t, first)
	if _, err := first.Append(t.Context(), entry("late")); understudy.KindOf(err) != understudy.KindUnavailable {
		t.Fatalf("found %v", err)
	}
	openJournal(t, dir)
}

func TestOpen_GoesOnOverSegments(t *testing.T) {
	dir := t.TempDir()
	for range 4 {
		j := openJournal(t, dir)
		j.limit = 600
		for range 5 {
			add(t, j, "again")
		}
		closeJournal(t, j)
	}
	segments, err := segmentsIn(dir)
	if err != nil || len(segments) < 4 {
		t.Fatalf("found %v, %v", segments, err)
	}
	j := openJournal(t, dir)
	for from := int64(1); from <= 20; from++ {
		if read := readFrom(t, j, from); int64(len(read)) != 21-from || read[0].Sequence != from {
			t.Fatalf("from %d: %d entries, the first is %d", from, len(read), read[0].Sequence)
		}
	}
	if verified, err := VerifyDir(t.Context(), dir, Extent{}); err != nil || verified.Entries != 20 {
		t.Fatalf("found %+v, %v", verified, err)
	}
}

func TestOpen_TakesUpASegmentThatACrashLeftEmpty(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	add(t, j, "one")
	closeJournal(t, j)
	if err := os.WriteFile(segmentOf(dir, 2).path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, dir)
	if e := add(t, j, "two"); e.Sequence != 2 {
		t.Fatalf("it has sequence %d", e.Sequence)
	}
	if _, err := VerifyDir(t.Context(), dir, Extent{}); err != nil {
		t.Fatal(err)
	}
}

// The last line is cut at every byte, with the head where it was before the line was
// written: that is what a crash leaves.
func TestOpen_SetsAsideALineTornAtAnyByte(t *testing.T) {
	source := t.TempDir()
	j := openJournal(t, source)
	add(t, j, "acknowledged")
	before := readFile(t, segmentOf(source, 1).path)
	head := readFile(t, headPath(source))
	add(t, j, "torn")
	after := readFile(t, segmentOf(source, 1).path)
	closeJournal(t, j)
	for size := len(before); size <= len(after); size++ {
		dir := t.TempDir()
		writeFile(t, segmentOf(dir, 1).path, after[:size])
		writeFile(t, headPath(dir), head)
		if verified, err := VerifyDir(t.Context(), dir, Extent{}); err != nil || size < len(after) && verified.Torn != int64(size-len(before)) {
			t.Fatalf("cut at byte %d: verified %+v, %v", size, verified, err)
		}
		j := openJournal(t, dir)
		torn := size > len(before) && size < len(after)
		if torn != (j.Torn() != "") {
			t.Fatalf("cut at byte %d: set aside %q", size, j.Torn())
		}
		if torn && !bytes.Equal(readFile(t, j.Torn()), after[len(before):size]) {
			t.Fatalf("cut at byte %d: set aside %q", size, readFile(t, j.Torn()))
		}
		add(t, j, "goes on")
		if _, err := j.Verify(t.Context(), Extent{}); err != nil {
			t.Fatalf("cut at byte %d: %v", size, err)
		}
		closeJournal(t, j)
	}
}

func TestOpen_SetsAsideALineOfZeros(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	add(t, j, "acknowledged")
	closeJournal(t, j)
	path := segmentOf(dir, 1).path
	writeFile(t, path, append(readFile(t, path), "\x00\x00\x00\x00\n"...))
	j = openJournal(t, dir)
	if j.Torn() == "" {
		t.Fatal("nothing was set aside")
	}
	if e := add(t, j, "goes on"); e.Sequence != 2 {
		t.Fatalf("it has sequence %d", e.Sequence)
	}
}

func TestOpen_RefusesWhenAnAcknowledgedEntryIsGone(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	add(t, j, "one")
	one := readFile(t, segmentOf(dir, 1).path)
	add(t, j, "two")
	closeJournal(t, j)
	two := readFile(t, segmentOf(dir, 1).path)
	for name, content := range map[string][]byte{"line taken off": one, "line cut short": two[:len(two)-1], "line cut in half": two[:len(two)-60], "all": nil} {
		t.Run(name, func(t *testing.T) {
			writeFile(t, segmentOf(dir, 1).path, content)
			_, err := Open(dir)
			if understudy.KindOf(err) != understudy.KindInternal || understudy.HintOf(err) == "" {
				t.Fatalf("found %v", err)
			}
			if !bytes.Equal(readFile(t, segmentOf(dir, 1).path), content) {
				t.Fatal("the damaged file was changed")
			}
		})
	}
	t.Run("head", func(t *testing.T) {
		writeFile(t, segmentOf(dir, 1).path, two)
		if err := os.Remove(headPath(dir)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); understudy.KindOf(err) != understudy.KindInternal {
			t.Fatalf("found %v", err)
		}
	})
}

func TestVerify_NamesTheFirstEntryThatWasTamperedWith(t *testing.T) {
	const count = 7
	for at := range count {
		for name, tamper := range tamperings() {
			t.Run(fmt.Sprintf("%s %d", name, at+1), func(t *testing.T) {
				dir := t.TempDir()
				j := openJournal(t, dir)
				j.limit = 900
				for i := range count {
					add(t, j, fmt.Sprintf("subject %d", i))
				}
				closeJournal(t, j)
				bad := rewrite(t, dir, at, tamper)
				_, err := VerifyDir(t.Context(), dir, Extent{})
				if understudy.KindOf(err) != understudy.KindInternal {
					t.Fatalf("found %v", err)
				}
				if !strings.Contains(err.Error(), fmt.Sprintf("entry %d", bad)) {
					t.Fatalf("entry %d is not named: %v", bad, err)
				}
			})
		}
	}
}

// rechained is a journal whose entries were written anew from one on, each following from the
// one before it, with a head that fits.
func rechained(t *testing.T, dir string, from int) {
	t.Helper()
	segments, err := segmentsIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	var last understudy.Entry
	for _, s := range segments {
		var lines []byte
		for line := range bytes.Lines(readFile(t, s.path)) {
			var e understudy.Entry
			mustUnmarshal(line, &e)
			if e.Sequence >= int64(from) {
				e.Actor = "mallory"
			}
			if e, err = e.Seal(last); err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			lines, last = append(append(lines, raw...), '\n'), e
		}
		writeFile(t, s.path, lines)
	}
	if err := writeHead(dir, last); err != nil {
		t.Fatal(err)
	}
}

func TestVerify_HoldsAJournalAgainstAHeadThatWasKeptElsewhere(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	j.limit = 900
	var kept []understudy.Entry
	for i := range 7 {
		kept = append(kept, add(t, j, fmt.Sprintf("subject %d", i)))
	}
	closeJournal(t, j)
	for i, e := range kept {
		found, err := VerifyDir(t.Context(), dir, Extent{Head: e.Hash})
		if err != nil || found.Known != int64(i+1) || found.First != 1 || found.Entries != 7 {
			t.Fatalf("entry %d: found %+v, %v", i+1, found, err)
		}
	}
	rechained(t, dir, 4)
	if _, err := VerifyDir(t.Context(), dir, Extent{}); err != nil {
		t.Fatalf("a journal that was written anew stands by itself: %v", err)
	}
	for i, e := range kept {
		_, err := VerifyDir(t.Context(), dir, Extent{Head: e.Hash})
		if is := err == nil; is != (i < 3) {
			t.Errorf("against the head of entry %d: %v", i+1, err)
		}
		if err != nil && (understudy.KindOf(err) != understudy.KindInternal || understudy.HintOf(err) == "") {
			t.Errorf("found %v", err)
		}
	}
	reopened := openJournal(t, dir)
	if _, err := reopened.Verify(t.Context(), Extent{Head: kept[6].Hash}); err == nil {
		t.Error("whoever has it open does not notice either")
	}
}

func TestVerify_BeginsWhereItIsAskedTo(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	j.limit = 900
	hour := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	j.now = func() time.Time { hour = hour.Add(time.Hour); return hour }
	for i := range 9 {
		add(t, j, fmt.Sprintf("subject %d", i))
	}
	closeJournal(t, j)
	for from := int64(1); from <= 9; from++ {
		byNumber, err := VerifyDir(t.Context(), dir, Extent{From: from})
		if err != nil || byNumber.First > from || byNumber.Entries != 9 || from == 9 && byNumber.First == 1 {
			t.Errorf("from %d: %+v, %v", from, byNumber, err)
		}
		byTime, err := VerifyDir(t.Context(), dir, Extent{Since: time.Date(2026, 3, 1, int(from), 0, 0, 0, time.UTC)})
		if err != nil || byTime != byNumber {
			t.Errorf("from %d by number %+v, by time %+v, %v", from, byNumber, byTime, err)
		}
	}
	rewrite(t, dir, 0, tamperings()["change"])
	if found, err := VerifyDir(t.Context(), dir, Extent{From: 9}); err != nil || found.First == 1 {
		t.Errorf("what was not asked for was read: %+v, %v", found, err)
	}
	if _, err := VerifyDir(t.Context(), dir, Extent{From: 1}); err == nil {
		t.Error("what was asked for was not read")
	}
	rewrite(t, dir, 8, tamperings()["change"])
	if _, err := VerifyDir(t.Context(), dir, Extent{From: 9}); err == nil {
		t.Error("what was changed in what was asked for is not noticed")
	}
}

// tamperings change the lines of a journal at an index.
func tamperings() map[string]func(lines [][]byte, at int) [][]byte {
	return map[string]func([][]byte, int) [][]byte{
		"change": func(lines [][]byte, at int) [][]byte {
			lines[at] = bytes.Replace(lines[at], []byte("alice"), []byte("mallo"), 1)
			return lines
		},
		"spell otherwise": func(lines [][]byte, at int) [][]byte {
			lines[at] = bytes.Replace(lines[at], []byte(`"actor":`), []byte(`"actor": `), 1)
			return lines
		},
		"add a member": func(lines [][]byte, at int) [][]byte {
			lines[at] = bytes.Replace(lines[at], []byte(`{`), []byte(`{"approved":true,`), 1)
			return lines
		},
		"remove": func(lines [][]byte, at int) [][]byte { return append(lines[:at:at], lines[at+1:]...) },
		"repeat": func(lines [][]byte, at int) [][]byte {
			return append(lines[:at+1:at+1], lines[at:]...)
		},
		"swap": func(lines [][]byte, at int) [][]byte {
			other := (at + 1) % len(lines)
			lines[at], lines[other] = lines[other], lines[at]
			return lines
		},
		"insert": func(lines [][]byte, at int) [][]byte {
			var e, previous understudy.Entry
			mustUnmarshal(lines[at], &e)
			if at > 0 {
				mustUnmarshal(lines[at-1], &previous)
			}
			e.Subject = "slipped in"
			forged, err := e.Seal(previous)
			if err != nil {
				panic(err)
			}
			raw, err := json.Marshal(forged)
			if err != nil {
				panic(err)
			}
			return append(lines[:at:at], append([][]byte{raw}, lines[at:]...)...)
		},
	}
}

// rewrite tampers with the line at an index over all segments, keeping how many lines
// each has as far as that goes, and returns the sequence that ought to be named.
func rewrite(t *testing.T, dir string, at int, tamper func([][]byte, int) [][]byte) int {
	t.Helper()
	segments, err := segmentsIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	var sizes []int
	for _, s := range segments {
		own := bytes.Split(bytes.TrimSuffix(readFile(t, s.path), []byte("\n")), []byte("\n"))
		lines, sizes = append(lines, own...), append(sizes, len(own))
	}
	original := append([][]byte(nil), lines...)
	changed := tamper(lines, at)
	firstBad := 1
	for firstBad <= len(changed) && firstBad <= len(original) && bytes.Equal(changed[firstBad-1], original[firstBad-1]) {
		firstBad++
	}
	for i, s := range segments {
		size := min(sizes[i], len(changed))
		if i == len(segments)-1 {
			size = len(changed)
		}
		writeFile(t, s.path, append(bytes.Join(changed[:size], []byte("\n")), '\n'))
		changed = changed[size:]
	}
	return firstBad
}

func TestAppend_LosesNothingAcknowledgedWhenItsProcessIsKilled(t *testing.T) {
	dir := t.TempDir()
	for round := range 4 {
		acknowledged := killWhileAppending(t, dir, 10+7*round)
		j := openJournal(t, dir)
		verified, err := j.Verify(t.Context(), Extent{})
		if err != nil {
			t.Fatal(err)
		}
		if verified.Entries < acknowledged {
			t.Fatalf("round %d: %d entries stand, %d were acknowledged", round, verified.Entries, acknowledged)
		}
		closeJournal(t, j)
	}
}

// killWhileAppending kills a child -9 after it acknowledged some more entries, and
// returns the last sequence that it said.
func killWhileAppending(t *testing.T, dir string, more int) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), childFolder+"="+dir)
	child.Stderr = os.Stderr
	said, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var last int64
	lines := bufio.NewScanner(said)
	for count := 1; lines.Scan(); count++ {
		if n, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil {
			last = n
		}
		if count == more {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || last == 0 {
		t.Fatalf("the child ended by itself after entry %d: %v", last, err)
	}
	return last
}

func entry(subject string) understudy.Entry {
	return understudy.Entry{Actor: "alice", Act: "release.created", Subject: subject, Facts: map[string]string{"label": "v2"}}
}

func openJournal(t *testing.T, dir string) *Journal {
	t.Helper()
	j, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeJournal(t, j) })
	return j
}

func closeJournal(t *testing.T, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

func add(t *testing.T, j *Journal, subject string) understudy.Entry {
	t.Helper()
	e, err := j.Append(t.Context(), entry(subject))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func readFrom(t *testing.T, j *Journal, from int64) []understudy.Entry {
	t.Helper()
	var all []understudy.Entry
	err := j.Read(from, func(e understudy.Entry) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustUnmarshal(raw []byte, into any) {
	if err := json.Unmarshal(raw, into); err != nil {
		panic(err)
	}
}
