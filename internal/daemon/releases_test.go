package daemon_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// version is what release.json of a release holds; see testdata/app.
type version struct {
	Name    string   `json:"name"`
	Text    string   `json:"text"`
	Web     string   `json:"web,omitempty"`
	Migrate string   `json:"migrate,omitempty"`
	Up      []string `json:"up"`
	Down    []string `json:"down"`
	Away    []string `json:"away,omitempty"`
	Broken  bool     `json:"broken,omitempty"`
	Needs   string   `json:"-"` // a key of configuration that it cannot do without
	Boots   bool     `json:"-"` // it declares no migration: its service migrates when it starts
	Burns   bool     `json:"-"` // no code leads back from it: its way back is to restore
}

func versions() map[string]version {
	tint := []string{`ALTER TABLE notes ADD COLUMN IF NOT EXISTS tint text`}
	untint := []string{`ALTER TABLE notes DROP COLUMN IF EXISTS tint`}
	tables := []string{
		`CREATE TABLE IF NOT EXISTS accounts (id int PRIMARY KEY, email text, full_name text, nickname text)`,
		`CREATE TABLE IF NOT EXISTS notes (id bigserial PRIMARY KEY, account int REFERENCES accounts, text text)`,
		`archive: CREATE TABLE IF NOT EXISTS kept (id int)`,
	}
	all := map[string]version{
		"old":     {Text: "text", Up: tables, Down: []string{`SELECT 1`}},
		"good":    {Text: "text", Up: tint, Down: untint},
		"plain":   {Text: "text", Up: []string{`SELECT pg_sleep(0.7)`}, Down: []string{`SELECT 1`}}, // no change of the schema, so its rehearsal is short
		"tidy":    {Text: "text", Up: tint, Down: untint, Away: []string{`ALTER TABLE accounts DROP COLUMN IF EXISTS nickname`}},
		"better":  {Text: "text", Up: []string{`ALTER TABLE notes ADD COLUMN IF NOT EXISTS shade text`}, Down: []string{`ALTER TABLE notes DROP COLUMN IF EXISTS shade`}},
		"burning": {Text: "text", Burns: true, Up: []string{`ALTER TABLE notes ADD COLUMN IF NOT EXISTS shade text`, `UPDATE notes SET text = 'burnt' WHERE id <= 10`}},
		"steady":  {Text: "text", Up: []string{`SELECT pg_sleep(0.7)`, tint[0]}, Down: untint},
		"slow": {Text: "text", Up: []string{
			`BEGIN`, `LOCK TABLE notes IN ACCESS EXCLUSIVE MODE`, `SELECT pg_sleep(2.5)`, tint[0], `COMMIT`,
		}, Down: untint},
		"moody": {Text: "text", Up: []string{ // by what it finds in the data
			`DO $$ BEGIN IF EXISTS (SELECT FROM notes WHERE text = 'lock') THEN LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE; PERFORM pg_sleep(30); END IF; END $$`,
			tint[0],
			`DO $$ BEGIN IF EXISTS (SELECT FROM notes WHERE text = 'sleep') THEN PERFORM pg_sleep(30); END IF; END $$`,
		}, Down: untint},
		"breaks-old": {Text: "body", Up: []string{
			`DO $$ BEGIN ALTER TABLE notes RENAME COLUMN text TO body; EXCEPTION WHEN undefined_column THEN END $$`,
		}, Down: []string{`ALTER TABLE notes RENAME COLUMN body TO text`}},
		"exits":    {Text: "text", Web: "exits", Up: append(slices.Clone(tables), tint...), Down: untint},
		"sick":     {Text: "text", Web: "sick", Up: tint, Down: untint},
		"forks":    {Text: "text", Web: "forks", Up: append(slices.Clone(tables), tint...), Down: untint},
		"hangs":    {Text: "text", Migrate: "hangs", Up: tint, Down: untint},
		"dies":     {Text: "text", Migrate: "dies", Up: tint, Down: untint},
		"untested": {Text: "text", Broken: true, Up: tint, Down: untint},
		"keyless":  {Text: "text", Up: tint, Down: untint, Needs: "GIFT_CARD_URL"},
		"turncoat": {Text: "text", Web: "fails-in-production", Up: tint, Down: untint},
		"half-built": {Text: "text", Up: []string{
			`DO $$ BEGIN IF to_regclass('public.marked') IS NULL THEN UPDATE notes SET text = text || '!' WHERE id <= 3; END IF; END $$`,
			`CREATE OR REPLACE FUNCTION slowly(id bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_sleep(0.02) WHERE id % 20 = 0; RETURN id; END'`,
			`CREATE INDEX CONCURRENTLY IF NOT EXISTS notes_slowly ON notes (slowly(id)) WHERE account > 0`,
			`CREATE TABLE IF NOT EXISTS marked AS SELECT now() AS at, gen_random_uuid() AS id`,
			`archive: ALTER TABLE kept ADD COLUMN IF NOT EXISTS until date`,
		}, Down: []string{`archive: ALTER TABLE kept DROP COLUMN until`, `DROP TABLE marked`, `DROP INDEX notes_slowly`, `DROP FUNCTION slowly`}},
		"lossy": {Text: "text", Up: []string{`ALTER TABLE accounts DROP COLUMN IF EXISTS nickname`, `ALTER TABLE notes DROP CONSTRAINT IF EXISTS notes_pkey`},
			Down: []string{`ALTER TABLE accounts ADD COLUMN nickname text`, `ALTER TABLE notes ADD PRIMARY KEY (id)`}},
	}
	all["boots"] = version{Text: "text", Web: "migrates", Boots: true, Up: append([]string{`SET lock_timeout = '300ms'`}, tint...)}
	all["boots-badly"] = version{Text: "text", Web: "migrates", Boots: true, Up: []string{
		`DO $$ BEGIN IF to_regclass('public.tinted') IS NULL THEN ALTER TABLE notes ADD COLUMN tint text; END IF; END $$`,
		`SELECT pg_sleep(0.8)`, `CREATE TABLE IF NOT EXISTS tinted ()`,
	}}
	for name, v := range all {
		v.Name = name
		all[name] = v
	}
	return all
}

