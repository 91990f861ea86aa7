package alone_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/alone"
	"understudy/internal/cli"
	"understudy/internal/postgres/postgrestest"
)

// A copy that is followed is made once; the same command goes on with it.
func TestCopyTwin_FollowsWithTheMasksOfTheCopy(t *testing.T) {
	t.Parallel()
	spec := postgrestest.Spec(postgrestest.Folder(t), 0)
	spec.Settings["wal_level"] = "logical"
	server := postgrestest.Started(t, spec)
	for _, name := range []string{"shop", "twin"} {
		if _, err := server.EnsureDatabase(t.Context(), name, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	source, target := postgrestest.Connected(t, server.AdminURL("shop")), postgrestest.Connected(t, server.AdminURL("twin"))
	postgrestest.Runs(t, source, `CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE); INSERT INTO people SELECT i, 'p' || i || '@example.org' FROM generate_series(1, 500) i`)
	folder := t.TempDir()
	order := cli.TwinCopy{From: server.AdminURL("shop"), To: server.AdminURL("twin"), Rules: filepath.Join(folder, "mask.yaml"), Key: filepath.Join(folder, "mask.key"),
		NoProof: true, Follow: true, Publish: true, Copying: understudy.Copying{Method: understudy.CopyLogical, Rate: -1}}
	if err := os.WriteFile(order.Rules, []byte("columns:\n  public.people.email: email\n  public.people.id: keep\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	following := make(chan struct{}, 10)
	run := func(copies bool, steps ...[2]string) cli.TwinCopied { // what is done there, and what shows it here
		t.Helper()
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		var made cli.TwinCopied
		ended := make(chan error, 1)
		go func() {
			var err error
			made, err = alone.CopyTwin(ctx, order, func(sentence string) {
				if strings.HasPrefix(sentence, "copied ") {
					following <- struct{}{}
				}
			})
			ended <- err
		}()
		if copies {
			select {
			case <-following:
			case err := <-ended:
				t.Fatalf("it ended: %v (hint: %s)", err, understudy.HintOf(err))
			}
		}
		for _, step := range steps {
			postgrestest.Runs(t, source, step[0])
			postgrestest.Until(t, "the change has come", func() bool {
				select {
				case err := <-ended:
					t.Fatalf("it ended: %v (hint: %s)", err, understudy.HintOf(err))
				default:
				}
				return postgrestest.Answer(t, target, step[1]) == "true"
			})
		}
		interrupt()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		return made
	}
	first := run(true, [2]string{`INSERT INTO people VALUES (501, 'new@example.org')`, `SELECT (count(*) = 501)::text FROM people`})
	if first.Rows() != 500 || first.Database != "shop" {
		t.Errorf("the first run copied %d rows", first.Rows())
	}
	masked := postgrestest.Answer(t, target, `SELECT email FROM people WHERE id = 7`)
	second := run(false, [2]string{`DELETE FROM people WHERE id = 7`, `SELECT (count(*) = 500)::text FROM people`})
	// The last change shows here before it is counted, and may be seen to have come without that.
	third := run(false, [2]string{`INSERT INTO people VALUES (7, 'p7@example.org')`, `SELECT (count(*) = 501)::text FROM people`},
		[2]string{`INSERT INTO people VALUES (502, 'last@example.org')`, `SELECT (count(*) = 502)::text FROM people`})
	if second.Database != "" || third.Followed == nil || third.Followed.Changes < 1 || third.Followed.Changes > 2 {
		t.Errorf("the next runs copied %q again, and followed %+v", second.Database, third.Followed)
	}
	if again := postgrestest.Answer(t, target, `SELECT email FROM people WHERE id = 7`); again != masked || strings.HasPrefix(again, "p7@") {
		t.Error("a value that went and came back is masked in another way, or not at all")
	}
	if err := os.WriteFile(order.Rules, []byte("columns:\n  public.people.email: email\n  public.people.id: number\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	target.Close(t.Context()) // a fresh copy takes the place of one that nobody is connected to
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var told []string
	made, err := alone.CopyTwin(ctx, order, func(sentence string) {
		if told = append(told, sentence); hasTakenPlace(sentence) {
			interrupt()
		}
	})
	if err != nil || made.Rows() != 502 || !slices.ContainsFunc(told, func(text string) bool { return strings.Contains(text, "the masking rules have changed") }) {
		t.Fatalf("%d rows, %v, after %q", made.Rows(), err, told)
	}
	target = postgrestest.Connected(t, order.To)
	if kept := postgrestest.Answer(t, target, `SELECT (count(*) FILTER (WHERE id BETWEEN 1 AND 501) < 400)::text || (count(*) FILTER (WHERE email = '`+masked+`'))::text FROM people`); kept != "true1" {
		t.Errorf("under other rules the copy is %s", kept)
	}
}
