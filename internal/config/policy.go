package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/policy"
)

// policy is that of the file in words.
func (s *source) policy(e policyEntry) understudy.Policy {
	p := understudy.Policy{
		Required: e.Required, MaxAge: time.Duration(e.MaxAge), SnapshotAge: time.Duration(e.SnapshotAge),
		BlockedFor: time.Duration(e.BlockedFor), RollbackIn: time.Duration(e.RollbackIn), LockTimeout: time.Duration(e.LockTimeout), QuietWait: time.Duration(e.QuietWait),
		Retries: e.Retries, Steps: e.Steps, StepFor: time.Duration(e.StepFor), Bake: time.Duration(e.Bake),
		MinRequests: e.MinRequests, MaxErrorRate: e.MaxErrorRate, SafetyCopy: e.SafetyCopy, Soak: time.Duration(e.Soak),
		Freeze: s.windows("freeze", e.Freeze), Windows: s.windows("windows", e.Windows), Express: s.express(e.Express),
		MaxLatencyRatio: e.MaxLatencyRatio, LatencyFloor: time.Duration(e.LatencyFloor), MaxCPURatio: e.MaxCPURatio, MaxMemoryRatio: e.MaxMemoryRatio,
		StalledFor: time.Duration(e.StalledFor), WithoutTraffic: understudy.AfterBake(e.BakeWithoutTraffic),
		Metrics: s.metrics(e.Metrics), Contract: understudy.ContractWhen(e.Contract),
		Flags: understudy.FlagPolicy{Rows: e.Flags.Rows, Time: time.Duration(e.Flags.Time), Stale: e.Flags.Stale, Differs: plainTexts(e.Flags.Differs)},
	}
	if a := e.Approvals; a != nil {
		p.Approvals = &understudy.ApprovalRule{Count: a.Count, By: a.By, NotAuthor: a.NotAuthor, NotPromoter: a.NotPromoter, MaxAge: time.Duration(a.MaxAge)}
	}
	return p
}

func (s *source) windows(key string, entries []windowEntry) []understudy.Window {
	var out []understudy.Window
	for i, e := range entries {
		w := understudy.Window{Rule: e.Rule, From: string(e.From), Zone: e.Zone, Reason: e.Reason}
		at := []string{"policy", key, index(i)}
		var err error
		if w.Days, w.For, err = understudy.ParseLength(e.Duration); err != nil {
			s.problems.at(append(at, "duration"), "%s", err)
			continue
		}
		for _, fault := range policy.Faults(w) {
			where := at
			if fault.Field != "" {
				where = append(at[:3:3], fault.Field)
			}
			s.problems.at(where, "%s", fault.Says)
		}
		out = append(out, w)
	}
	return out
}

func (s *source) express(e *expressEntry) *understudy.Express {
	if e == nil {
		return nil
	}
	w := e.When
	out := &understudy.Express{
		When: understudy.ExpressWhen{MaxFiles: w.MaxFiles, Paths: w.Paths, Services: w.Services, MaxLock: time.Duration(w.MaxLock), MaxRows: w.MaxRows,
			NewKeys: w.NewKeys, Permissions: w.Permissions, Likeness: w.Likeness},
		Approvals: e.Approvals, Soak: (*time.Duration)(e.Soak), Bake: (*time.Duration)(e.Bake), StepFor: (*time.Duration)(e.StepFor), Steps: e.Steps,
	}
	if w.MaxBytes != "" {
		var err error
		if out.When.MaxBytes, err = understudy.ParseBytes(w.MaxBytes); err != nil || out.When.MaxBytes <= 0 {
			s.problems.at([]string{"policy", "express", "when", "max_bytes"}, "expected a size such as 64KB or 1MB, found %q", w.MaxBytes)
		}
	}
	return out
}

