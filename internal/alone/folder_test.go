package alone_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"understudy"
	"understudy/internal/alone"
	"understudy/internal/cli"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/postgrestest"
)

const (
	mark     = ".understudy-unfinished"
	markText = "A copy by understudy twin copy is being made in this folder, or was ended in the middle of it.\n"
)

// folderOrder is a copy into a folder, of a table with one row.
func folderOrder(t *testing.T) cli.TwinCopy {
	t.Helper()
	c, name := postgrestest.Database(t)
	postgrestest.Runs(t, postgrestest.Connected(t, c.AdminURL(name)), "CREATE TABLE word (w text); INSERT INTO word VALUES ('original')")
	dir := postgrestest.Folder(t)
	write(t, filepath.Join(dir, "mask.yaml"), "columns: {public.word.w: text}\n")
	return cli.TwinCopy{From: c.AdminURL(name), To: filepath.Join(dir, "t"), Rules: filepath.Join(dir, "mask.yaml"), Key: filepath.Join(dir, "mask.key"), NoProof: true}
}

func TestCopyTwin_RemovesWhatAKilledCopyLeftInItsFolder(t *testing.T) {
	order := folderOrder(t)
	if err := os.Mkdir(order.To, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(order.To, mark), markText)
	write(t, filepath.Join(order.To, "rest"), "original")
	left := cluster.New(cluster.Spec{Dir: filepath.Join(order.To, "data"), SocketDir: filepath.Join(order.To, "run"), Log: filepath.Join(order.To, "log")})
	if err := left.StartForLoading(t.Context()); err != nil {
		t.Fatal(err)
	}
	postgrestest.Exec(t, left, "postgres", "CREATE TABLE half AS SELECT 'original' AS w")
	made, err := alone.CopyTwin(t.Context(), order, func(string) {})
	if err != nil || made.Rows() != 1 {
		t.Fatalf("copied %d rows, %v", made.Rows(), err)
	}
	for _, name := range []string{mark, "rest"} {
		if _, err := os.Lstat(filepath.Join(order.To, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
	_, err = alone.CopyTwin(t.Context(), order, func(string) {})
	postgrestest.Refused(t, err, understudy.KindConflict, "is there already")
	if err := left.Start(t.Context()); err != nil { // of the finished copy now
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := left.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

func TestCopyTwin_TouchesNoFolderThatIsSomebodys(t *testing.T) {
	order := folderOrder(t)
	for name, inside := range map[string]map[string]string{
		"no mark":      {"photo": "mine"},
		"another mark": {mark: "mine", "photo": "mine"},
		"more":         {mark: markText + "and more", "photo": "mine"},
	} {
		order.To = filepath.Join(t.TempDir(), "t")
		if err := os.Mkdir(order.To, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, content := range inside {
			write(t, filepath.Join(order.To, file), content)
		}
		_, err := alone.CopyTwin(t.Context(), order, func(string) {})
		postgrestest.Refused(t, err, understudy.KindConflict, "is there already")
		for file, content := range inside {
			if got, err := os.ReadFile(filepath.Join(order.To, file)); err != nil || string(got) != content {
				t.Errorf("%s: %s holds %q, %v", name, file, got, err)
			}
		}
	}
	linked := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(order.To, linked); err != nil {
		t.Fatal(err)
	}
	order.To = linked
	_, err := alone.CopyTwin(t.Context(), order, func(string) {})
	postgrestest.Refused(t, err, understudy.KindConflict, "is there already")
}

func TestCopyTwin_LeavesAloneACopyThatIsUnderWay(t *testing.T) {
	order := folderOrder(t)
	if err := os.Mkdir(order.To, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(order.To, mark), markText)
	write(t, filepath.Join(order.To, "half"), "made")
	held, err := os.Open(filepath.Join(order.To, mark))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := syscall.Flock(int(held.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	_, err = alone.CopyTwin(t.Context(), order, func(string) {})
	postgrestest.Refused(t, err, understudy.KindConflict, "under way")
	if content, err := os.ReadFile(filepath.Join(order.To, "half")); err != nil || strings.TrimSpace(string(content)) != "made" {
		t.Errorf("what the other has made is %q, %v", content, err)
	}
}
