package understudy_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
)

func files() []understudy.ArtifactFile {
	return []understudy.ArtifactFile{
		{Path: "bin/web", Digest: digest("web"), Size: 3, Executable: true},
		{Path: "conf/app.ini", Digest: digest("ini"), Size: 5},
		{Path: "current", Link: "bin/web"},
	}
}

func shop() understudy.Application {
	return understudy.Application{
		Name:         "shop",
		Services:     []understudy.Service{{Name: "web", Command: []string{"bin/web"}, Port: 8080, Route: "/", Env: map[string]string{"URL": "${SHOP_URL}"}}},
		Databases:    []understudy.Database{{Name: "shop", Engine: "postgres", Role: "shop", Env: "DATABASE_URL"}},
		Integrations: []understudy.Integration{{Name: "mail", Kind: "smtp", Env: "SMTP_ADDR"}},
		Config:       []understudy.ConfigKey{{Key: "SHOP_URL", Required: true}},
		Migration:    &understudy.Migration{Up: []string{"bin/migrate", "up"}, Back: understudy.WayDown},
		Tests:        []understudy.Test{{Name: "unit", Command: []string{"bin/test"}}},
		Traffic:      &understudy.Traffic{Rate: 5, Journeys: []understudy.Journey{{Name: "buy", Steps: []understudy.Step{{Path: "/"}}}}},
	}
}

func named(t *testing.T, files []understudy.ArtifactFile, app understudy.Application, change func(*understudy.Release)) understudy.Release {
	t.Helper()
	artifact, err := understudy.NewArtifact(files)
	if err != nil {
		t.Fatal(err)
	}
	release := understudy.Release{Label: "v1", Artifact: artifact, Application: app}
	if change != nil {
		change(&release)
	}
	release, err = release.Name()
	if err != nil {
		t.Fatal(err)
	}
	return release
}

func TestRelease_TheSameContentHasTheSameName(t *testing.T) {
	first := named(t, files(), shop(), nil)
	reversed := files()
	slices.Reverse(reversed)
	for claim, other := range map[string]understudy.Release{
		"made again":            named(t, files(), shop(), nil),
		"files in other order":  named(t, reversed, shop(), nil),
		"another label":         named(t, files(), shop(), func(r *understudy.Release) { r.Label = "v2" }),
		"another source":        named(t, files(), shop(), func(r *understudy.Release) { r.Source = understudy.Source{Revision: "abc", Dirty: true} }),
		"made later by another": named(t, files(), shop(), func(r *understudy.Release) { r.CreatedAt, r.CreatedBy = time.Now(), "ada" }),
		"named already":         named(t, files(), shop(), func(r *understudy.Release) { r.Digest, r.Config = digest("x"), digest("y") }),
	} {
		if other.Digest != first.Digest || other.Config != first.Config || other.Migrations != first.Migrations {
			t.Errorf("%s: it has another name", claim)
		}
	}
	if _, err := understudy.ParseDigest(string(first.Digest)); err != nil {
		t.Errorf("the name is no digest: %v", err)
	}
}

func TestRelease_KeepsItsNameOverItsStoredForm(t *testing.T) {
	for claim, app := range map[string]understudy.Application{
		"whole": shop(),
		"empty, not absent": {Name: "shop", Config: []understudy.ConfigKey{}, Services: []understudy.Service{{
			Name: "web", Command: []string{"bin/web"}, Env: map[string]string{}, Needs: []string{},
		}}},
	} {
		first := named(t, files(), app, nil)
		raw, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		var read understudy.Release
		if err := json.Unmarshal(raw, &read); err != nil {
			t.Fatal(err)
		}
		again, err := read.Name()
		if err != nil {
			t.Fatal(err)
		}
		if again.Digest != first.Digest || again.Config != first.Config || again.Migrations != first.Migrations {
			t.Errorf("%s: stored and read, it is named %s %s %s, want %s %s %s", claim,
				again.Digest.Short(), again.Config.Short(), again.Migrations.Short(), first.Digest.Short(), first.Config.Short(), first.Migrations.Short())
		}
	}
}

