package journal

import (
	"os"
	"testing"

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
