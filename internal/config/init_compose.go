package config

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"understudy"
)

// takeCompose takes over what the first compose file found says.
func (d *draft) takeCompose(dir string, values map[string]string) error {
	for _, name := range []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			d.compose = name
			break
		}
	}
	if d.compose == "" {
		return nil
	}
	file := filepath.Join(dir, d.compose)
	c, err := loadCompose(file, d.compose)
	if err != nil {
		return err
	}
	words := map[string]understudy.Service{}
	for _, name := range sorted(c.project.Services) {
		if words[name], err = c.service(name, withoutEnvFiles(c.project.Services[name]), d.compose); err != nil {
			return err
		}
	}
	d.takeServers(c.project, words, values)
	for _, name := range sorted(words) {
		d.takeService(c.project.Services[name], words[name], values)
	}
	d.notePlaces(c.project, words)
	return nil
}

func withoutEnvFiles(s types.ServiceConfig) types.ServiceConfig {
	s.EnvFiles = nil // they need not be there yet
	return s
}

// takeServers takes PostgreSQL servers for databases and mail catchers for integrations.
func (d *draft) takeServers(project *types.Project, words map[string]understudy.Service, values map[string]string) {
	for _, name := range sorted(project.Services) {
		service := project.Services[name]
		switch {
		case isPostgres(service.Image):
			d.databases = append(d.databases, draftDatabase{name: name, image: service.Image, role: d.roleOf(service),
				env: d.keyFor(name, words, values, "DATABASE_URL"), extensions: extensionsOf(service.Image)})
		case mailImage.MatchString(service.Image):
			if key := addressKey(name, words); key != "" {
				d.integrations = append(d.integrations, draftIntegration{name: "mail", kind: "smtp", env: key})
			} else {
				d.note("%s catches mail, and no key holds its address as host:port: add the one your application has under integrations: with kind: smtp", name)
			}
		}
	}
}

var (
	mailImage  = regexp.MustCompile(`mailhog|mailpit|maildev|mailcatcher|inbucket`)
	otherImage = regexp.MustCompile(`(^|/)(redis|valkey|memcached|mysql|mariadb|mongo|rabbitmq|nats|kafka|zookeeper|elasticsearch|opensearch|minio|nginx|traefik|caddy|haproxy|adminer|pgadmin4?|grafana|prometheus|jaeger|localstack|meilisearch)(:|@|$)`)
	migrates   = regexp.MustCompile(`(?i)^(db[-_.]?)?(migrate|migrations?|migrator)$`)
)

// roleOf is the role that the compose file makes. An application that connects as the
// superuser there gets a role of its own here: privileges that it lacks in production
// must be lacking in a rehearsal, too.
func (d *draft) roleOf(service types.ServiceConfig) string {
	for _, key := range []string{"POSTGRES_USER", "POSTGRESQL_USERNAME"} {
		if role := service.Environment[key]; role != nil && *role != "" && *role != "postgres" {
			return *role
		}
	}
	d.note("databases.%s: the application is given a role of its own, %s, in place of the superuser postgres", service.Name, d.name)
	return d.name
}

func extensionsOf(image string) []string {
	for _, known := range [][2]string{{"postgis", "postgis"}, {"pgvector", "vector"}, {"timescaledb", "timescaledb"}} {
		if strings.Contains(image, known[0]) {
			return []string{known[1]}
		}
	}
	return nil
}

// keyFor is the key by which services learn the URL of a database, or else the usual one.
func (d *draft) keyFor(database string, words map[string]understudy.Service, values map[string]string, usual string) string {
	for _, name := range sorted(words) {
		for _, key := range sorted(words[name].Env) {
			value := words[name].Env[key]
			if references := understudy.References(value); len(references) == 1 && onlyReference(value) {
				value = values[references[0].Key]
			}
			if strings.HasPrefix(value, "postgres") && regexp.MustCompile(`(@|//)`+regexp.QuoteMeta(database)+`(:|/|$)`).MatchString(value) {
				return key
			}
		}
	}
	if len(d.databases) > 0 {
		return strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(database)) + "_URL"
	}
	return usual
}

// addressKey is the key whose value is host:port of a server.
func addressKey(server string, words map[string]understudy.Service) string {
	for _, name := range sorted(words) {
		for _, key := range sorted(words[name].Env) {
			if host, port, found := strings.Cut(words[name].Env[key], ":"); found && host == server && atoi(port) > 0 {
				return key
			}
		}
	}
	return ""
}

