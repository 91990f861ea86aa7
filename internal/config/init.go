package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"understudy"
)

// draft is what Init found out about a project, before it is written down.
type draft struct {
	name         string
	compose      string // the file's name; empty: none
	services     []draftService
	databases    []draftDatabase
	integrations []draftIntegration
	config       map[string]draftKey
	migration    []string
	notes        []string
}

type draftService struct {
	name    string
	about   string // a comment above it
	command []string
	port    int
	route   string
	health  string
	env     map[string]string
	skip    bool
}

type draftDatabase struct {
	name, role, env, image string
	extensions             []string
}

type draftIntegration struct{ name, kind, env string }

type draftKey struct {
	required, secret bool
	value            string // default; never that of a secret
	about            string
}

// Init reads what a project has already (compose.yaml or docker-compose.yml, Procfile,
// .env) and returns an understudy.yaml with comments, which Load accepts, and notes on
// what could not be taken over. Nothing is written. Keys that look like secrets become
// references: no value of theirs is in the file or in a note.
func Init(dir string) (file []byte, notes []string, err error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, understudy.Errorf(understudy.KindInternal, "looking at %s: %w", dir, err)
	}
	if info, err := os.Stat(absolute); err != nil || !info.IsDir() {
		return nil, nil, understudy.Errorf(understudy.KindNotFound, "there is no folder %s to look at", dir)
	}
	d := &draft{name: projectNameOf(filepath.Base(absolute)), config: map[string]draftKey{}}
	values, err := composeValues(absolute)
	if err != nil {
		return nil, nil, err
	}
	if err := d.takeCompose(absolute, values); err != nil {
		return nil, nil, err
	}
	if err := d.takeProcfile(absolute); err != nil {
		return nil, nil, err
	}
	d.takeValues(values)
	d.complete()
	return d.write(), d.notes, nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9-]+`)

func projectNameOf(folder string) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(folder), "-"), "-")
	if name == "" {
		return "application"
	}
	return name[:min(len(name), 63)]
}

func (d *draft) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// takeValues takes the keys of .env over: what they are locally is a default for all
// environments, but for secrets and for what others hand in.
func (d *draft) takeValues(values map[string]string) {
	for _, key := range sorted(values) {
		if d.handedIn(key) {
			continue
		}
		k := d.config[key]
		if k.secret = k.secret || looksSecret(key) || valueLooksSecret(values[key]); k.secret {
			k.required, k.value = true, ""
		} else if k.value = strings.ReplaceAll(values[key], "$", "$$"); k.value != "" {
			k.required = false
		}
		k.about = "from .env"
		d.config[key] = k
	}
}

var composeOnly = regexp.MustCompile(`^(COMPOSE_|DOCKER_|POSTGRES_|PG(HOST|PORT|USER|PASSWORD|DATABASE)$)`)

// handedIn tells whether the runtime gives a key, or only containers want it.
func (d *draft) handedIn(key string) bool {
	for _, db := range d.databases {
		if db.env == key {
			return true
		}
	}
	_, asked := d.config[key]
	return key == "PORT" || (composeOnly.MatchString(key) && !asked)
}

// complete adds what every file needs: a service, one that is routed, and a database
// key without a second owner.
func (d *draft) complete() {
	if len(d.services) == 0 {
		d.services = append(d.services, draftService{name: "web", command: []string{"bin/web"}, port: 8080, route: "/",
			about: "nothing was found that says how the application starts: this is an example to change"})
		d.note("there is no compose.yaml and no Procfile, so services.web is an example: say how your application starts")
	}
	for _, s := range d.services {
		if s.route != "" {
			return
		}
	}
	for i := range d.services {
		if s := &d.services[i]; s.port > 0 && !s.skip {
			s.route = "/"
			return
		}
	}
}

// takeProcfile takes the processes of a Procfile over; release: is the migration.
func (d *draft) takeProcfile(dir string) error {
	content, err := readText(filepath.Join(dir, "Procfile"), "Procfile")
	if err != nil {
		var missing *fs.PathError
		if understudy.KindOf(err) == understudy.KindNotFound || (errors.As(err, &missing) && os.IsNotExist(missing)) {
			return nil
		}
		return err
	}
	if d.compose != "" {
		d.note("there is a Procfile beside %s: only its release: line was looked at", d.compose)
	}
	for i, line := range strings.Split(string(content), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, command, found := strings.Cut(line, ":")
		if command = strings.TrimSpace(command); !found || !procName.MatchString(name) || command == "" {
			d.note("Procfile:%d: expected name: command, found something else; left out", i+1)
			continue
		}
		d.takeProcess(name, command)
	}
	return nil
}

var procName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

func (d *draft) takeProcess(name, command string) {
	if name == "release" {
		d.takeMigration("release: in the Procfile", shellCommand(command))
		return
	}
	if d.compose == "" && secretInCommand(command) {
		d.note("the command of %s in the Procfile holds what looks like a secret, and is not taken over: let it read the secret from its environment", name)
		command = "bin/" + name
	}
	switch {
	case d.compose != "":
	case name == "web":
		d.services = append(d.services, draftService{name: name, command: shellCommand(command), port: 8080, route: "/",
			about: "from the Procfile; it is told its port by PORT"})
	default:
		d.services = append(d.services, draftService{name: name, command: shellCommand(command), about: "from the Procfile"})
	}
}

// takeMigration takes a command for the migration, but for one that shows a secret.
func (d *draft) takeMigration(from string, command []string) {
	if secretInCommand(strings.Join(command, " ")) {
		d.note("%s is a migration whose command holds what looks like a secret, and is not taken over: let it read the secret from its environment", from)
		return
	}
	d.migration = command
}

// secretInCommand tells whether a command line shows a password or a token.
func secretInCommand(line string) bool {
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t=\"'", r) }) {
		if valueLooksSecret(word) {
			return true
		}
	}
	return passwordOption.MatchString(line)
}

var passwordOption = regexp.MustCompile(`(?i)(password|passwd|secret|token)[= "']+[^$ "'][^ ]*`)

// shellCommand is a line of shell as a command: without a shell where none is needed.
func shellCommand(line string) []string {
	if !strings.ContainsAny(line, "$|&;<>*?\"'`\\(){}[]~#=") {
		return strings.Fields(line)
	}
	if !strings.ContainsAny(line, "|&;<>(){}`") && !strings.Contains(strings.Fields(line)[0], "=") {
		line = "exec " + line
	}
	return []string{"sh", "-c", line}
}
