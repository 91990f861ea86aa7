package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/config"
)

// folder is a new folder with files in it.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, files map[string]string) (config.Project, error) {
	t.Helper()
	return config.Load(filepath.Join(folder(t, files), config.FileName))
}

const whole = `
application: shop
services:
  web: {command: [bin/web], port: 8080, route: /, health: /healthz, env: {LISTEN: "127.0.0.1:${PORT}"}, user: "", needs: [main], grace: 10s}
  worker: {command: [bin/worker, -n, "007"], work_dir: jobs, instances: 3, port: 9000, protocol: grpc, needs: [web], health: {deadline: 1m}}
databases: {main: {engine: postgres, role: shop, env: DATABASE_URL, extensions: [citext]}}
volumes: {uploads: {env: UPLOADS, service: worker}}
integrations: {payments: {kind: http, env: PAYMENT_URL, answers: [{path: /charge, body: '{"ok":true}'}]}, mail: {kind: smtp, env: SMTP_ADDR}}
config: {SESSION_KEY: {required: true, secret: true, unique: true, about: signs sessions}, PAGE_SIZE: {default: 020}, LIVE: }
migration: {up: [bin/migrate, up], down: [bin/migrate, down], back: down, timeout: 10m}
tests: {e2e: {command: [bin/e2e], report: junit.xml, timeout: 2m}}
traffic:
  rate: 30
  journeys:
    browse: {weight: 5, steps: [{get: /}, {get: "/products/{{int 1 1000}}", expect: [200]}, {post: /login, form: {email: "x"}, capture: {id: 'order (\d+)'}}]}
environments:
  production: {purpose: production, listen: "127.0.0.1:8080", env: {A: 1, B: yes}, env_file: production.env, secrets: {SESSION_KEY: "file:secrets/session"}, databases: {main: {seed: [bin/seed], port: 5500}}, volumes: {uploads: data/uploads}}
  staging: {purpose: staging, twin_of: production, listen: "127.0.0.1:8081", copy: {rate: 8MB, hold: 10m, subset: {main: {roots: {public.customers: {share: 0.1, by: country}, public.flags: }, children: [public.orders], keys: [{table: public.notes, columns: [about], references: public.customers, to: [id]}]}}}, prepare: [{command: [bin/accounts]}]}
mask: masking/rules.yaml
policy: {required: [twin, config], blocked_for: 500ms, steps: [50, 100], safety_copy: true}
`

