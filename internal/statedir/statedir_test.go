package statedir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/statedir"
)

func TestResolve_FindsTheSameSocketsWhateverTMPDIRIs(t *testing.T) {
	project := filepath.Join(t.TempDir(), strings.Repeat("long ", 20))
	before, err := statedir.Resolve(project, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	after, err := statedir.Resolve(project, "")
	if err != nil || before != after {
		t.Errorf("with another TMPDIR the sockets are in %s, and were in %s (%v)", after.Run, before.Run, err)
	}
	if len(after.Socket()) > 100 {
		t.Errorf("%s is too long for a socket", after.Socket())
	}
}

func TestResolve_RefusesAFileInPlaceOfAFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, chosen := range []string{file, filepath.Join(file, "state")} {
		_, err := statedir.Resolve(t.TempDir(), chosen)
		if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), "expected a folder, found a file") || !strings.Contains(understudy.HintOf(err), "--state-dir") {
			t.Errorf("%s: %v, with the hint %q", chosen, err, understudy.HintOf(err))
		}
	}
}

func TestMake_RefusesAFolderForSocketsThatIsALink(t *testing.T) {
	project := filepath.Join(t.TempDir(), strings.Repeat("long ", 20))
	state, err := statedir.Resolve(project, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), state.Run); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(state.Run) })
	if err := state.Make(); understudy.KindOf(err) != understudy.KindRefused {
		t.Errorf("a link in place of the folder for sockets: %v, expected a refusal", err)
	}
}

func TestMake_RefusesAStateDirectoryOfSomebodyElse(t *testing.T) {
	if os.Geteuid() != 0 { // only root can give a folder away; anybody else finds one that is root's
		state := statedir.Dir{Root: "/etc", Run: filepath.Join(t.TempDir(), "run")}
		if err := state.Make(); understudy.KindOf(err) != understudy.KindRefused {
			t.Errorf("a state directory of root's: %v, expected a refusal", err)
		}
		return
	}
	root := t.TempDir()
	if err := os.Chown(root, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	state := statedir.Dir{Root: root, Run: filepath.Join(root, "run")}
	if err := state.Make(); understudy.KindOf(err) != understudy.KindRefused {
		t.Errorf("a state directory of somebody else's: %v, expected a refusal", err)
	}
}

func TestMake_KeepsTheStateOutOfVersionControl(t *testing.T) {
	project := t.TempDir()
	state, err := statedir.Resolve(project, "")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := state.Make(); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(state.Below(".gitignore")); err != nil || string(got) != "*\n" {
		t.Errorf("what version control is to leave out: %q, %v", got, err)
	}
	chosen := statedir.Dir{Root: t.TempDir(), Run: state.Run}
	if err := chosen.Make(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(chosen.Below(".gitignore")); !os.IsNotExist(err) {
		t.Errorf("a folder that the user chose got a .gitignore: %v", err)
	}
}
