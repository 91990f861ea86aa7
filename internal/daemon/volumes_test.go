package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"understudy"
	"understudy/internal/statedir"
	"understudy/internal/store"
)

// volumed is a daemon with a production and a twin that have a volume.
func volumed(t *testing.T) (d *Daemon, production, staging understudy.Environment, app understudy.Application) {
	t.Helper()
	state := statedir.Dir{Root: t.TempDir(), Run: t.TempDir()}
	did(t, state.Make())
	records, err := store.Open(t.Context(), "sqlite:"+state.Below("store.db"))
	did(t, err)
	t.Cleanup(func() { did(t, records.Close()) })
	d = &Daemon{options: Options{State: state}, store: records}
	app = understudy.Application{Name: "shop", Services: []understudy.Service{{Name: "web"}}, Volumes: []understudy.Volume{{Name: "uploads", Env: "UPLOADS"}}}
	return d, understudy.Environment{Name: "production"}, understudy.Environment{Name: "staging", TwinOf: "production"}, app
}

func TestVolumes_ATwinWritesIntoCopiesThatEachResetPutsBack(t *testing.T) {
	d, production, staging, app := volumed(t)
	did(t, d.makeVolumes(production, app))
	theirs, ours := filepath.Join(d.volume(production, "uploads"), "a.png"), filepath.Join(d.volume(staging, "uploads"), "a.png")
	did(t, os.WriteFile(theirs, []byte("production's"), 0o600))
	did(t, copier{d}.copyVolumes(t.Context(), production, staging, app, "s1", func(string) {}))
	did(t, os.WriteFile(theirs, []byte("production's, later"), 0o600))
	did(t, os.MkdirAll(d.volume(staging, "of an older release"), 0o700))
	for range 2 {
		did(t, d.resetVolumes(t.Context(), staging, app, "s1"))
		if got, err := os.ReadFile(ours); err != nil || string(got) != "production's" {
			t.Fatalf("after a reset the twin has %q, %v", got, err)
		}
		did(t, os.WriteFile(ours, []byte("the twin's"), 0o600))
	}
	if got, err := os.ReadFile(theirs); err != nil || string(got) != "production's, later" {
		t.Errorf("production has %q, %v", got, err)
	}
	if _, err := os.Stat(d.volume(staging, "of an older release")); err == nil {
		t.Error("a volume that the release does not have was not cleared away")
	}
	did(t, copier{d}.copyVolumes(t.Context(), production, staging, app, "s2", func(string) {}))
	if _, err := os.Stat(d.goldenVolumes("staging", "s1")); err == nil {
		t.Error("the copies of a snapshot that no record names were kept")
	}
}

func TestVolumes_NoLinkLeadsATwinBackToProduction(t *testing.T) {
	d, production, staging, app := volumed(t)
	real := t.TempDir()
	did(t, os.WriteFile(filepath.Join(real, "a.png"), []byte("a"), 0o600))
	did(t, os.Symlink("a.png", filepath.Join(real, "latest.png")))
	linked := filepath.Join(t.TempDir(), "current")
	did(t, os.Symlink(real, linked))
	production.Volumes = map[string]string{"uploads": linked}
	did(t, copier{d}.copyVolumes(t.Context(), production, staging, app, "s1", func(string) {}))
	did(t, d.resetVolumes(t.Context(), staging, app, "s1"))
	did(t, os.WriteFile(filepath.Join(d.volume(staging, "uploads"), "latest.png"), []byte("the twin's"), 0o600))
	if got, err := os.ReadFile(filepath.Join(real, "a.png")); err != nil || string(got) != "a" {
		t.Errorf("production has %q, %v", got, err)
	}
	did(t, os.Symlink(filepath.Join(real, "a.png"), filepath.Join(real, "straight.png")))
	if err := (copier{d}).copyVolumes(t.Context(), production, staging, app, "s2", func(string) {}); understudy.KindOf(err) != understudy.KindRefused {
		t.Errorf("a link back to production: %v", err)
	}
	if _, err := os.Stat(filepath.Join(d.goldenVolumes("staging", "s2"), "uploads")); err == nil {
		t.Error("it was copied all the same")
	}
}

func TestVolumes_WhereSomebodyElseKeepsOneItIsLeftAsItIs(t *testing.T) {
	d, production, staging, app := volumed(t)
	production.Volumes = map[string]string{"uploads": filepath.Join(t.TempDir(), "not there")}
	did(t, d.makeVolumes(production, app))
	if _, err := os.Stat(production.Volumes["uploads"]); err == nil {
		t.Error("it was made")
	}
	if err := (copier{d}).copyVolumes(t.Context(), production, staging, app, "s1", func(string) {}); understudy.KindOf(err) != understudy.KindNotFound {
		t.Errorf("copying it: %v", err)
	}
}

func did(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
