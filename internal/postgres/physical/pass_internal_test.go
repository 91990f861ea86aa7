package physical

import (
	"os"
	"path/filepath"
	"testing"

	"understudy/internal/postgres/heap"
)

func TestStretches_CountPagesThroughTheFilesOfABigTable(t *testing.T) {
	c := &copying{work: t.TempDir()}
	for name, pages := range map[string]int64{"big": filePages, "big.1": filePages, "big.2": 3, "big_fsm": 5} {
		file, err := os.Create(filepath.Join(c.work, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Truncate(pages * heap.PageSize); err != nil { // holes take no room
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	parts, err := c.stretches(&table{schema: "public", table: "big", path: "big"}, &heap.Table{})
	if err != nil {
		t.Fatal(err)
	}
	next := uint32(0)
	for _, s := range parts {
		if s.first != next {
			t.Fatalf("a stretch begins at page %d instead of %d", s.first, next)
		}
		next += uint32(s.pages)
	}
	last := parts[len(parts)-1]
	if next != 2*filePages+3 || last.first != 2*filePages || last.at != 0 || filepath.Base(last.file) != "big.2" {
		t.Errorf("%d pages, the last stretch is %+v", next, last)
	}
}
