package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"understudy"
	"understudy/bench/figures"
	"understudy/internal/migration/hazards"
)

// reportTo is the variable by which the tests of the table are asked for what they found.
const reportTo = "UNDERSTUDY_HAZARDS_REPORT"

// caught is what became of the cases with one tool.
type caught struct{ found, missed, alarms int }

// catch plays the table of hazards, as its tests do, and gives the same migrations to a
// linter to read. A hazard is found by us when all that its case wants is among the
// findings, and by the linter when it says anything beyond style; a safe migration is a
// false alarm when it gets a warning.
func (b *bench) catch(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "us-hazards")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	ours, err := played(ctx, filepath.Join(dir, "report"))
	if err != nil {
		return err
	}
	var us, rules, timeouts caught
	hazardous, safe := 0, 0
	for _, c := range hazards.Cases() {
		if c.Migration == "" || len(c.Want) == 0 && !c.Safe() { // others look at those
			continue
		}
		said, asked, err := b.linted(ctx, dir, c)
		if err != nil {
			return err
		}
		if c.Safe() {
			safe++
		} else {
			hazardous++
		}
		us.count(c, held(c, ours[c.ID+"/"+c.Name]))
		rules.count(c, said)
		timeouts.count(c, said || asked)
		fmt.Fprintf(os.Stderr, "  %-4s %-34s ours %-5t squawk %-5t with timeouts %t\n", c.ID, c.Name, held(c, ours[c.ID+"/"+c.Name]), said, said || asked)
	}
	b.noteCatch("hazards found by rehearsing", us, hazardous, safe, rules, "squawk, rules beyond style and timeouts")
	b.noteCatch("the same", us, hazardous, safe, timeouts, "squawk, timeouts counted as a find")
	return nil
}

func (b *bench) noteCatch(metric string, us caught, hazardous, safe int, peer caught, name string) {
	if b.squawk == "" {
		b.note(figures.Alone(metric, float64(us.found), fmt.Sprintf("of %d", hazardous), 0, float64(hazardous)),
			figures.Unmeasured("hazards found by squawk", "", "the npm package squawk-cli is not there"))
		return
	}
	b.note(
		figures.Against(metric, float64(us.found), fmt.Sprintf("of %d", hazardous), name, float64(peer.found), 0, 1),
		figures.Against(metric+": missed", float64(us.missed), fmt.Sprintf("of %d", hazardous), name, float64(peer.missed), 1, 0),
		figures.Against(metric+": false alarms", float64(us.alarms), fmt.Sprintf("of %d", safe), name, float64(peer.alarms), 1, 0),
	)
}

func (c *caught) count(of hazards.Case, said bool) {
	switch {
	case of.Safe() && said:
		c.alarms++
	case of.Safe():
	case said:
		c.found++
	default:
		c.missed++
	}
}

// held tells whether the findings are those that a hazard wants, or whether a safe
// migration was warned of.
func held(c hazards.Case, findings []understudy.Finding) bool {
	if c.Safe() {
		return slices.ContainsFunc(findings, func(f understudy.Finding) bool { return f.Severity != understudy.SeverityNote })
	}
	for _, want := range c.Want {
		if !slices.ContainsFunc(findings, func(f understudy.Finding) bool {
			return slices.Contains(strings.Split(want.Code, "|"), f.Code) && (want.Subject == "" || want.Subject == f.Subject)
		}) {
			return false
		}
	}
	return true
}

// played runs the tests of the table and reads what they found, by case.
func played(ctx context.Context, report string) (map[string][]understudy.Finding, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-run", "^(TestHazards_AreFound|TestSafeMigrations)", "./internal/migration")
	cmd.Env = append(os.Environ(), reportTo+"="+report)
	out, failed := cmd.CombinedOutput() // a case that fails is counted as missed
	raw, err := os.ReadFile(report)
	if err != nil {
		return nil, fmt.Errorf("the table was not played: %w: %s", errors.Join(failed, err), out)
	}
	found := map[string][]understudy.Finding{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var one struct {
			ID, Name string
			Findings []understudy.Finding
		}
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, err
		}
		found[one.ID+"/"+one.Name] = one.Findings
	}
	return found, lines.Err()
}

// linted gives a migration to the linter: whether it says anything beyond style, and
// whether it asks for timeouts.
func (b *bench) linted(ctx context.Context, dir string, c hazards.Case) (said, timeouts bool, err error) {
	if b.squawk == "" {
		return false, false, nil
	}
	file := filepath.Join(dir, "migration.sql")
	if err := os.WriteFile(file, []byte(c.Linted()), 0o600); err != nil {
		return false, false, err
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, b.squawk, "--reporter", "Json", "--pg-version", "15", file)
	cmd.Stderr = &stderr
	out, failed := cmd.Output() // its status tells that it has something to say
	var rules []struct {
		Rule string `json:"rule_name"`
	}
	if err := json.Unmarshal(out, &rules); err != nil {
		return false, false, fmt.Errorf("squawk on %s %s: %w: %s", c.ID, c.Name, errors.Join(failed, err), stderr.String())
	}
	for _, r := range rules {
		switch {
		case strings.HasPrefix(r.Rule, "prefer-"), r.Rule == "syntax-error":
		case strings.HasPrefix(r.Rule, "require-") && strings.HasSuffix(r.Rule, "-timeout"):
			timeouts = true
		default:
			said = true
		}
	}
	return said, timeouts, nil
}
