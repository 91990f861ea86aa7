package sqlite_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"understudy"
	"understudy/internal/sqlite"
)

// benchRows is how many rows the benchmark's table has.
const benchRows = 200_000

// BenchmarkCopy copies a table of people, with and without masks on three columns.
func BenchmarkCopy(b *testing.B) {
	from := filepath.Join(b.TempDir(), "from.db")
	for _, statement := range []string{
		"PRAGMA journal_mode = WAL", "CREATE TABLE people (id INTEGER PRIMARY KEY, mail TEXT NOT NULL UNIQUE, name TEXT, phone TEXT, about TEXT)", "CREATE INDEX names ON people (name)",
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO people SELECT i, 'person' || i || '@example.org', 'Name ' || hex(i * 7919), '+49 30 ' || i, hex(randomblob(64)) FROM n`, benchRows),
	} {
		if err := run(b.Context(), from, statement); err != nil {
			b.Fatal(err)
		}
	}
	upper := understudy.Mask{Name: "upper", Apply: func(value []byte) ([]byte, error) { return bytes.ToUpper(value), nil }}
	masked := func(string, []understudy.Column) (understudy.TableMasks, error) {
		return understudy.TableMasks{Columns: map[string]understudy.Mask{"mail": upper, "name": upper, "phone": upper}}, nil
	}
	for name, masks := range map[string]understudy.Masks{"unmasked": unmasked, "masked": masked} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				started := time.Now()
				made, err := sqlite.Copy(b.Context(), sqlite.Spec{Source: from, Target: filepath.Join(b.TempDir(), fmt.Sprintf("to%d.db", started.UnixNano())), Masks: masks})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(made.Rows())/time.Since(started).Seconds(), "rows/s")
			}
		})
	}
}
