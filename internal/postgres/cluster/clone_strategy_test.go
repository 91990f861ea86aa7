package cluster_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"understudy/internal/filetree/filetreetest"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/postgrestest"
)

func TestStrategy_IsTheBestThatTheMachineHas(t *testing.T) {
	const big, small = 1 << 30, 1 << 20
	for _, try := range []struct {
		about    string
		server   int
		shares   bool
		bytes    int64
		file     time.Duration // measured, per MB
		wal      time.Duration
		expected cluster.Strategy
	}{
		{"version 18 shares by itself", 180001, true, big, 0, 0, cluster.FileClone},
		{"before, we share beside it", 170004, true, small, 0, 0, cluster.SharedBlocks},
		{"also on an old version", 130020, true, big, 0, 0, cluster.SharedBlocks},
		{"an old version copies in one way", 140010, false, big, 0, 0, cluster.PlainCopy},
		{"a small one is not measured", 150018, false, small, 0, 0, cluster.FileCopy},
		{"the faster one of two", 150018, false, big, 3 * time.Millisecond, 8 * time.Millisecond, cluster.FileCopy},
		{"the other one where checkpoints are slow", 150018, false, 100 << 20, 3 * time.Millisecond, 8 * time.Millisecond, cluster.WALLog},
	} {
		strategy, why := cluster.Chosen(try.server, try.shares, try.bytes, try.file, try.wal)
		if strategy != try.expected || !strings.Contains(why, "because") {
			t.Errorf("%s: got %s (%s), expected %s", try.about, strategy, why, try.expected)
		}
	}
}

func TestStrategy_IsMeasuredOnceForADirectory(t *testing.T) {
	c := postgrestest.Cluster(t)
	file, wal, err := cluster.Measured(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if file <= 0 || wal <= 0 {
		t.Errorf("a gigabyte by file-copy in %s and by wal-log in %s", file, wal)
	}
	started := time.Now()
	again, _, err := cluster.Measured(t.Context(), c)
	if err != nil || again != file {
		t.Errorf("the second time it said %s after %s, %v", again, time.Since(started), err)
	}
	all, err := c.Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		if one.Unfinished {
			t.Errorf("the measurement left %s", one.Name)
		}
	}
	if found, _ := filepath.Glob(filepath.Dir(dataDir(t, c)) + "/*.pace.json"); len(found) != 1 {
		t.Errorf("kept in %q", found)
	}
}

// BenchmarkReset is a clone of 300 MB and more by the best way of each file system.
func BenchmarkReset(b *testing.B) {
	for _, kind := range filetreetest.Here(b) {
		b.Run(string(kind), func(b *testing.B) {
			c := onDisk(b, kind, 4000, map[string]string{"fsync": "on", "full_page_writes": "on"})
			lived(b, c, "template")
			postgrestest.Exec(b, c, "template", "CREATE TABLE big AS SELECT g AS id, repeat(md5(g::text), 10) AS t FROM generate_series(1, 900000) g")
			postgrestest.Exec(b, c, "template", "CREATE INDEX ON big (id)")
			var made cluster.Cloned
			for b.Loop() {
				var err error
				if made, err = c.Clone(b.Context(), "template", "clone", ""); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := c.Drop(b.Context(), "clone"); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(made.Bytes)/1e6, "MB")
			b.ReportMetric(float64(made.Shared)/1e6, "MB-shared")
			b.Logf("%s: %s", made.Strategy, made.Why)
		})
	}
}
