package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/config"
)

var update = flag.Bool("update", false, "write what Init makes of testdata/init to its understudy.yaml.want files")

// project copies one of testdata/init, where .env is called env so that it is not left
// out of archives.
func project(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS("testdata/init/"+name)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "env"), filepath.Join(dir, ".env")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return dir
}

func TestInit_WritesWhatWasExpectedAndLoadTakesIt(t *testing.T) {
	for _, name := range []string{"shop", "rails", "node", "procfile"} {
		t.Run(name, func(t *testing.T) {
			dir := project(t, name)
			file, notes, err := config.Init(dir)
			if err != nil {
				t.Fatal(err)
			}
			got := string(file) + "\nnotes:\n" + strings.Join(notes, "\n") + "\n"
			golden := filepath.Join("testdata", "init", name, "understudy.yaml.want")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			for path, content := range map[string]string{config.FileName: string(file), "api.env": "API_LEVEL=3\n"} {
				if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := config.Load(filepath.Join(dir, config.FileName)); err != nil {
				t.Errorf("loading what Init wrote: %v", err)
			}
		})
	}
}

func TestInit_CarriesNoSecretOver(t *testing.T) {
	secrets := []string{"hunter2-db", "3f9c2a7be1d84450a1b2c3d4e5f60718", "sk_live_51H8xxSECRETxx", "glpat-XyZ0123456789abcdef",
		"0123456789abcdef0123456789abcdef", "postgres:password@", "dev-only-not-so-secret", "s3cr3t-token-value"}
	for _, name := range []string{"shop", "rails", "node", "procfile"} {
		dir := project(t, name)
		file, notes, err := config.Init(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, config.FileName), file, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "api.env"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := config.Load(filepath.Join(dir, config.FileName))
		if err != nil {
			t.Fatal(err)
		}
		words, err := understudy.Release{Application: loaded.Application}.Name()
		if err != nil {
			t.Fatal(err)
		}
		release := spelt(t, words)
		for _, secret := range secrets {
			if strings.Contains(string(file)+strings.Join(notes, "\n"), secret) {
				t.Errorf("%s: %s is in the file or in a note", name, secret)
			}
			if strings.Contains(release, secret) {
				t.Errorf("%s: %s would become part of a release", name, secret)
			}
		}
	}
}

func TestInit_LeavesOutCommandsThatShowASecret(t *testing.T) {
	dir := folder(t, map[string]string{"Procfile": "web: bin/web --token=hunter2\nrelease: bin/migrate postgres://u:hunter2@h/d\n"})
	file, notes, err := config.Init(dir)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(file)+strings.Join(notes, "\n"), "hunter2") || len(notes) != 2 {
		t.Errorf("got %s\n%q", file, notes)
	}
}

func TestInit_OfAnEmptyFolderIsAnExampleThatLoads(t *testing.T) {
	dir := folder(t, nil)
	file, notes, err := config.Init(dir)
	if err != nil || len(notes) != 1 {
		t.Fatalf("got %v, %q", err, notes)
	}
	if err := os.WriteFile(filepath.Join(dir, config.FileName), file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(filepath.Join(dir, config.FileName)); err != nil {
		t.Error(err)
	}
}

func TestInit_SaysWhatIsWrongWithWhatItReads(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"reading the compose file compose.yaml": {"compose.yaml": "services: ["},
		"reading .env":                          {".env": "what is this\n"},
	} {
		_, _, err := config.Init(folder(t, files))
		if err == nil || !strings.Contains(err.Error(), name) || understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}