// checkPolicy notes what the schema cannot see in the policy.
func (s *source) checkPolicy(app understudy.Application, p understudy.Policy) {
	for i, name := range p.Required {
		if !slices.Contains(understudy.Checks(), name) {
			s.problems.at([]string{"policy", "required", index(i)}, "there is no check %q%s; the checks are %s",
				name, didYouMean(name, understudy.Checks()), strings.Join(understudy.Checks(), ", "))
			return
		}
	}
	if err := p.Validate(); err != nil {
		s.problems.at([]string{"policy", "steps"}, "%s", err)
	}
	if p.LockTimeout > 0 && p.LockTimeout < understudy.LeastLockTimeout {
		s.problems.at([]string{"policy", "lock_timeout"}, "expected at least %s, found %s: databases count in whole milliseconds, and none would be no limit", understudy.LeastLockTimeout, p.LockTimeout)
	}
	s.checkApprovals(p)
	s.checkExpress(app, p)
	if len(s.problems.list) > 0 {
		return
	}
	calendar, err := policy.NewCalendar(p)
	switch {
	case err != nil:
		s.problems.at([]string{"policy"}, "%s", err)
	case calendar.NeverOpen():
		s.problems.at([]string{"policy", "freeze"}, "nothing could ever be promoted: no moment is outside of every freeze%s", inside(p))
	}
}

func inside(p understudy.Policy) string {
	if len(p.Windows) == 0 {
		return ""
	}
	return " and inside a window"
}

func (s *source) checkApprovals(p understudy.Policy) {
	a := p.Approvals
	if a == nil {
		return
	}
	at := []string{"policy", "approvals"}
	people, groups := map[string]bool{}, false
	for i, by := range a.By {
		name, group := strings.CutPrefix(by, understudy.GroupPrefix)
		groups = groups || group
		if name == "" || people[by] {
			s.problems.at(append(at, "by", index(i)), "expected the name of a user, or group:NAME, each once; found %q", by)
		}
		people[by] = true
	}
	if len(a.By) > 0 && !groups && a.Count > len(people) {
		s.problems.at(append(at, "count"), "%d approvals of %d people can never be given", a.Count, len(people))
	}
}

func (s *source) checkExpress(app understudy.Application, p understudy.Policy) {
	e := p.Express
	if e == nil {
		return
	}
	at := []string{"policy", "express"}
	below := func(keys ...string) []string { return slices.Concat(at, keys) }
	if w := e.When; w.MaxFiles == 0 && w.MaxBytes == 0 && len(w.Paths) == 0 {
		s.problems.at(below("when"), "expected a bound on what changes: max_files:, max_bytes: or paths:")
	}
	for i, pattern := range e.When.Paths {
		if _, err := path.Match(pattern, ""); err != nil || strings.HasPrefix(pattern, "/") {
			s.problems.at(below("when", "paths", index(i)), "expected a path in the artifact, a pattern such as templates/*.html, or a folder that ends with /; found %q", pattern)
		}
	}
	var services []string
	for _, service := range app.Services {
		services = append(services, service.Name)
	}
	for i, name := range e.When.Services {
		if !slices.Contains(services, name) {
			s.problems.at(below("when", "services", index(i)), "there is no service %q%s", name, didYouMean(name, services))
		}
	}
	if err := (understudy.Policy{Steps: e.Steps}).Validate(); err != nil {
		s.problems.at(below("steps"), "%s", err)
	}
	s.checkSpared(p, below)
}

// checkSpared refuses an express lane that asks for more than every other.
func (s *source) checkSpared(p understudy.Policy, below func(...string) []string) {
	e, whole := p.Express, p.WithDefaults()
	asked := 0
	if whole.Approvals != nil {
		asked = whole.Approvals.Count
	}
	if e.Approvals != nil && *e.Approvals > asked {
		s.problems.at(below("approvals"), "it asks for %d approvals, and policy.approvals for %d: the express lane asks for less", *e.Approvals, asked)
	}
	for _, spared := range []struct {
		key   string
		lane  *time.Duration
		usual time.Duration
	}{{"soak", e.Soak, whole.Soak}, {"bake", e.Bake, whole.Bake}, {"step_for", e.StepFor, whole.StepFor}} {
		if spared.lane != nil && *spared.lane > spared.usual {
			s.problems.at(below(spared.key), "it asks for %s, and policy.%s for %s: the express lane asks for less", fmt.Sprint(*spared.lane), spared.key, fmt.Sprint(spared.usual))
		}
	}
}
