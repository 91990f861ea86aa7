package doctor_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy/internal/doctor"
)

func looked(t *testing.T, dir string, seal func() error) map[string]doctor.Finding {
	t.Helper()
	out := map[string]doctor.Finding{}
	for _, f := range doctor.Look(t.Context(), dir, "", seal) {
		if f.What == "" || f.Found == "" {
			t.Errorf("finding %+v does not say what was looked for and what was found", f)
		}
		word, _, _ := strings.Cut(f.What, ":")
		out[word] = f
	}
	return out
}

func short(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "us")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestLook_LeavesNothingBehind(t *testing.T) {
	dir := short(t)
	found := looked(t, dir, func() error { return nil })
	if f := found["a state folder that can be written"]; !f.OK {
		t.Errorf("state folder: %+v", f)
	}
	if f := found["a seal"]; !f.OK {
		t.Errorf("seal: %+v", f)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestLook_SaysWhyThereIsNoSealAndWhatToDo(t *testing.T) {
	f := looked(t, short(t), func() error { return errors.New("user namespaces are switched off") })["a seal"]
	if f.OK || f.Found != "user namespaces are switched off" || f.Fix == "" {
		t.Errorf("found %+v", f)
	}
}

func TestLook_RefusesToCallWhatWasNotLookedAtGood(t *testing.T) {
	if f := looked(t, short(t), nil)["a seal"]; f.OK {
		t.Errorf("found %+v", f)
	}
}

func TestLook_WarnsOfPathsTooLongForSockets(t *testing.T) {
	dir := filepath.Join(short(t), strings.Repeat("long/", 20))
	if f := looked(t, dir, nil)["a path short enough for sockets"]; f.OK || !strings.Contains(f.Fix, "--state-dir") {
		t.Errorf("found %+v", f)
	}
	if f := looked(t, short(t), nil)["a path short enough for sockets"]; !f.OK {
		t.Errorf("found %+v", f)
	}
}

func TestLook_SaysThatAStateFolderIsAFile(t *testing.T) {
	dir := short(t)
	if err := os.WriteFile(filepath.Join(dir, ".understudy"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := looked(t, dir, nil)["a state folder that can be written"]; f.OK || f.Fix == "" {
		t.Errorf("found %+v", f)
	}
}

func TestLook_LooksAtTheStateFolderThatWasChosen(t *testing.T) {
	chosen := filepath.Join(short(t), "file")
	if err := os.WriteFile(chosen, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range doctor.Look(t.Context(), short(t), chosen, nil) {
		if f.OK && strings.HasPrefix(f.What, "a state folder") {
			t.Errorf("it is a file, and found is %+v", f)
		}
	}
	for _, f := range doctor.Look(t.Context(), short(t), filepath.Join(short(t), strings.Repeat("long/", 20)), nil) {
		if f.OK && strings.HasPrefix(f.What, "a path short enough") || strings.Contains(f.Found, "could not be looked at") {
			t.Errorf("its path is long, and it is not there yet, and found is %+v", f)
		}
	}
}

func TestLook_FindsThisMachinesPostgreSQL(t *testing.T) {
	f := looked(t, short(t), nil)["PostgreSQL 13 or newer"]
	if servers, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres"); err != nil || len(servers) == 0 {
		if f.OK {
			t.Logf("found elsewhere: %s", f.Found)
		}
		return
	}
	if !f.OK || !strings.Contains(f.Found, "/usr/lib/postgresql/") || f.Fix != "" {
		t.Errorf("found %+v", f)
	}
}
