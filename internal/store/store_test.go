package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/store"
	"understudy/internal/store/storetest"
)

const (
	childURL   = "STORE_TEST_WRITE_TO"       // tells a copy of this test binary to write until it is killed
	clusterDir = "STORE_TEST_CLUSTER_FOLDER" // the one cluster of the tests
)

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		fmt.Fprintln(os.Stderr, writeForever(context.Background(), url))
		os.Exit(1)
	}
	os.Exit(withCluster(m))
}

func withCluster(m *testing.M) int {
	c, err := startCluster(context.Background())
	if err == nil {
		err = os.Setenv(clusterDir, c.folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting PostgreSQL for the tests:", err)
		return 1
	}
	status := m.Run()
	if err := c.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping PostgreSQL of the tests:", err)
		return 1
	}
	return status
}

// writeForever says the number of each record once it is acknowledged.
func writeForever(ctx context.Context, url string) error {
	s, err := store.Open(ctx, url)
	if err != nil {
		return err
	}
	if err := s.Put(ctx, "counter", "c", 0); err != nil {
		return err
	}
	for {
		n, err := store.Update(ctx, s, "counter", "c", func(n *int) error { *n++; return nil })
		if err == nil {
			err = s.Put(ctx, "number", fmt.Sprint(n), n)
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Println(n); err != nil {
			return err
		}
	}
}

// inBoth runs a test on a fresh URL of each database.
func inBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, sqliteURL(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, postgresURL(t)) })
}

func TestStore_PassesItsSuite(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) *store.Store { return open(t, sqliteURL(t)) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) *store.Store { return open(t, postgresURL(t)) })
	})
}

func TestOpen_FindsWhatWasThere(t *testing.T) {
	inBoth(t, func(t *testing.T, url string) {
		first := open(t, url)
		must(t, first.Put(t.Context(), "play", "hamlet", 5))
		must(t, first.Close())
		var acts int
		must(t, open(t, url).Get(t.Context(), "play", "hamlet", &acts))
		if acts != 5 {
			t.Fatalf("found %d", acts)
		}
	})
}

func TestOpen_RefusesASchemaNewerThanItself(t *testing.T) {
	inBoth(t, func(t *testing.T, url string) {
		must(t, open(t, url).Exec(t.Context(), `UPDATE understudy_schema SET version = 99`))
		_, err := store.Open(t.Context(), url)
		if understudy.KindOf(err) != understudy.KindConflict || !strings.Contains(err.Error(), "99") || understudy.HintOf(err) == "" {
			t.Fatalf("found %v", err)
		}
	})
}

func TestOpen_AtOnceMakesOneStore(t *testing.T) {
	inBoth(t, func(t *testing.T, url string) {
		results := make(chan error, 4)
		for range cap(results) {
			go func() {
				s, err := store.Open(t.Context(), url)
				if err == nil {
					err = errors.Join(s.Put(t.Context(), "play", "hamlet", 5), s.Close())
				}
				results <- err
			}()
		}
		for range cap(results) {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestOpen_SaysWhatAURLShouldBeWithoutShowingASecret(t *testing.T) {
	for _, url := range []string{
		"", "store.db", "mysql://root:hunter2@db/x", "sqlite:", "postgres://u:hunter2@[bad/x",
		"postgres://u:hunter2@/x?host=/nonexistent",
	} {
		_, err := store.Open(t.Context(), url)
		if err == nil || strings.Contains(err.Error()+understudy.HintOf(err), "hunter2") {
			t.Errorf("%s: found %v", url, err)
		}
	}
}

func TestEach_NamesARecordThatIsNotJSON(t *testing.T) {
	inBoth(t, func(t *testing.T, url string) {
		s := open(t, url)
		for _, id := range []string{"first", "spoilt", "last"} {
			must(t, s.Put(t.Context(), "play", id, id))
		}
		must(t, s.Exec(t.Context(), `UPDATE understudy_records SET body = '{"half' WHERE id = 'spoilt'`))
		all, err := store.All[string](t.Context(), s, "play")
		if len(all) != 2 || understudy.KindOf(err) != understudy.KindInternal || !strings.Contains(err.Error(), "play spoilt") {
			t.Fatalf("found %v, %v", all, err)
		}
	})
}

// A clock set back an hour makes a lease look as if it was taken an hour from now.
func TestClaim_SurvivesAClockThatIsSetBack(t *testing.T) {
	inBoth(t, func(t *testing.T, url string) {
		s := open(t, url)
		_, _, err := s.Claim(t.Context(), "leader", "dead", 500*time.Millisecond)
		must(t, err)
		must(t, s.Exec(t.Context(), `UPDATE understudy_leases SET taken = taken + 3600000, until = until + 3600000`))
		held, by, err := s.Claim(t.Context(), "leader", "next", time.Minute)
		if err != nil || held || by != "dead" {
			t.Fatalf("the lease ended early: held %v by %q, %v", held, by, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		for !held {
			held, _, err = s.Claim(ctx, "leader", "next", time.Minute)
			must(t, err)
		}
	})
}

func TestStore_LosesNothingAcknowledgedWhenItsProcessIsKilled(t *testing.T) {
	inBoth(t, func(t *testing.T, url string) {
		for round := range 3 {
			acknowledged := killWhileWriting(t, url, 15+10*round)
			s := open(t, url)
			for n := 1; n <= acknowledged; n++ {
				var got int
				if err := s.Get(t.Context(), "number", fmt.Sprint(n), &got); err != nil || got != n {
					t.Fatalf("round %d: of %d acknowledged, %d is lost: %v", round, acknowledged, n, err)
				}
			}
			must(t, s.Close())
		}
	})
}

// killWhileWriting kills a child -9 after it acknowledged some writes, and returns the
// last number it said.
func killWhileWriting(t *testing.T, url string, count int) (last int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env, child.Stderr = append(os.Environ(), childURL+"="+url), os.Stderr
	said, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
			t.Error(err)
		}
		if last == count {
			must(t, child.Process.Kill())
		}
	}
	if err := child.Wait(); err == nil || last < count {
		t.Fatalf("the child ended by itself after %d: %v", last, err)
	}
	return last
}

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatalf("%v (%s)", err, understudy.HintOf(err))
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func sqliteURL(t *testing.T) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "it's 100% a #?folder", "store.db")
}

// postgresURL makes a schema that goes when the test ends.
func postgresURL(t *testing.T) string {
	t.Helper()
	c := &cluster{folder: os.Getenv(clusterDir)}
	conn, err := pgx.Connect(t.Context(), c.url("public"))
	must(t, err)
	schema := fmt.Sprintf("s%d", time.Now().UnixNano())
	_, err = conn.Exec(t.Context(), "CREATE SCHEMA "+schema)
	must(t, errors.Join(err, conn.Close(t.Context())))
	return c.url(schema)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