func TestRelease_EveryKindOfContentChangesItsName(t *testing.T) {
	first := named(t, files(), shop(), nil)
	for claim, change := range map[string]func(files []understudy.ArtifactFile, app *understudy.Application, r *understudy.Release){
		"a file's content": func(f []understudy.ArtifactFile, _ *understudy.Application, _ *understudy.Release) {
			f[0].Digest = digest("x")
		},
		"a file's path": func(f []understudy.ArtifactFile, _ *understudy.Application, _ *understudy.Release) {
			f[0].Path = "bin/x"
		},
		"an executable bit": func(f []understudy.ArtifactFile, _ *understudy.Application, _ *understudy.Release) {
			f[1].Executable = true
		},
		"a link's target": func(f []understudy.ArtifactFile, _ *understudy.Application, _ *understudy.Release) {
			f[2].Link = "conf"
		},
		"the name": func(_ []understudy.ArtifactFile, a *understudy.Application, _ *understudy.Release) { a.Name = "x" },
		"a command": func(_ []understudy.ArtifactFile, a *understudy.Application, _ *understudy.Release) {
			a.Services[0].Command = []string{"x"}
		},
		"a service's env": func(_ []understudy.ArtifactFile, a *understudy.Application, _ *understudy.Release) {
			a.Services[0].Env["URL"] = "x"
		},
		"a health check": func(_ []understudy.ArtifactFile, a *understudy.Application, _ *understudy.Release) {
			a.Services[0].Health.Path = "/x"
		},
		"a database": func(_ []understudy.ArtifactFile, a *understudy.Application, _ *understudy.Release) {
			a.Databases[0].Role = "x"
		},
		"an integration": func(_ []understudy.ArtifactFile, a *understudy.Application, _ *understudy.Release) {
			a.Integrations[0].Kind = "http"
		},
		"a key": func(_ []understudy.ArtifactFile, a *understudy.Application, _ *understudy.Release) {
			a.Config[0].Unique = true
		},
		"the migration": func(_ []understudy.ArtifactFile, a *understudy.Application, _ *understudy.Release) {
			a.Migration.Down = []string{"x"}
		},
		"no migration": func(_ []understudy.ArtifactFile, a *understudy.Application, _ *understudy.Release) { a.Migration = nil },
		"a test": func(_ []understudy.ArtifactFile, a *understudy.Application, _ *understudy.Release) {
			a.Tests[0].Timeout = 1
		},
		"the traffic": func(_ []understudy.ArtifactFile, a *understudy.Application, _ *understudy.Release) {
			a.Traffic.Rate = 6
		},
		"the flags' digest": func(_ []understudy.ArtifactFile, _ *understudy.Application, r *understudy.Release) {
			r.Flags = digest("x")
		},
	} {
		tree, app := files(), shop()
		other := named(t, tree, app, func(r *understudy.Release) {
			change(tree, &r.Application, r)
			artifact, err := understudy.NewArtifact(tree)
			if err != nil {
				t.Fatal(err)
			}
			r.Artifact = artifact
		})
		if other.Digest == first.Digest {
			t.Errorf("%s: the name stays", claim)
		}
	}
}

func TestRelease_ConfigurationAndMigrationHaveNamesOfTheirOwn(t *testing.T) {
	first := named(t, files(), shop(), nil)
	config := named(t, files(), shop(), func(r *understudy.Release) { r.Application.Config[0].Default = "x" })
	env := named(t, files(), shop(), func(r *understudy.Release) { r.Application.Services[0].Env["URL"] = "x" })
	migration := named(t, files(), shop(), func(r *understudy.Release) { r.Application.Migration.Up = []string{"x"} })
	if config.Config == first.Config || env.Config == first.Config {
		t.Error("the configuration's name stays though a key or a service's env changed")
	}
	if config.Migrations != first.Migrations || migration.Config != first.Config {
		t.Error("the one's change changes the other's name")
	}
	if migration.Migrations == first.Migrations {
		t.Error("the migration's name stays though its command changed")
	}
}

func TestDiffReleases_ListsWhatPeopleMustKnow(t *testing.T) {
	before := named(t, files(), shop(), nil)
	changed := shop()
	changed.Services = append(changed.Services, understudy.Service{Name: "worker", Command: []string{"bin/worker"}})
	changed.Config = nil
	changed.Integrations[0].Kind = "http"
	changed.Databases[0].Role = "other"
	changed.Tests[0].Timeout = time.Second
	changed.Migration = nil
	changed.Traffic.Rate = 7
	tree := append(files()[1:], understudy.ArtifactFile{Path: "new", Digest: digest("new")})
	tree[0].Digest = digest("changed")
	after := named(t, tree, changed, nil)
	want := []understudy.ReleaseDifference{
		{What: "file", Name: "bin/web", Change: "removed"},
		{What: "file", Name: "conf/app.ini", Change: "changed"},
		{What: "file", Name: "new", Change: "added"},
		{What: "configuration", Name: "SHOP_URL", Change: "removed"},
		{What: "service", Name: "worker", Change: "added"},
		{What: "integration", Name: "mail", Change: "changed"},
		{What: "database", Name: "shop", Change: "changed"},
		{What: "test", Name: "unit", Change: "changed"},
		{What: "migration", Name: "declaration", Change: "removed"},
		{What: "traffic", Name: "declaration", Change: "changed"},
	}
	if diff := cmp.Diff(want, understudy.DiffReleases(before, after)); diff != "" {
		t.Error(diff)
	}
	if same := understudy.DiffReleases(before, before); len(same) != 0 {
		t.Errorf("a release differs from itself: %v", same)
	}
}

func TestDigest_IsReadInOneFormOnly(t *testing.T) {
	good := string(digest("x"))
	if d, err := understudy.ParseDigest(good); err != nil || string(d) != good {
		t.Errorf("%s: %v", good, err)
	}
	for _, bad := range []string{"", "sha256:", good[7:], good + "0", good[:70], "sha512:" + good[7:], "sha256:" + string(make([]byte, 64)), "SHA256:" + good[7:],
		"sha256:ABCDEF" + good[13:]} {
		if _, err := understudy.ParseDigest(bad); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%q is read as a digest: %v", bad, err)
		}
	}
	if short := digest("x").Short(); len(short) != 12 || good[7:19] != short {
		t.Errorf("short is %q", short)
	}
}