// source writes the folder that a release is made of.
func (h *house) source(t *testing.T, name string) string {
	t.Helper()
	v, known := versions()[name]
	if !known {
		t.Fatalf("there is no version %q", name)
	}
	dir := filepath.Join(h.project, "src", name)
	raw, err := json.Marshal(v)
	check(t, err)
	program, err := os.ReadFile(app)
	check(t, err)
	check(t, os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "bin", "app"), program, 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "release.json"), raw, 0o644))
	if v.Boots {
		before, rest, _ := strings.Cut(h.yaml(), "migration:\n")
		_, after, _ := strings.Cut(rest, "tests:\n")
		check(t, os.WriteFile(filepath.Join(dir, "understudy.yaml"), []byte(before+"tests:\n"+after), 0o644))
	}
	if declared := h.flags[name]; declared != "" {
		check(t, os.WriteFile(filepath.Join(dir, "flags.json"), []byte(declared), 0o644))
		check(t, os.WriteFile(filepath.Join(dir, "understudy.yaml"), []byte("flags: flags.json\n"+h.yaml()), 0o644))
	}
	if v.Burns {
		check(t, os.WriteFile(filepath.Join(dir, "understudy.yaml"), []byte(strings.Replace(h.yaml(), "back: down", "back: restore", 1)), 0o644))
	}
	if v.Needs != "" {
		text := strings.Replace(h.yaml(), "env:\n      GREETING", fmt.Sprintf("env:\n      %[1]s: ${%[1]s:?where gift cards are kept}\n      GREETING", v.Needs), 1)
		check(t, os.WriteFile(filepath.Join(dir, "understudy.yaml"), []byte(text), 0o644))
	}
	return dir
}

// yaml is the project's file.
func (h *house) yaml() string {
	return strings.Replace(fmt.Sprintf(`
application: notes
services:
  web:
    command: [bin/app, web]
    port: 8080
    route: /
    health: {path: /healthz, interval: 200ms, deadline: 8s}
    needs: [main]
    grace: 2s
    env:
      GREETING: ${GREETING:-hello}
      PAYMENT_URL: ${PAYMENT_URL:?where cards are charged}
      SMTP_ADDR: ${SMTP_ADDR:?the mail relay}
databases:
  main: {engine: postgres, role: notes, env: DATABASE_URL}
integrations:
  payments:
    kind: http
    env: PAYMENT_URL
    answers: [{method: POST, path: /charge, status: 200, body: caught}]
  mail: {kind: smtp, env: SMTP_ADDR}
config:
  API_KEY: {secret: true, unique: true, about: what others know us by}
migration:
  up: [bin/app, migrate, up]
  down: [bin/app, migrate, down]
  back: down
  timeout: 6s
tests:
  smoke: {command: [bin/app, test], report: tap, timeout: 20s}
traffic:
  rate: 15
  journeys:
    read:
      weight: 2
      steps:
        - get: /
        - get: "/accounts/{{int 1 3000}}"
    write:
      steps:
        - post: /notes
          form: {text: "from {{unique}}"}
environments:
  production:
    purpose: production
    listen: %[1]s
    env: {PAYMENT_URL: "http://%[3]s", SMTP_ADDR: "%[4]s"}
    secrets: {API_KEY: "file:production.key"}
    databases:
      main: {seed: [bin/app, seed], settings: {max_connections: 60}}
  staging:
    purpose: staging
    twin_of: production
    copy: {rate: unlimited}
    listen: %[2]s
    env: {PAYMENT_URL: "http://%[3]s", SMTP_ADDR: "%[4]s"}
    secrets: {API_KEY: "file:staging.key"}
mask: mask.yaml
policy:
  bake: 2s
  steps: [50, 100]
  step_for: 600ms
  lock_timeout: 300ms
  min_requests: 10
  latency_floor: 1s
`, h.production, h.staging, h.payments, h.mail), "integrations:\n", h.second+"integrations:\n", 1)
}

// archive declares a second database.
const archive = "  archive: {engine: postgres, role: notes, env: ARCHIVE_URL}\n"

const masks = `
columns:
  "*.id": keep
  public.accounts.email: email
  public.accounts.full_name text: name
  public.accounts.nickname text: name
  public.notes.account integer: keep # as public.accounts.id, which it refers to
  public.notes.text text: text
  public.notes.body text: text
  public.notes.tint text: keep
  public.notes.shade text: keep
`
