package config

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/mattn/go-shellwords"

	"understudy"
)

// composeCommand is a command with its references left in; put in is what the list has
// where the file's own form cannot be read.
func composeCommand(raw any, putIn types.ShellCommand) []string {
	switch raw := raw.(type) {
	case []any:
		var out []string
		for _, word := range raw {
			out = append(out, braced(fmt.Sprint(word)))
		}
		return out
	case string:
		if words, err := shellwords.Parse(raw); err == nil {
			for i := range words {
				words[i] = braced(words[i])
			}
			return words
		}
	}
	return putIn
}

// expandedByShell is a command in which the shell puts in what refers to
// configuration: nothing else does that for the arguments of a process, and the shell
// knows the same forms. Without references it is the command itself, with $$ read as a
// dollar sign as compose does.
func expandedByShell(command []string) []string {
	references := false
	var plain, line []string
	for _, word := range command {
		references = references || len(understudy.References(word)) > 0
		expanded, _ := understudy.Expand(word, func(string) (string, bool) { return "", false })
		plain = append(plain, expanded)
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$$", `\$`).Replace(word)
		line = append(line, `"`+quoted+`"`)
	}
	if !references {
		return plain
	}
	return []string{"sh", "-c", "exec " + strings.Join(line, " ")}
}

// composeHealth reads the path out of a test that asks with curl or wget; of any other
// test only the times are taken.
func composeHealth(check *types.HealthCheckConfig) understudy.Health {
	var out understudy.Health
	for _, word := range strings.Fields(strings.Join(check.Test, " ")) {
		if address, err := url.Parse(strings.Trim(word, `"';`)); err == nil && address.Scheme == "http" && address.Host != "" {
			out.Path = address.RequestURI()
			break
		}
	}
	out.Timeout = timeOf(check.Timeout)
	if check.Retries != nil && check.Interval != nil {
		out.Deadline = timeOf(check.StartPeriod) + time.Duration(*check.Retries)*timeOf(check.Interval)
	}
	return out
}

func timeOf(d *types.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return time.Duration(*d)
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

func number(n int) string { return strconv.Itoa(n) }
