package alone

import (
	"strings"
	"testing"

	"understudy/internal/postgres/postgrestest"
)

func TestReadTables_ListsTheLargestFirstWithThePartitionsOfEach(t *testing.T) {
	server, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, server.AdminURL(name))
	postgrestest.Runs(t, conn, `CREATE TABLE a_small (id int PRIMARY KEY); INSERT INTO a_small VALUES (1);
		CREATE TABLE b_large (id int PRIMARY KEY); INSERT INTO b_large SELECT generate_series(1, 9000);
		CREATE TABLE c_parted (id int, day int, PRIMARY KEY (id, day)) PARTITION BY LIST (day);
		CREATE TABLE c_1 PARTITION OF c_parted FOR VALUES IN (1); CREATE TABLE c_2 PARTITION OF c_parted FOR VALUES IN (2);
		INSERT INTO c_parted SELECT n, 1 + n % 2 FROM generate_series(1, 12000) n; ANALYZE`)
	tables, err := readTables(t.Context(), conn, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, table := range tables {
		found = append(found, table.Name)
		for _, key := range table.Keys {
			if len(key) != len(table.Key) {
				t.Fatalf("%s has key %q of %q", table.Name, key, table.Key)
			}
		}
	}
	if got := strings.Join(found, " "); got != "public.c_parted public.b_large public.a_small" {
		t.Errorf("found %s", got)
	}
	if len(tables) == 3 && (len(tables[0].Keys) != keysSampled || len(tables[1].Keys) != keysSampled || len(tables[2].Keys) != 1) {
		t.Errorf("sampled %d, %d and %d keys", len(tables[0].Keys), len(tables[1].Keys), len(tables[2].Keys))
	}
}