func TestLoad_TurnsAWholeFileIntoWords(t *testing.T) {
	dir := folder(t, map[string]string{config.FileName: whole, "production.env": "A=2\nC='${A} $x'\nURL=http://${HOST}\n"})
	got, err := config.Load(filepath.Join(dir, config.FileName))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Project{
		Dir: dir, File: filepath.Join(dir, config.FileName), Mask: filepath.Join(dir, "masking/rules.yaml"),
		Lines: config.Lines{"production": {"A": "understudy.yaml:17", "B": "understudy.yaml:17", "SESSION_KEY": "understudy.yaml:17", "C": "production.env:2", "URL": "production.env:3"}},
		Application: understudy.Application{
			Name: "shop",
			Services: []understudy.Service{
				{Name: "web", Command: []string{"bin/web"}, Port: 8080, Route: "/", Health: understudy.Health{Path: "/healthz"},
					Env: map[string]string{"LISTEN": "127.0.0.1:${PORT}"}, Needs: []string{"main"}, Grace: 10 * time.Second},
				{Name: "worker", Command: []string{"bin/worker", "-n", "007"}, WorkDir: "jobs", Instances: 3, Port: 9000, Protocol: understudy.ProtocolGRPC, Needs: []string{"web"},
					Health: understudy.Health{Deadline: time.Minute}},
			},
			Databases: []understudy.Database{{Name: "main", Engine: "postgres", Role: "shop", Env: "DATABASE_URL", Extensions: []string{"citext"}}},
			Volumes:   []understudy.Volume{{Name: "uploads", Env: "UPLOADS", Service: "worker"}},
			Integrations: []understudy.Integration{
				{Name: "payments", Kind: "http", Env: "PAYMENT_URL", Answers: []understudy.Answer{{Path: "/charge", Status: 200, Body: `{"ok":true}`}}},
				{Name: "mail", Kind: "smtp", Env: "SMTP_ADDR"},
			},
			Config: []understudy.ConfigKey{
				{Key: "SESSION_KEY", Required: true, Secret: true, Unique: true, About: "signs sessions"},
				{Key: "PAGE_SIZE", Default: "020"}, {Key: "LIVE"},
			},
			Migration: &understudy.Migration{Up: []string{"bin/migrate", "up"}, Down: []string{"bin/migrate", "down"},
				Back: understudy.WayDown, Timeout: 10 * time.Minute},
			Tests: []understudy.Test{{Name: "e2e", Command: []string{"bin/e2e"}, Report: "junit.xml", Timeout: 2 * time.Minute}},
			Traffic: &understudy.Traffic{Rate: 30, Journeys: []understudy.Journey{{Name: "browse", Weight: 5, Steps: []understudy.Step{
				{Method: "GET", Path: "/"},
				{Method: "GET", Path: "/products/{{int 1 1000}}", Expect: []int{200}},
				{Method: "POST", Path: "/login", Form: map[string]string{"email": "x"}, Capture: map[string]string{"id": `order (\d+)`}},
			}}}},
		},
		Environments: []understudy.Environment{
			{Name: "production", Purpose: understudy.PurposeProduction, Listen: "127.0.0.1:8080",
				Env:       map[string]string{"A": "1", "B": "yes", "C": "${A} $x", "URL": "http://${HOST}"},
				Secrets:   map[string]understudy.SecretRef{"SESSION_KEY": understudy.SecretRef("file:" + dir + "/secrets/session")},
				Databases: map[string]understudy.DatabasePlacement{"main": {Seed: []string{"bin/seed"}, Port: 5500}},
				Volumes:   map[string]string{"uploads": dir + "/data/uploads"}},
			{Name: "staging", Purpose: understudy.PurposeStaging, Listen: "127.0.0.1:8081", TwinOf: "production",
				Copying: understudy.Copying{Rate: 8 << 20, Hold: 10 * time.Minute, Subsets: map[string]understudy.Subset{"main": {
					Roots:    map[string]understudy.SubsetRoot{"public.customers": {Share: 0.1, By: "country"}, "public.flags": {}},
					Children: []string{"public.orders"},
					Keys:     []understudy.VirtualKey{{Table: "public.notes", Columns: []string{"about"}, References: "public.customers", To: []string{"id"}}}}}},
				Prepare: []understudy.Test{{Name: "accounts", Command: []string{"bin/accounts"}}}},
		},
		Policy: understudy.Policy{Required: []string{"twin", "config"}, BlockedFor: 500 * time.Millisecond, Steps: []int{50, 100}, SafetyCopy: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLoad_SaysWhereAndWhatIsWrong(t *testing.T) {
	const head = "application: shop\nservices:\n  web:\n    command: [bin/web]\n    port: 80\n"
	for name, c := range map[string]struct{ file, want string }{
		"unknown key": {"application: shop\nservices:\n  web:\n    comand: [bin/web]\n",
			`understudy.yaml:4:5: services.web: unknown key "comand"; did you mean "command"?`},
		"unknown key at the top": {head + "polcy: {}\n", `understudy.yaml:6:1: unknown key "polcy"; did you mean "policy"?`},
		"wrong kind":             {"application: shop\nservices: [web]\n", `understudy.yaml:2:1: services: expected keys, found a list`},
		"missing key":            {"services: {web: {command: [x]}}\n", `understudy.yaml:1:1: expected application:, found none`},
		"wrong duration":         {head + "    grace: ten\n", `understudy.yaml:6:5: services.web.grace: expected a duration such as 500ms, 10s, 5m or 24h, found "ten"`},
		"endless duration":       {head + "    grace: 99999999999999h\n", `line 6: expected a duration of less than 290 years`},
		"port too large":         {"application: shop\nservices: {web: {command: [x], port: 70000}}\n", `services.web.port: expected at least 1 and at most 65535, found "70000"`},
		"nearest purpose": {head + "environments: {p: {purpose: prodution}}\n",
			`environments.p.purpose: expected one of development, qa, staging, production, preview, found "prodution"; did you mean "production"?`},
		"a copy to no twin":  {head + "environments:\n  production: {purpose: production, copy: {rate: 5MB}}\n", `environments.production.copy: it is no twin, so nothing is copied to it`},
		"followed files":     {head + "environments:\n  production: {purpose: production}\n  staging: {purpose: staging, twin_of: production, copy: {follow: true, method: physical}}\n", `environments.staging.copy.follow: rows are followed one by one, and method: physical takes files; expected one of them`},
		"followed subset":    {head + "environments:\n  production: {purpose: production}\n  staging: {purpose: staging, twin_of: production, copy: {follow: true, subset: {main: {roots: {public.a: {share: 0.1}}}}}}\n", `environments.staging.copy.follow: production's changes are of whole databases, and a subset is a part; expected one of them`},
		"two publications":   {head + "environments:\n  production: {purpose: production}\n  staging: {purpose: staging, twin_of: production, copy: {follow: true, publish: true, publication: own}}\n", `environments.staging.copy.publish: publication own is production's own, so none is to be made; expected one of them`},
		"nothing to publish": {head + "environments:\n  production: {purpose: production}\n  staging: {purpose: staging, twin_of: production, copy: {publish: true}}\n", `environments.staging.copy: publish: and publication: are for a copy that is followed; expected follow: true with them`},
		"files of a subset":  {head + "environments:\n  production: {purpose: production}\n  staging: {purpose: staging, twin_of: production, copy: {method: physical, subset: {main: {roots: {public.a: {share: 0.1}}}}}}\n", `environments.staging.copy.subset: a subset is taken row by row, and method: physical takes files; expected one of them`},
		"a folder of a twin": {head + "volumes: {up: {env: UP}}\nenvironments:\n  production: {purpose: production}\n  staging: {purpose: staging, twin_of: production, volumes: {up: /srv/up}}\n", `environments.staging.volumes.up: a twin has copies of its own, and writes into no other folder; expected nothing here`},
		"a rate of nothing":  {head + "environments:\n  production: {purpose: production}\n  staging: {purpose: staging, twin_of: production, copy: {rate: 0MB}}\n", `environments.staging.copy.rate: expected how many bytes a second, as 64MB, or unlimited; found "0MB"`},
		"twin of nobody": {head + "environments:\n  production: {purpose: production}\n  staging: {purpose: staging, twin_of: producton}\n",
			`understudy.yaml:8:31: environments.staging.twin_of: there is no environment "producton"; did you mean "production"?`},
		"twin of a twin": {head + "environments:\n  a: {purpose: production}\n  b: {purpose: staging, twin_of: a}\n  c: {purpose: qa, twin_of: b}\n",
			`environments.c.twin_of: b is a twin itself, of a`},
		"twin of itself": {head + "environments: {b: {purpose: staging, twin_of: b}}\n", `cannot be a twin of itself`},
		"same door": {head + "environments:\n  a: {purpose: production, listen: '127.0.0.1:80'}\n  b: {purpose: staging, listen: '0.0.0.0:80'}\n",
			`environments.b.listen: 0.0.0.0:80 is where environment a listens already (127.0.0.1:80)`},
		"no door": {head + "    route: /\nenvironments: {a: {purpose: production}}\n", `environments.a: expected listen:, where its front door is, found none`},
		"needs in a circle": {"application: shop\nservices:\n  a: {command: [x], needs: [b]}\n  b: {command: [x], needs: [a]}\n",
			`services: services need each other in a circle: a → b → a`},
		"need of nothing": {"application: shop\nservices:\n  web: {command: [x], needs: [wrker]}\n  worker: {command: [x]}\n",
			`understudy.yaml:3:31: services.web.needs[0]: there is no service or database "wrker"; did you mean "worker"?`},
		"no services":       {"application: shop\n", `application shop has no services`},
		"route and no port": {"application: shop\nservices: {web: {command: [x], route: /}}\n", `services.web.route: expected a port: beside the route`},
		"external without a database": {head + "databases: {main: {}}\nenvironments: {p: {purpose: production, external: true}}\n",
			`it is external, so database main is where its own means put it; expected databases.main.url: env:NAME`},
		"database unknown": {head + "databases: {main: {}}\nenvironments: {p: {purpose: production, databases: {mian: {}}}}\n",
			`environments.p.databases.mian: the application has no database "mian"; did you mean "main"?`},
		"env_file that is not there": {head + "environments: {p: {purpose: production, env_file: p.env}}\n", `environments.p.env_file: there is no file p.env`},
		"check unknown":              {head + "policy: {required: [twin, tets]}\n", `policy.required[1]: there is no check "tets"; did you mean "tests"?`},
		"steps that fall":            {head + "policy: {steps: [50, 10, 100]}\n", `policy.steps: policy steps must rise`},
		"way down without a command": {head + "databases: {main: {}}\nmigration: {up: [x], back: down}\n", `migration.back: the way back is down`},
		"two methods":                {head + "traffic: {rate: 1, journeys: {a: {steps: [{get: /, post: /}]}}}\n", `traffic.journeys.a.steps[0]: expected one of get:`},
		"capture without a group":    {head + "traffic: {rate: 1, journeys: {a: {steps: [{get: /, capture: {id: 'x'}}]}}}\n", `with one group in ( ), found 0`},
		"one key, two owners":        {head + "databases: {a: {}, b: {}}\n", `databases.b.env: key DATABASE_URL is taken by database a already`},
		"secret with a default":      {head + "config: {K: {secret: true, default: x}}\n", `config.K.default: a secret has no default`},
		"work_dir outside":           {"application: shop\nservices: {web: {command: [x], work_dir: ../x}}\n", `services.web.work_dir: expected a folder below`},
		"report outside":             {head + "tests: {a: {command: [x], report: ../x}}\n", `tests.a.report: expected a file below`},
		"empty":                      {"", `understudy.yaml is empty`},
		"empty but for a comment":    {"# nothing\n", `understudy.yaml is empty`},
		"nothing":                    {"---\nnull\n", `understudy.yaml is empty`},
		"a text":                     {"shop\n", `understudy.yaml:1:1: expected keys such as application: and services:, found a text`},
		"two documents":              {head + "---\na: b\n", `more than one document`},
		"tab":                        {"application: shop\nservices:\n\tweb: {}\n", `understudy.yaml:3:1: a tab, where YAML takes spaces only`},
		"no YAML":                    {"application: shop\nservices: [a\nmask: b\n", `understudy.yaml:1:1: this is no YAML: did not find expected ',' or ']'`},
		"key twice":                  {head + "application: other\n", `understudy.yaml:6:1: key "application" is there twice, first on line 1`},
		"anchor":                     {"application: &a shop\nservices: {web: {command: [*a]}}\n", `understudy.yaml:1:14: application: anchors and aliases are not read here`},
		"zero byte":                  {"application: a\x00b\n", `it holds a zero byte`},
		"key with a blank":           {head + "config: {'A B': {}}\n", `understudy.yaml:6:10: config: key "A B": expected letters, digits and _`},
		"name with a slash":          {"application: shop\nservices: {../web: {command: [x]}}\n", `services: key "../web": expected letters`},
		"compose file not there":     {"application: shop\ncompose: nowhere.yaml\n", `reading the compose file: there is no file nowhere.yaml`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, map[string]string{config.FileName: c.file})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			if understudy.KindOf(err) != understudy.KindInvalid {
				t.Errorf("kind is %s, want invalid", understudy.KindOf(err))
			}
		})
	}
}

func TestLoad_TellsSeveralProblemsAtOnceInOrderAndAtMostTen(t *testing.T) {
	file := "application: shop\nservices:\n"
	for _, name := range strings.Split("abcdefghijkl", "") {
		file += "  " + name + ": {comand: [x]}\n"
	}
	_, err := load(t, map[string]string{config.FileName: file})
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 11 || lines[10] != "and 2 more" {
		t.Fatalf("got %d lines:\n%s", len(lines), err)
	}
	for i, line := range lines[:10] {
		if !strings.HasPrefix(line, "understudy.yaml:"+[]string{"3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}[i]+":7: ") {
			t.Errorf("line %d is %s", i, line)
		}
	}
	if understudy.HintOf(err) == "" {
		t.Error("the error has no hint")
	}
}

func TestLoad_RefusesHostileFilesAtOnce(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for _, pair := range []string{"ba", "cb", "dc", "ed", "fe", "gf", "hg", "ih"} {
		bomb += pair[:1] + ": &" + pair[:1] + " [" + strings.TrimSuffix(strings.Repeat("*"+pair[1:]+",", 9), ",") + "]\n"
	}
	for name, c := range map[string]struct{ file, want string }{
		"ten megabytes":  {"application: shop\n#" + strings.Repeat("x", 10<<20), "understudy.yaml has 10.0 MiB, expected at most 1 MiB"},
		"billion laughs": {bomb, "anchors and aliases are not read here"},
		"deep nesting":   {"application: " + strings.Repeat("[", 100000), "understudy.yaml:"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := load(t, map[string]string{config.FileName: c.file})
			if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 4000 {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestLoad_SaysThatAFolderIsNoFile(t *testing.T) {
	_, err := config.Load(t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "expected a file, found a folder") {
		t.Errorf("got %v", err)
	}
}

func TestFind_LooksUpwardsAndSuggestsInit(t *testing.T) {
	dir := folder(t, map[string]string{config.FileName: "application: a\n", "deep/er/x": ""})
	got, err := config.Find(filepath.Join(dir, "deep", "er"))
	if err != nil || got != filepath.Join(dir, config.FileName) {
		t.Errorf("got %s, %v", got, err)
	}
	_, err = config.Find(t.TempDir())
	if understudy.KindOf(err) != understudy.KindNotFound || !strings.Contains(understudy.HintOf(err), "understudy init") {
		t.Errorf("got %v, hint %q", err, understudy.HintOf(err))
	}
}

func TestEnvironment_SuggestsTheNearestName(t *testing.T) {
	p := config.Project{Environments: []understudy.Environment{{Name: "production"}, {Name: "staging"}}}
	if e, err := p.Environment("staging"); err != nil || e.Name != "staging" {
		t.Errorf("got %v, %v", e, err)
	}
	_, err := p.Environment("stagign")
	if understudy.KindOf(err) != understudy.KindNotFound || !strings.Contains(err.Error(), `did you mean "staging"?`) {
		t.Errorf("got %v", err)
	}
}

func TestLoadRelease_TakesTheArtifactsOwnDeclarationAndNothingElse(t *testing.T) {
	p := config.Project{Application: understudy.Application{Name: "shop", Services: []understudy.Service{{Name: "old", Command: []string{"x"}}}}}
	app, err := config.LoadRelease(folder(t, map[string]string{"bin/web": ""}), p)
	if err != nil || app.Services[0].Name != "old" {
		t.Errorf("without a file: got %v, %v", app, err)
	}
	own := folder(t, map[string]string{config.FileName: "application: shop\nservices: {new: {command: [y]}}\nenvironments: {p: {nonsense: 1}}\npolicy: 7\n"})
	app, err = config.LoadRelease(own, p)
	if err != nil || app.Services[0].Name != "new" {
		t.Errorf("with a file: got %v, %v", app, err)
	}
	other := folder(t, map[string]string{config.FileName: "application: bank\nservices: {new: {command: [y]}}\n"})
	if _, err = config.LoadRelease(other, p); err == nil || !strings.Contains(err.Error(), "is of application bank, expected shop") {
		t.Errorf("of another application: got %v", err)
	}
	broken := folder(t, map[string]string{config.FileName: "application: shop\nservices: {new: {comand: [y]}}\n"})
	if _, err = config.LoadRelease(broken, p); err == nil || !strings.Contains(err.Error(), filepath.Join(broken, "understudy.yaml")+":2:18: ") {
		t.Errorf("with a mistake: got %v", err)
	}
}
