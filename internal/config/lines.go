package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"understudy"
)

// Lines says where keys of configuration stand, as understudy.yaml:47, by environment and key.
type Lines map[string]map[string]string

// of is where an environment's key stands; without a place, what it belongs to.
func (l Lines) of(environment, key string) string {
	if at, found := l[environment][key]; found {
		return at
	}
	return "environment " + environment
}

// lines finds where the keys of all environments stand. What stands in the file itself wins
// over what an env_file has, as its value does.
func (s *source) lines(doc document) Lines {
	out := Lines{}
	for _, e := range doc.Environments {
		at := map[string]string{}
		if e.Value.EnvFile != "" {
			at = envFileLines(s.path(e.Value.EnvFile), e.Value.EnvFile)
		}
		node := valueAt(s.root, []string{"environments", e.Name})
		for _, section := range []string{"env", "secrets"} {
			_, values := child(node, section)
			if values == nil {
				continue
			}
			for i := 0; i+1 < len(values.Content); i += 2 {
				at[values.Content[i].Value] = fmt.Sprintf("%s:%d", s.problems.file, values.Content[i].Line)
			}
		}
		if len(at) > 0 {
			out[e.Name] = at
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

var envLine = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*[=:]`)

// envFileLines finds the line of each key; of one that is there twice, the last, which wins.
// A file that cannot be read is told where its values are.
func envFileLines(file, shown string) map[string]string {
	out := map[string]string{}
	content, err := readText(file, shown)
	if err != nil {
		return out
	}
	for i, line := range bytes.Split(content, []byte("\n")) {
		if m := envLine.FindSubmatch(line); m != nil {
			out[string(m[1])] = fmt.Sprintf("%s:%d", shown, i+1)
		}
	}
	return out
}

// describeRef names where a secret is, for people; of a command, only the program.
func describeRef(ref understudy.SecretRef) string {
	scheme, rest, _ := strings.Cut(string(ref), ":")
	if scheme == "exec" {
		return "exec: " + programOf(rest) + " …"
	}
	return string(ref)
}
