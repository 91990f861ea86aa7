package config

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// page is a file being written.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) {
	fmt.Fprintf(&p.Builder, format+"\n", args...)
}

// write is the draft as a file with comments.
func (d *draft) write() []byte {
	p := &page{}
	p.line("# Understudy keeps staging as a twin of production and rehearses every release there.")
	p.line("# Written by understudy init: look through it, then run understudy doctor.")
	p.line("")
	p.line("application: %s", quote(d.name))
	if d.compose != "" {
		p.line("")
		p.line("# Services come from here; what stands under services: refines them.")
		p.line("compose: %s", d.compose)
	}
	d.writeServices(p)
	d.writeDatabases(p)
	d.writeIntegrations(p)
	d.writeConfig(p)
	d.writeMigration(p)
	d.writeRehearsal(p)
	d.writeEnvironments(p)
	d.writePolicy(p)
	return []byte(p.String())
}

func (d *draft) writeServices(p *page) {
	p.line("")
	p.line("# Commands run in the release's folder, so paths are relative to it.")
	p.line("services:")
	for _, s := range d.services {
		if s.about != "" {
			p.line("  # %s", s.about)
		}
		p.line("  %s:", quote(s.name))
		if s.skip {
			p.line("    skip: true")
			continue
		}
		if len(s.command) > 0 {
			p.line("    command: %s", list(s.command))
		}
		if s.port > 0 {
			p.line("    port: %d", s.port)
		}
		if s.route != "" {
			p.line("    route: %s          # the front door sends this path, and what is below it", s.route)
		}
		if s.route != "" && s.health == "" {
			p.line("    # health: /healthz  # a path that answers 2xx when it is ready")
		}
		if len(s.env) > 0 {
			p.line("    env:              # references in place of values that would become part of the release")
			for _, key := range sorted(s.env) {
				p.line("      %s: %s", key, quote(s.env[key]))
			}
		}
		if len(s.command) == 0 && s.port == 0 && s.route == "" && len(s.env) == 0 {
			p.line("    grace: 10s        # from being asked to end until being made to")
		}
	}
}

func (d *draft) writeDatabases(p *page) {
	p.line("")
	if len(d.databases) == 0 {
		p.line("# databases:")
		p.line("#   main: {engine: postgres, role: %s, env: DATABASE_URL}", d.name)
		return
	}
	p.line("# Each environment has its own; the application learns where from the key under env:.")
	p.line("databases:")
	for _, db := range d.databases {
		p.line("  %s:                  # %s", quote(db.name), db.image)
		p.line("    engine: postgres")
		p.line("    role: %s", quote(db.role))
		p.line("    env: %s", db.env)
		if len(db.extensions) > 0 {
			p.line("    extensions: %s", list(db.extensions))
		}
	}
}

func (d *draft) writeIntegrations(p *page) {
	p.line("")
	p.line("# What the application calls outside. On a twin the calls are caught, not made.")
	if len(d.integrations) == 0 {
		p.line("# integrations:")
		p.line("#   payments: {kind: http, env: PAYMENT_URL, answers: [{path: /charge, status: 200, body: '{\"ok\":true}'}]}")
		p.line("#   mail: {kind: smtp, env: SMTP_ADDR}")
		return
	}
	p.line("integrations:")
	for _, i := range d.integrations {
		p.line("  %s: {kind: %s, env: %s}", i.name, i.kind, i.env)
	}
}

func (d *draft) writeConfig(p *page) {
	p.line("")
	p.line("# The keys that the application reads. Secrets have no value here: see secrets: below.")
	if len(d.config) == 0 {
		p.line("# config:")
		p.line("#   SESSION_KEY: {required: true, secret: true, unique: true, about: signs sessions}")
		return
	}
	p.line("config:")
	for _, key := range sorted(d.config) {
		k := d.config[key]
		var parts []string
		if k.required {
			parts = append(parts, "required: true")
		}
		if k.secret {
			parts = append(parts, "secret: true", "unique: true")
		}
		if k.value != "" && !k.secret {
			parts = append(parts, "default: "+quote(k.value))
		}
		if k.about != "" {
			parts = append(parts, "about: "+quote(k.about))
		}
		p.line("  %s: {%s}", key, strings.Join(parts, ", "))
	}
}

