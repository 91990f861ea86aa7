package evidence_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"understudy"
	"understudy/internal/evidence"
)

func TestPut_KeepsWhatOpenReturns(t *testing.T) {
	keeper := evidence.Keep(filepath.Join(t.TempDir(), "evidence"))
	for _, content := range []string{"", "relation orders, AccessExclusiveLock, 3.7 s\n"} {
		kept, err := keeper.Put("locks.txt", strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		want := understudy.Evidence{Name: "locks.txt", Digest: understudy.DigestOf([]byte(content)), Size: int64(len(content))}
		if kept != want {
			t.Fatalf("kept %+v, expected %+v", kept, want)
		}
		if got := open(t, keeper, kept); string(got) != content {
			t.Fatalf("opened %q", got)
		}
	}
}

func TestPut_OfTheSameContentTwiceKeepsOneFile(t *testing.T) {
	folder := t.TempDir()
	keeper := evidence.Keep(folder)
	for _, name := range []string{"a.txt", "b.txt"} {
		if _, err := keeper.Put(name, strings.NewReader("the same")); err != nil {
			t.Fatal(err)
		}
	}
	if files := filesIn(t, folder); len(files) != 1 {
		t.Fatalf("found %v", files)
	}
}

func TestPut_CutsWhatIsTooLongAndSaysSo(t *testing.T) {
	keeper := evidence.Keep(t.TempDir())
	kept, err := keeper.Put("worker.log", io.LimitReader(endless{}, evidence.Limit+1))
	if err != nil {
		t.Fatal(err)
	}
	content := open(t, keeper, kept)
	if kept.Size > evidence.Limit || int64(len(content)) != kept.Size {
		t.Fatalf("kept %d bytes, opened %d", kept.Size, len(content))
	}
	if !bytes.Contains(content[len(content)-200:], []byte("[cut by understudy: these are the first ")) {
		t.Fatalf("the end does not say that it was cut: %q", content[len(content)-200:])
	}
}

func TestPut_KeepsNothingOfASourceThatBreaks(t *testing.T) {
	folder, cause := t.TempDir(), errors.New("the pipe broke")
	_, err := evidence.Keep(folder).Put("plan.json", io.MultiReader(strings.NewReader("half"), iotest.ErrReader(cause)))
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "plan.json") {
		t.Fatalf("found %v", err)
	}
	if files := filesIn(t, folder); len(files) != 0 {
		t.Fatalf("found %v", files)
	}
}

func TestOpen_RefusesAFileThatWasChanged(t *testing.T) {
	folder := t.TempDir()
	keeper := evidence.Keep(folder)
	kept, err := keeper.Put("locks.txt", strings.NewReader("no lock was held"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filesIn(t, folder)[0], []byte("No lock was held"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = keeper.Open(kept)
	if understudy.KindOf(err) != understudy.KindInternal || !strings.Contains(err.Error(), "changed") {
		t.Fatalf("found %v", err)
	}
}

func TestOpen_SaysWhatIsNotKeptHere(t *testing.T) {
	keeper := evidence.Keep(t.TempDir())
	_, err := keeper.Open(understudy.Evidence{Name: "gone", Digest: understudy.DigestOf([]byte("gone"))})
	if understudy.KindOf(err) != understudy.KindNotFound {
		t.Fatalf("found %v", err)
	}
	_, err = keeper.Open(understudy.Evidence{Name: "trick", Digest: "sha256:../../etc/passwd"})
	if understudy.KindOf(err) != understudy.KindInvalid {
		t.Fatalf("found %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func open(t *testing.T, keeper evidence.Keeper, e understudy.Evidence) []byte {
	t.Helper()
	r, err := keeper.Open(e)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return content
}

func filesIn(t *testing.T, folder string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
