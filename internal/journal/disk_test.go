package journal

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"understudy"
)

func TestAppend_TakesNoMoreOnceTheEndOfItsFileIsNotKnown(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	add(t, j, "one")
	readOnly, err := os.Open(segmentOf(dir, 1).path) // neither writing nor cutting off works on it
	if err != nil {
		t.Fatal(err)
	}
	if err := j.file.Close(); err != nil {
		t.Fatal(err)
	}
	j.file = readOnly
	if _, err := j.Append(t.Context(), entry("two")); err == nil {
		t.Fatal("it was acknowledged")
	}
	_, err = j.Append(t.Context(), entry("three"))
	if understudy.KindOf(err) != understudy.KindUnavailable || understudy.HintOf(err) == "" {
		t.Fatalf("found %v", err)
	}
	closeJournal(t, j)
	if e := add(t, openJournal(t, dir), "two"); e.Sequence != 2 {
		t.Fatalf("it has sequence %d", e.Sequence)
	}
}

func TestAppend_LeavesNothingOfWhatAFullDiskKeptFromBeingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	add(t, j, "one")
	was := readFile(t, segmentOf(dir, 1).path)
	j.ack = func(string, understudy.Entry) error {
		return &fs.PathError{Op: "write", Path: ".head.json.new-1", Err: unix.ENOSPC}
	}
	_, err := j.Append(t.Context(), entry("two"))
	if understudy.KindOf(err) != understudy.KindUnavailable || !strings.Contains(err.Error(), "the disk of "+dir+" is full") || !strings.Contains(understudy.HintOf(err), "make room") {
		t.Fatalf("found %v: %s", err, understudy.HintOf(err))
	}
	if is := readFile(t, segmentOf(dir, 1).path); !bytes.Equal(is, was) || j.Head().Sequence != 1 {
		t.Fatalf("of the entry was left: %q, and the head is %d", is, j.Head().Sequence)
	}
	j.ack = writeHead
	if e := add(t, j, "three"); e.Sequence != 2 {
		t.Fatalf("it has sequence %d", e.Sequence)
	}
	if verified, err := VerifyDir(t.Context(), dir, Extent{}); err != nil || verified.Entries != 2 {
		t.Fatalf("found %+v, %v", verified, err)
	}
}

func TestAppend_KeepsWhatTheHeadNamesThoughItWasNotAcknowledged(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	j.ack = func(dir string, e understudy.Entry) error { return errors.Join(writeHead(dir, e), unix.EIO) }
	if _, err := j.Append(t.Context(), entry("one")); err == nil {
		t.Fatal("it was acknowledged")
	}
	j.ack = writeHead
	if e := add(t, j, "two"); e.Sequence != 2 {
		t.Fatalf("it has sequence %d", e.Sequence)
	}
	if verified, err := VerifyDir(t.Context(), dir, Extent{}); err != nil || verified.Entries != 2 {
		t.Fatalf("found %+v, %v", verified, err)
	}
}

func TestAppend_GoesOnAfterTheHeadCouldNotBeMoved(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	add(t, j, "one")
	head := readFile(t, headPath(dir))
	if err := os.Remove(headPath(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(headPath(dir), 0o700); err != nil { // nothing can be renamed over a folder
		t.Fatal(err)
	}
	if _, err := j.Append(t.Context(), entry("two")); err == nil {
		t.Fatal("it was acknowledged")
	}
	if err := os.Remove(headPath(dir)); err != nil {
		t.Fatal(err)
	}
	writeFile(t, headPath(dir), head)
	if e := add(t, j, "three"); e.Sequence != 3 {
		t.Fatalf("it has sequence %d", e.Sequence)
	}
	if verified, err := VerifyDir(t.Context(), dir, Extent{}); err != nil || verified.Entries != 3 {
		t.Fatalf("found %+v, %v", verified, err)
	}
}
