package understudy

import (
	"fmt"
	"strings"
	"time"
)

// PolicyLine is one thing that a policy lays down, as it is written in understudy.yaml.
type PolicyLine struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Lines are all that a policy lays down.
func (p Policy) Lines() []PolicyLine {
	lines := []PolicyLine{
		{"required", strings.Join(p.Required, ", ")}, {"max_age", short(p.MaxAge)}, {"snapshot_age", short(p.SnapshotAge)},
		{"blocked_for", short(p.BlockedFor)}, {"rollback_in", short(p.RollbackIn)}, {"lock_timeout", short(p.LockTimeout)},
		{"retries", fmt.Sprint(p.Retries)}, {"quiet_wait", short(p.QuietWait)}, {"steps", spelled(p.Steps)}, {"step_for", short(p.StepFor)},
		{"bake", short(p.Bake)}, {"min_requests", fmt.Sprint(p.MinRequests)}, {"max_error_rate", fmt.Sprint(p.MaxErrorRate)},
		{"safety_copy", fmt.Sprint(p.SafetyCopy)}, {"soak", short(p.Soak)}, {"approvals", p.Approvals.String()},
	}
	lines = append(lines, p.judging()...)
	for i, w := range p.Freeze {
		lines = append(lines, PolicyLine{fmt.Sprintf("freeze[%d]", i), w.String()})
	}
	for i, w := range p.Windows {
		lines = append(lines, PolicyLine{fmt.Sprintf("windows[%d]", i), w.String()})
	}
	if p.Express != nil {
		lines = append(lines, PolicyLine{"express", p.Express.String()})
	}
	return lines
}

// judging is by what a new release is judged.
func (p Policy) judging() []PolicyLine {
	lines := []PolicyLine{
		{"max_latency_ratio", fmt.Sprint(p.MaxLatencyRatio)}, {"latency_floor", short(p.LatencyFloor)}, {"max_cpu_ratio", ratio(p.MaxCPURatio)},
		{"max_memory_ratio", ratio(p.MaxMemoryRatio)}, {"stalled_for", short(p.StalledFor)}, {"bake_without_traffic", string(p.WithoutTraffic)},
		{"contract", string(p.Contract)},
		{"flags.rows", fmt.Sprint(p.Flags.Rows)}, {"flags.time", short(p.Flags.Time)}, {"flags.stale", fmt.Sprint(p.Flags.Stale)},
	}
	for _, name := range sortedKeys(p.Flags.Differs) {
		lines = append(lines, PolicyLine{"flags.differs." + name, p.Flags.Differs[name]})
	}
	for _, m := range p.Metrics {
		lines = append(lines, PolicyLine{"metrics." + m.Name, m.String()})
	}
	return append(lines, p.Parity.lines()...)
}

func (t ParityTerms) lines() []PolicyLine {
	lines := []PolicyLine{{"parity.under", fmt.Sprint(t.Under)}, {"parity.blocking", fmt.Sprint(t.Blocking)}}
	for i, a := range t.Accepted {
		line := a.String() + ", " + a.Said()
		if a.Twin != "" {
			line = a.Twin + ": " + line
		}
		lines = append(lines, PolicyLine{fmt.Sprintf("parity.accepted[%d]", i), line})
	}
	return lines
}

// ratio is a bound that may not be set.
func ratio(r float64) string {
	if r == 0 {
		return "not judged"
	}
	return fmt.Sprint(r)
}

// Changes says line by line what another policy lays down otherwise: "bake was 1m, is 30s".
func (p Policy) Changes(now Policy) []string {
	was, is := map[string]string{}, map[string]string{}
	var keys []string
	for _, side := range []struct {
		lines []PolicyLine
		into  map[string]string
	}{{p.Lines(), was}, {now.Lines(), is}} {
		for _, line := range side.lines {
			if _, known := was[line.Key]; !known {
				keys = append(keys, line.Key)
			}
			side.into[line.Key] = line.Value
		}
	}
	var out []string
	for _, key := range keys {
		before, had := was[key]
		after, has := is[key]
		switch {
		case had && !has:
			out = append(out, sentence("%s was %s, is gone", key, before))
		case !had:
			out = append(out, sentence("%s is new: %s", key, after))
		case before != after:
			out = append(out, sentence("%s was %s, is %s", key, before, after))
		}
	}
	return out
}

func spelled(steps []int) string {
	return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(steps), "[]")), ", ")
}

// String says who has to agree.
func (r *ApprovalRule) String() string {
	if r == nil {
		return "none"
	}
	text := fmt.Sprint(r.Count)
	if len(r.By) > 0 {
		text += " of " + strings.Join(r.By, ", ")
	}
	if r.NotAuthor {
		text += ", not who made the release"
	}
	if r.NotPromoter {
		text += ", not who promotes it"
	}
	if r.MaxAge > 0 {
		text += ", not older than " + short(r.MaxAge)
	}
	return text
}

// String says how far a release may reach on the express lane, and what it is spared.
func (e *Express) String() string {
	var when, then []string
	add := func(to *[]string, set bool, format string, args ...any) {
		if set {
			*to = append(*to, fmt.Sprintf(format, args...))
		}
	}
	w := e.When
	add(&when, w.MaxFiles > 0, "%d files", w.MaxFiles)
	add(&when, w.MaxBytes > 0, "%d bytes", w.MaxBytes)
	add(&when, len(w.Paths) > 0, "paths %s", strings.Join(w.Paths, ", "))
	add(&when, len(w.Services) > 0, "services %s", strings.Join(w.Services, ", "))
	add(&when, w.MaxLock > 0, "locks for %s", short(w.MaxLock))
	add(&when, w.MaxRows > 0, "%d rows", w.MaxRows)
	add(&when, w.NewKeys, "new keys")
	add(&when, w.Permissions, "permissions")
	add(&when, w.Likeness > 0, "likeness %g", w.Likeness)
	if e.Approvals != nil {
		add(&then, true, "approvals %d", *e.Approvals)
	}
	for _, spared := range []struct {
		name string
		for_ *time.Duration
	}{{"soak", e.Soak}, {"bake", e.Bake}, {"step_for", e.StepFor}} {
		if spared.for_ != nil {
			add(&then, true, "%s %s", spared.name, short(*spared.for_))
		}
	}
	add(&then, len(e.Steps) > 0, "steps %s", spelled(e.Steps))
	return "within " + strings.Join(when, "; ") + ": " + strings.Join(then, "; ")
}
