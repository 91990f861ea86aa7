package maskprogram_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"understudy"
	"understudy/internal/maskprogram"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func batch() [][][]byte {
	return [][][]byte{
		{[]byte(`anna "a" \ é` + "\n\x01"), nil},
		{[]byte("bob"), []byte("")},
	}
}

func shell(script string) []string { return []string{"/bin/sh", "-c", script} }

func TestRun_PutsTheAnswersInPlaceOfTheRows(t *testing.T) {
	rows := batch()
	if err := (maskprogram.Runner{}).Run(t.Context(), shell(`sed 's/anna/xxxx/; s/"note":""/"note":null/'`), []string{"name", "note"}, rows); err != nil {
		t.Fatal(err)
	}
	want := [][][]byte{{[]byte(`xxxx "a" \ é` + "\n\x01"), nil}, {[]byte("bob"), nil}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

func TestRun_TakesMoreRowsThanAnyPipeHolds(t *testing.T) {
	var rows [][][]byte
	for n := range 20_000 {
		rows = append(rows, [][]byte{[]byte(fmt.Sprint("customer ", n)), []byte(strings.Repeat("x", 100))})
	}
	if err := (maskprogram.Runner{}).Run(t.Context(), shell(`sed s/customer/person/`), []string{"name", "note"}, rows); err != nil {
		t.Fatal(err)
	}
	if got := string(rows[19_999][0]); got != "person 19999" {
		t.Errorf("the last row became %s", got)
	}
}

func TestRun_SaysWhatIsWrongAndChangesNothing(t *testing.T) {
	const secret = "anna"
	for _, c := range []struct {
		name   string
		script string
		want   string
	}{
		{"dies", `exit 3`, "exit status 3 after 0 of 2 rows"},
		{"dies half way", `head -n 1; exit 4`, "exit status 4 after 1 of 2 rows"},
		{"complains and dies", `cat >&2; exit 1`, "exit status 1"},
		{"answers too few", `head -n 1`, "it answered 1 of 2 rows"},
		{"answers nothing", `cat > /dev/null`, "it answered 0 of 2 rows"},
		{"answers too many", `cat; echo '{}'`, "more than the 2 rows"},
		{"answers without end", `yes '{"name":"anna","note":"x"}'`, "more than the 2 rows"},
		{"prints garbage", `echo anna; cat`, "row 1 is no JSON object"},
		{"prints a list", `sed 's/.*/["anna"]/'`, "row 1 is no JSON object"},
		{"prints null", `sed 's/.*/null/'`, "row 1 is no JSON object"},
		{"forgets a column", `sed 's/"note"/"other"/'`, "lacks the column note"},
		{"adds a column", `sed 's/^{/{"more":"anna",/'`, "columns that it was not asked for"},
		{"answers numbers", `sed 's/"bob"/7/'`, "row 2 has something else than a text or null for the column name"},
		{"is silent", `exec sleep 600`, "gave no answer for 300ms"},
		{"is silent at the end", `cat; exec sleep 600`, "gave no answer for 300ms"},
		{"closes its output and stays", `cat; exec >&-; exec sleep 600`, "gave no answer for 300ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, runner := batch(), maskprogram.Runner{}
			if strings.Contains(c.name, "silent") || strings.Contains(c.name, "stays") {
				runner.Silence = 300 * time.Millisecond
			}
			err := runner.Run(t.Context(), shell(c.script), []string{"name", "note"}, rows)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error()+understudy.HintOf(err), secret) {
				t.Errorf("%v", err)
			}
			if diff := cmp.Diff(batch(), rows); diff != "" {
				t.Errorf("rows changed: %s", diff)
			}
		})
	}
}

func TestRun_SaysThatAProgramCannotBeStarted(t *testing.T) {
	for _, command := range [][]string{nil, {"/nowhere/mask", "--key=geheim"}, {"no-such-program-here"}, {t.TempDir()}} {
		err := (maskprogram.Runner{}).Run(t.Context(), command, []string{"a"}, [][][]byte{{[]byte("x")}})
		if err == nil || strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "/nowhere") {
			t.Errorf("%v: %v", command, err)
		}
	}
}

func TestRun_RefusesWhatJSONCannotCarry(t *testing.T) {
	err := (maskprogram.Runner{}).Run(t.Context(), shell("cat"), []string{"a"}, [][][]byte{{[]byte("\xff")}})
	if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), "column a of row 1") {
		t.Error(err)
	}
}

func TestRun_LeavesNothingRunning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- maskprogram.Runner{}.Run(ctx, shell(`sleep 600 & echo $! > `+file+`.new; mv `+file+`.new `+file+`; wait`), []string{"name", "note"}, batch())
	}()
	var pid int
	until(t, "the program has started another", func() bool {
		content, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(content)))
		return err == nil
	})
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "was stopped") {
		t.Errorf("%v", err)
	}
	until(t, "what it started has ended", func() bool {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // a zombie waits for its parent only
		return syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(state), ") Z ")
	})
}

func TestRun_HidesTheEnvironment(t *testing.T) {
	t.Setenv("DATABASE_PASSWORD", "geheim")
	rows := [][][]byte{{[]byte("x")}}
	if err := (maskprogram.Runner{}).Run(t.Context(), shell(`read row; printf '{"a":"%s"}\n' "$DATABASE_PASSWORD$PATH"`), []string{"a"}, rows); err != nil {
		t.Fatal(err)
	}
	if got := string(rows[0][0]); got != os.Getenv("PATH") {
		t.Errorf("it saw %q", got)
	}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for: %s", what)
		}
	}
}
