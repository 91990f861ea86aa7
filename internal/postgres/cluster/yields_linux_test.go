package cluster_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/postgrestest"
)

func TestStartForLoading_LeavesTheProcessorToOthersUntilSealed(t *testing.T) {
	c, dir := loaded(t, "off")
	if nice := niceOf(t, dir); nice < 15 {
		t.Errorf("the server that is being loaded is nice by %d", nice)
	}
	conn, err := c.Connect(t.Context(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	postgrestest.Until(t, "its session yields to others", func() bool { return yields(t, conn.PgConn().PID()) })
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if nice, ours := niceOf(t, dir), niceOfProcess(t, os.Getpid()); nice != ours {
		t.Errorf("the sealed server is nice by %d, and we are by %d", nice, ours)
	}
}

func TestStart_YieldsWhereTheServerIsDescribedSo(t *testing.T) {
	spec := postgrestest.Spec(postgrestest.Folder(t), 0)
	spec.Yields = true
	postgrestest.Started(t, spec)
	if nice := niceOf(t, spec.Dir); nice < 15 {
		t.Errorf("the server is nice by %d", nice)
	}
	if err := cluster.New(spec).Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// yields tells whether a process's session does, or the system knows of none.
func yields(t *testing.T, process uint32) bool {
	t.Helper()
	content, err := os.ReadFile("/proc/" + strconv.FormatUint(uint64(process), 10) + "/autogroup")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err != nil || strings.HasSuffix(strings.TrimSpace(string(content)), " nice 15")
}

// niceOf is how nice the server on a directory is.
func niceOf(t *testing.T, dir string) int {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return niceOfProcess(t, pid)
}

func niceOfProcess(t *testing.T, pid int) int {
	t.Helper()
	content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	const niceField = 16 // behind the name, from 0
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
	nice, err := strconv.Atoi(fields[niceField])
	if err != nil {
		t.Fatal(err)
	}
	return nice
}