func (d *draft) takeService(in types.ServiceConfig, s understudy.Service, values map[string]string) {
	out := draftService{name: s.Name, port: s.Port, health: s.Health.Path}
	switch {
	case isPostgres(in.Image):
		return
	case migrates.MatchString(s.Name) && len(s.Command) > 0:
		out.skip, out.about = true, "it runs once, and is the migration below"
		d.takeMigration(s.Name+" in "+d.compose, s.Command)
	case mailImage.MatchString(in.Image):
		out.skip, out.about = true, "on a twin, mail ends in the catcher of the seal"
	case otherImage.MatchString(in.Image):
		out.skip, out.about = true, "a server that is not of the application: "+in.Image
		d.note("%s (%s) is not taken over: run it beside the environments, and set its address under environments.*.env", s.Name, in.Image)
	case len(s.Command) == 0:
		out.command = imageCommand(in)
		out.about = "the command is that of the Dockerfile; paths are relative to the artifact's folder here"
		if out.command == nil {
			out.command, out.about = []string{"bin/" + s.Name}, "how it starts stands in its image: this is a guess to change"
			d.note("services.%s.command is a guess: its image says how it starts, and could not be read", s.Name)
		}
	}
	if !out.skip {
		d.takeEnv(&out, in, s, values)
		d.noteLeft(in, append(s.Command, out.command...))
	}
	d.services = append(d.services, out)
}

// takeEnv takes keys over: what looks like a secret is replaced by a reference, so that
// no value becomes part of a release.
func (d *draft) takeEnv(out *draftService, in types.ServiceConfig, s understudy.Service, values map[string]string) {
	given := map[string]bool{"PORT": true}
	for _, db := range d.databases {
		given[db.env] = true
	}
	replace := func(key string) {
		if out.env == nil {
			out.env = map[string]string{}
		}
		out.env[key] = "${" + key + "}"
	}
	for _, key := range sorted(s.Env) {
		value := s.Env[key]
		switch {
		case given[key]:
			if !onlyReference(value) {
				replace(key)
			}
		case (looksSecret(key) || valueLooksSecret(value)) && !onlyReference(value) && value != "":
			replace(key)
			d.config[key] = draftKey{required: true, secret: true, about: "from " + d.compose}
		default:
			d.takeReferences(value, values)
		}
	}
	for _, file := range in.EnvFiles {
		d.note("services.%s.env_file %s: its keys are needed and its values are not taken over; what stands in it belongs under environments.*.env and secrets:", s.Name, filepath.Base(file.Path))
	}
}

func (d *draft) takeReferences(text string, values map[string]string) {
	for _, r := range understudy.References(text) {
		if d.handedIn(r.Key) && !composeOnly.MatchString(r.Key) {
			continue
		}
		if _, known := d.config[r.Key]; known {
			continue
		}
		secret := looksSecret(r.Key) || valueLooksSecret(r.Default) || valueLooksSecret(values[r.Key])
		k := draftKey{required: !r.Optional || secret, secret: secret, about: r.About}
		if !secret {
			k.value = r.Default
		}
		d.config[r.Key] = k
	}
}

// noteLeft tells what of a service has no meaning without containers.
func (d *draft) noteLeft(in types.ServiceConfig, command []string) {
	if len(in.Volumes) > 0 {
		d.note("services.%s: its volumes are not taken over; it sees the folders of its machine", in.Name)
	}
	if (in.Scale != nil && *in.Scale > 1) || (in.Deploy != nil && in.Deploy.Replicas != nil && *in.Deploy.Replicas > 1) {
		d.note("services.%s: one of it is started, not as many as the compose file says", in.Name)
	}
	for _, word := range command {
		if strings.HasPrefix(word, "/") && !strings.HasPrefix(word, "/usr/") && !strings.HasPrefix(word, "/bin/") {
			d.note("services.%s.command: %s is a path in its image; paths here are relative to the artifact's folder", in.Name, word)
			return
		}
	}
}

// notePlaces tells which values name a container that will not be there.
func (d *draft) notePlaces(project *types.Project, words map[string]understudy.Service) {
	known := map[string]bool{}
	for _, db := range d.databases {
		known[db.env] = true
	}
	for _, i := range d.integrations {
		known[i.env] = true
	}
	for _, s := range d.services {
		for _, key := range sorted(words[s.name].Env) {
			host := hostIn(words[s.name].Env[key])
			if _, container := project.Services[host]; container && !known[key] && !s.skip {
				d.note("services.%s.env.%s names the container %s; say under environments.*.env.%s where that is", s.name, key, host, key)
			}
		}
	}
}

func hostIn(value string) string {
	if address, err := url.Parse(value); err == nil && address.Host != "" {
		return address.Hostname()
	}
	host, _, _ := strings.Cut(value, ":")
	return host
}

var instruction = regexp.MustCompile(`(?m)^(CMD|ENTRYPOINT)[ \t]+(\[.*\])[ \t\r]*$`)

// imageCommand is what the last ENTRYPOINT and CMD of a Dockerfile start, if they are
// written as lists.
func imageCommand(in types.ServiceConfig) []string {
	if in.Build == nil || !filepath.IsAbs(in.Build.Context) {
		return nil
	}
	file := in.Build.Dockerfile
	if file == "" {
		file = "Dockerfile"
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(in.Build.Context, file)
	}
	content, err := readText(file, file)
	if err != nil {
		return nil // it need not be there: the caller says so
	}
	parts := map[string][]string{}
	for _, m := range instruction.FindAllStringSubmatch(string(content), -1) {
		var words []string
		if err := json.Unmarshal([]byte(m[2]), &words); err == nil {
			parts[m[1]] = words
		}
	}
	if command := slices.Concat(parts["ENTRYPOINT"], parts["CMD"]); len(command) > 0 {
		return command
	}
	return nil
}
