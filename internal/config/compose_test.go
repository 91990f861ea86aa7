package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/config"
)

const composed = "application: shop\ncompose: compose.yaml\n"

func TestLoad_TakesServicesFromComposeAndKeepsReferences(t *testing.T) {
	p, err := load(t, map[string]string{
		config.FileName: composed + `
services:
  web: {route: /, env: {TOKEN: "${TOKEN}"}}
  cache: {skip: true}
  cron: {command: [bin/cron]}
databases: {db: {}}
`,
		".env":    "WEB_PORT=9000\nMODE=from-dotenv\n",
		"api.env": "API_LEVEL=3\n",
		"compose.yaml": `
version: "3"
include: [more.yaml]
services:
  web:
    extends: {file: base.yaml, service: base}
    command: bin/web --port ${PORT} 'a b' $$HOME
    ports: ["${WEB_PORT:-8080}:${INNER:-80}"]
    env_file: [api.env]
    environment: ["MODE=${MODE:-prod}", "X=$Y", "PASS", "TOKEN=literal"]
    depends_on: [db, cache]
    healthcheck: {test: "curl -f http://localhost/up?x=1 || exit 1", interval: 5s, timeout: 3s, retries: 3}
    stop_grace_period: 30s
    user: "1000:1000"
  db: {image: "postgres:16"}
  cache: {image: "redis:7"}
`,
		"base.yaml": "services: {base: {image: x, entrypoint: [bin/start], environment: {BASE: 1}}}\n",
		"more.yaml": "services: {mailer: {image: y, command: [bin/mailer]}}\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []understudy.Service{
		{
			Name: "web", Port: 80, Route: "/", User: "1000:1000", Grace: 30 * time.Second, Needs: []string{"db"},
			Command: []string{"sh", "-c", `exec "bin/start" "bin/web" "--port" "${PORT}" "a b" "\$HOME"`},
			Health:  understudy.Health{Path: "/up?x=1", Timeout: 3 * time.Second, Deadline: 15 * time.Second},
			Env: map[string]string{"BASE": "1", "MODE": "${MODE:-prod}", "X": "${Y}", "PASS": "${PASS}",
				"TOKEN": "${TOKEN}", "API_LEVEL": "${API_LEVEL}"},
		},
		{Name: "cron", Command: []string{"bin/cron"}},
		{Name: "mailer", Command: []string{"bin/mailer"}},
	}
	if diff := cmp.Diff(want, p.Application.Services); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLoad_SaysWhatIsWrongWithAComposeFile(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"includes itself": {map[string]string{"compose.yaml": "include: [other.yaml]\n", "other.yaml": "include: [compose.yaml]\n"}, "include cycle detected"},
		"extends itself":  {map[string]string{"compose.yaml": "services: {a: {extends: b}, b: {extends: a}}\n"}, "Circular reference"},
		"depends on itself": {map[string]string{"compose.yaml": "services: {a: {image: x, command: [x], depends_on: [b]}, b: {image: x, command: [x], depends_on: [a]}}\n"},
			"cycle"},
		"no YAML":            {map[string]string{"compose.yaml": "services: [\n"}, "reading the compose file compose.yaml:"},
		"unknown key":        {map[string]string{"compose.yaml": "services: {a: {imag: x}}\n"}, "imag"},
		"env_file missing":   {map[string]string{"compose.yaml": "services: {a: {image: x, command: [x], env_file: no.env}}\n"}, "services.a.env_file: there is no file no.env"},
		"no command":         {map[string]string{"compose.yaml": "services: {a: {image: x}}\n"}, "service a has no command, and the compose file leaves it to the image"},
		"include missing":    {map[string]string{"compose.yaml": "include: [no.yaml]\n"}, "no.yaml"},
		"a folder":           {map[string]string{"compose.yaml/x": ""}, "expected a file, found a folder"},
		"malformed dotenv":   {map[string]string{"compose.yaml": "services: {a: {image: x, command: [x]}}\n", ".env": "A=1\nhunter2 hunter2\n"}, "reading .env: expected lines KEY=value, found something else on line 2"},
		"billion laughs":     {map[string]string{"compose.yaml": laughs()}, "reading the compose file compose.yaml"},
		"service named dots": {map[string]string{"compose.yaml": "services: {..: {image: x, command: [x]}}\n"}, `found ".."`},
	} {
		t.Run(name, func(t *testing.T) {
			c.files[config.FileName] = composed
			_, err := load(t, c.files)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			if understudy.KindOf(err) != understudy.KindInvalid {
				t.Errorf("kind is %s, want invalid", understudy.KindOf(err))
			}
		})
	}
}

func laughs() string {
	var b strings.Builder
	b.WriteString("x-a: &a [x,x,x,x,x,x,x,x,x]\n")
	for _, pair := range []string{"ba", "cb", "dc", "ed", "fe", "gf", "hg", "ih", "ji"} {
		b.WriteString("x-" + pair[:1] + ": &" + pair[:1] + " [" + strings.TrimSuffix(strings.Repeat("*"+pair[1:]+",", 9), ",") + "]\n")
	}
	b.WriteString("services: {a: {image: x}}\n")
	return b.String()
}
