package config

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"

	"understudy"
)

// composition is what a compose file says, in words.
type composition struct {
	services  map[string]understudy.Service
	databases map[string]string // names of services that are PostgreSQL servers, with their image
}

// composed is a compose file read twice: once with its variables put in, for ports and
// the like, and once without, so that ${KEY} in environment and command stays a
// reference to configuration.
type composed struct {
	project *types.Project
	raw     map[string]any // service names to their keys
}

func readCompose(file, shown string) (composition, error) {
	c, err := loadCompose(file, shown)
	if err != nil {
		return composition{}, err
	}
	out := composition{services: map[string]understudy.Service{}, databases: map[string]string{}}
	for name, service := range c.project.Services {
		if isPostgres(service.Image) {
			out.databases[name] = service.Image
			continue
		}
		if out.services[name], err = c.service(name, service, shown); err != nil {
			return composition{}, err
		}
	}
	return out, nil
}

var (
	obsoleteVersion = regexp.MustCompile(`(?m)^version:.*$`) // compose ignores it, with a warning we would print
	projectName     = regexp.MustCompile(`[^a-z0-9_-]+`)
)

func loadCompose(file, shown string) (composed, error) {
	content, err := readText(file, shown)
	if err != nil {
		return composed{}, understudy.Errorf(understudy.KindInvalid, "reading the compose file: %w", err)
	}
	dir := filepath.Dir(file)
	values, err := composeValues(dir)
	if err != nil {
		return composed{}, err
	}
	details := types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: file, Content: obsoleteVersion.ReplaceAll(content, nil)}},
		Environment: values,
	}
	ctx := context.Background() // nothing waits: all files are local
	name := "p" + projectName.ReplaceAllString(strings.ToLower(filepath.Base(dir)), "")
	project, err := loader.LoadWithContext(ctx, details, leniently(values), func(o *loader.Options) {
		o.SetProjectName(name, true)
		o.SkipResolveEnvironment, o.SkipResolveLabels, o.ResolvePaths = true, true, true
	})
	if err != nil {
		return composed{}, composeError(shown, dir, err)
	}
	model, err := loader.LoadModelWithContext(ctx, details, func(o *loader.Options) {
		o.SetProjectName(name, true)
		o.SkipInterpolation, o.SkipValidation, o.SkipNormalization, o.SkipConsistencyCheck = true, true, true, true
	})
	if err != nil {
		return composed{}, composeError(shown, dir, err)
	}
	raw, _ := model["services"].(map[string]any)
	return composed{project: project, raw: raw}, nil
}

// composeValues are the .env values beside a compose file. The process's own
// environment is not looked at: the file means the same for everybody.
func composeValues(dir string) (map[string]string, error) {
	file := filepath.Join(dir, ".env")
	if _, err := os.Stat(file); err != nil {
		return map[string]string{}, nil // optional, as for compose
	}
	return readEnvFile(file, ".env")
}

// leniently puts values in, and nothing for what has none, without a word.
func leniently(values map[string]string) func(*loader.Options) {
	return func(o *loader.Options) {
		o.Interpolate.Substitute = func(text string, _ template.Mapping) (string, error) {
			out, _ := understudy.Expand(braced(text), func(key string) (string, bool) {
				value, found := values[key]
				return value, found
			})
			return out, nil
		}
	}
}

var unbraced = regexp.MustCompile(`\$\$|\$([A-Za-z_][A-Za-z0-9_]*)`)

// braced writes $KEY, which compose takes too, as ${KEY}.
func braced(text string) string {
	return unbraced.ReplaceAllStringFunc(text, func(match string) string {
		if match == "$$" {
			return match
		}
		return "${" + match[1:] + "}"
	})
}

func composeError(shown, dir string, err error) error {
	words := strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
	words = strings.Join(strings.FieldsFunc(words, func(r rune) bool { return r == '\n' }), ";")
	return understudy.Errorf(understudy.KindInvalid, "reading the compose file %s: %s", shown, words).
		WithHint("docker compose config, where there is Docker, shows the file as compose sees it")
}

func (c composed) service(name string, in types.ServiceConfig, shown string) (understudy.Service, error) {
	raw, _ := c.raw[name].(map[string]any)
	env, err := composeEnv(raw["environment"], in, shown)
	if err != nil {
		return understudy.Service{}, err
	}
	out := understudy.Service{Name: name, User: in.User, Port: composePort(in), Env: env}
	out.Command = append(composeCommand(raw["entrypoint"], in.Entrypoint), composeCommand(raw["command"], in.Command)...)
	out.Command = expandedByShell(out.Command)
	if !filepath.IsAbs(in.WorkingDir) {
		out.WorkDir = in.WorkingDir
	}
	if in.StopGracePeriod != nil {
		out.Grace = timeOf(in.StopGracePeriod)
	}
	if in.HealthCheck != nil && !in.HealthCheck.Disable && out.Port > 0 {
		out.Health = composeHealth(in.HealthCheck)
	}
	out.Needs = sorted(in.DependsOn)
	return out, nil
}

// composeEnv is a service's environment. A key without a value, and a key from an
// env_file, is configuration that the environment gives: its value, which is the one of
// somebody's machine, is not taken.
func composeEnv(raw any, in types.ServiceConfig, shown string) (map[string]string, error) {
	out := map[string]string{}
	for _, file := range in.EnvFiles {
		values, err := readEnvFile(file.Path, filepath.Base(file.Path))
		if err != nil && !bool(file.Required) {
			continue
		}
		if err != nil {
			return nil, understudy.Errorf(understudy.KindInvalid, "reading the compose file %s: services.%s.env_file: %w", shown, in.Name, err).
				WithHint("its keys are needed, not its values: list them under config: and set required: false for the file")
		}
		for key := range values {
			out[key] = "${" + key + "}"
		}
	}
	maps.Copy(out, rawEnv(raw))
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

func rawEnv(raw any) map[string]string {
	out := map[string]string{}
	set := func(key string, value any, found bool) {
		if !found || value == nil {
			out[key] = "${" + key + "}"
			return
		}
		out[key] = braced(fmt.Sprint(value))
	}
	switch env := raw.(type) {
	case map[string]any:
		for key, value := range env {
			set(key, value, true)
		}
	case []any:
		for _, line := range env {
			key, value, found := strings.Cut(fmt.Sprint(line), "=")
			set(key, value, found)
		}
	}
	return out
}

func composePort(in types.ServiceConfig) int {
	for _, p := range in.Ports {
		if p.Protocol == "" || p.Protocol == "tcp" {
			return int(p.Target)
		}
	}
	for _, p := range in.Expose {
		if n := atoi(strings.TrimSuffix(p, "/tcp")); n > 0 {
			return n
		}
	}
	return 0
}

var postgresImage = regexp.MustCompile(`(^|/)(postgres|postgresql|postgis|pgvector|timescaledb|timescaledb-ha|postgis-pgvector|spilo-\d+)(:|@|$)`)

// isPostgres tells whether an image is a PostgreSQL server.
func isPostgres(image string) bool { return postgresImage.MatchString(image) }