func (d *draft) writeMigration(p *page) {
	p.line("")
	if len(d.migration) == 0 || len(d.databases) == 0 {
		if len(d.migration) > 0 {
			d.note("the migration %s is written as a comment: there is no database under databases: yet", strings.Join(d.migration, " "))
		}
		p.line("# How the schema is brought forward, and back.")
		p.line("# migration:")
		p.line("#   up: %s", list(orElse(d.migration, "bin/migrate", "up")))
		p.line("#   down: [bin/migrate, down]")
		p.line("#   back: down   # or none: the old release runs on the new schema")
		return
	}
	p.line("# How the schema is brought forward, and back to what production has.")
	p.line("migration:")
	p.line("  up: %s", list(d.migration))
	p.line("  # down: [bin/migrate, down]   # then say back: down")
	p.line("  back: none")
}

// writeRehearsal proposes what a rehearsal needs and nothing in the project tells.
func (d *draft) writeRehearsal(p *page) {
	p.line("")
	p.line("# The team's own tests, run on the twin; BASE_URL says where the application is.")
	p.line("# tests:")
	p.line("#   e2e: {command: [bin/e2e], report: tap, timeout: 2m}")
	p.line("")
	p.line("# What visitors do. Without it nobody can tell whether the old release works on the new schema,")
	p.line("# and a rehearsal ends inconclusive. A release has the traffic that stands here when it is made.")
	p.line("# traffic:")
	p.line("#   rate: 10               # journeys that begin per second")
	p.line("#   journeys:")
	p.line("#     visit:")
	p.line("#       steps:")
	p.line("#         - {get: /}         # any answer from 200 to 399; or expect: [200]")
}

func orElse(list []string, other ...string) []string {
	if len(list) > 0 {
		return list
	}
	return other
}

func (d *draft) writeEnvironments(p *page) {
	var secrets []string
	for _, key := range sorted(d.config) {
		if d.config[key].secret {
			secrets = append(secrets, key)
		}
	}
	routed := false
	for _, s := range d.services {
		routed = routed || s.route != ""
	}
	p.line("")
	p.line("environments:")
	for _, e := range []struct{ name, twin, listen string }{{"production", "", "127.0.0.1:8080"}, {"staging", "production", "127.0.0.1:8081"}} {
		p.line("  %s:", e.name)
		p.line("    purpose: %s", e.name)
		if e.twin != "" {
			p.line("    twin_of: %s   # its release and masked data; nothing gets out", e.twin)
		}
		if routed {
			p.line("    listen: %s", e.listen)
		}
		p.line("    env: {}")
		if len(secrets) > 0 {
			p.line("    secrets:               # file:PATH, exec:COMMAND or env:NAME (of the daemon), never a value")
			for _, key := range secrets {
				p.line("      %s: env:%s_%s", key, strings.ToUpper(e.name), key)
			}
		}
	}
}

func (d *draft) writePolicy(p *page) {
	p.line("")
	p.line("# What must hold before a release may be promoted. These are the defaults.")
	p.line("# policy:")
	p.line("#   blocked_for: 1s    # the longest a request may be blocked by a migration")
	p.line("#   max_age: 24h       # of a verdict")
	p.line("#   steps: [10, 50, 100]")
	p.line("#   bake: 1m")
}

// quote writes a text so that YAML reads the same text: JSON is YAML.
func quote(text string) string {
	if plainWord.MatchString(text) && !keyword(text) {
		return text
	}
	raw, err := json.Marshal(text)
	if err != nil { // a text always has a JSON form
		return `""`
	}
	return string(raw)
}

func list(words []string) string {
	var out []string
	for _, word := range words {
		out = append(out, quote(word))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

var plainWord = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9/._-]*$`)

// keyword tells whether YAML takes a bare word for something else than a text.
func keyword(word string) bool {
	switch strings.ToLower(word) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
		return true
	}
	return false
}
