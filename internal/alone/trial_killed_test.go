package alone_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"understudy"
	"understudy/internal/alone"
	"understudy/internal/cli"
	"understudy/internal/postgres/postgrestest"
)

// killed has this program rehearse an order, in which it is killed.
const killed = "UNDERSTUDY_TEST_IS_KILLED"

func rehearseUntilKilled(text string) error {
	var o cli.MigrationOrder
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	_, err := alone.RehearseMigration(context.Background(), o, func(string) {}, func(understudy.Rehearsal) {})
	return err
}

func TestRehearseMigration_KilledItLeavesNothing(t *testing.T) {
	t.Parallel()
	room := postgrestest.Folder(t) // whoever runs the server may enter it
	note := filepath.Join(t.TempDir(), "begun")
	c, name := postgrestest.Database(t)
	postgrestest.Runs(t, postgrestest.Connected(t, c.AdminURL(name)), "CREATE TABLE word (w text PRIMARY KEY); INSERT INTO word VALUES ('one')")
	o := order(c.AdminURL(name), "sh", "-c", `echo $$ > "$0.new" && mv "$0.new" "$0" && exec psql -X -q "$DATABASE_URL" -c 'SELECT pg_sleep(600)'`, note)
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	program := exec.CommandContext(t.Context(), os.Args[0])
	program.Env = append(os.Environ(), killed+"="+string(raw), "TMPDIR="+room)
	var said strings.Builder
	program.Stderr = &said
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	var servers, commands []int
	for _, made := range []string{"data", "c"} { // its server, then where commands are run
		postgrestest.Until(t, made+" is made", func() bool {
			all, err := filepath.Glob(filepath.Join(room, "*", made))
			return err == nil && len(all) == 1
		})
	}
	postgrestest.Until(t, "its command runs", func() bool {
		commands = numbersIn(note)
		return len(commands) == 1
	})
	postmasters, err := filepath.Glob(filepath.Join(room, "*", "data", "postmaster.pid"))
	if servers = numbersIn(postmasters...); err != nil || len(servers) != 1 {
		t.Fatalf("%d servers run in %v, %v: %s", len(servers), postmasters, err, said.String())
	}
	if err := program.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = program.Wait() // it was killed, which is what it says
	postgrestest.Until(t, "its server, its command and its folder are gone", func() bool {
		left, err := os.ReadDir(room)
		return err == nil && len(left) == 0 && isGone(servers[0]) && isGone(commands[0])
	})
}

// numbersIn reads the first line of files.
func numbersIn(files ...string) (all []int) {
	for _, file := range files {
		content, err := os.ReadFile(file)
		first, _, _ := strings.Cut(string(content), "\n")
		if n, bad := strconv.Atoi(first); err == nil && bad == nil {
			all = append(all, n)
		}
	}
	return all
}

// isGone tells of a process that has ended, also where nobody has buried it yet.
func isGone(pid int) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err != nil || strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}

func TestRehearseMigration_ClearsAwayWhatAKilledOneLeftAndNothingElse(t *testing.T) {
	room := t.TempDir()
	t.Setenv("TMPDIR", room)
	folder := func(name, mark string) string {
		path := filepath.Join(room, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if mark != "" {
			write(t, filepath.Join(path, ".understudy-rehearsal"), mark)
		}
		return path
	}
	const said = "A migration is being rehearsed in this folder, or was ended in the middle of it; it is cleared away.\n"
	dead, atWork := folder("understudy-migration-1", said), folder("understudy-migration-2", said)
	others := []string{atWork, folder("understudy-migration-3", "mine"), folder("understudy-migration-4", ""), folder("else", said)}
	held, err := os.Open(filepath.Join(atWork, ".understudy-rehearsal"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := syscall.Flock(int(held.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	var told []string
	_, err = alone.RehearseMigration(t.Context(), order("sqlite:///nowhere/shop.db", "false"), func(text string) { told = append(told, text) }, func(understudy.Rehearsal) {})
	if err == nil || isThere(dead) {
		t.Errorf("what the killed one left is there: %t; a database that is not was rehearsed for: %v", isThere(dead), err)
	}
	if !strings.Contains(strings.Join(told, "\n"), "clearing away what a rehearsal that was killed has left in "+dead) {
		t.Errorf("it told %q", told)
	}
	for _, path := range others {
		if !isThere(path) {
			t.Errorf("%s is gone", path)
		}
	}
	if left, err := os.ReadDir(room); err != nil || len(left) != len(others) {
		t.Errorf("left are %v, %v", left, err)
	}
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
