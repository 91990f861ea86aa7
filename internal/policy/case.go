package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"understudy"
)

// Case is everything that is known of a release that somebody wants to promote.
type Case struct {
	Promotion   understudy.Promotion // what is asked for: release, environment, by whom
	Release     understudy.Release
	Verdict     string
	Evidence    understudy.Digest     // of the verdict's envelope
	Statement   *understudy.Statement // nil: there is no verdict that counts,
	Unrehearsed string                // and why,
	Unreliable  string                // or why the one that there is cannot be relied on
	Production  understudy.Fingerprint
	Policy      understudy.Policy // as it is written, on no lane
	Held        string
	Configured  string // keyed digest of the configuration that the release would be started with
	Unfit       string // why the release cannot be started there; empty: it can
	// Unrestorable is why production's databases cannot be given back as they were, where the
	// release's way back is that; empty: they can.
	Unrestorable string
	Debt         string    // what went out past the gate and was not rehearsed since; empty: nothing
	PassedSince  time.Time // since when every verdict on the release passed
	Approvals    []understudy.SignedApproval
	Now          time.Time
}

// Explain holds a case against everything that the gate asks.
func Explain(c Case) (understudy.Explanation, error) {
	out := understudy.Explanation{Release: c.Release.Digest, Label: c.Release.Label, To: c.Promotion.To, Verdict: c.Verdict, Lane: understudy.LaneOrdinary}
	calendar, err := NewCalendar(c.Policy)
	if err != nil {
		return out, err
	}
	asked := c.lane(&out)
	digest, err := understudy.DigestOfValue(c.Policy)
	if err != nil {
		return out, err
	}
	if s := c.Statement; s != nil && s.Policy != digest {
		out.Changed = []string{"the verdict does not say how"}
		if s.Terms != nil {
			out.Changed = s.Terms.Changes(c.Policy)
		}
	}
	out.Requirements = append(out.Requirements, c.standing()...)
	out.Requirements = append(out.Requirements, c.evidence()...)
	out.Requirements = append(out.Requirements, c.wayBack()...)
	if asked.Soak > 0 && !c.PassedSince.IsZero() { // without a verdict that passed, that is what is missing
		out.Requirements = append(out.Requirements, c.soak(asked.Soak))
	}
	if asked.Approvals != nil && asked.Approvals.Count > 0 {
		out.Requirements = append(out.Requirements, c.approvals(*asked.Approvals, digest))
	}
	out.Requirements = append(out.Requirements, c.calendar(calendar)...)
	out.May = len(out.Missing()) == 0
	c.when(&out, calendar)
	return out, nil
}

// lane finds the lane that a release goes on, by what was measured, and what is asked there.
func (c Case) lane(out *understudy.Explanation) understudy.Policy {
	if c.Statement == nil {
		return c.Policy
	}
	out.Radius = c.Statement.Radius
	if c.Policy.Express == nil {
		return c.Policy
	}
	out.Bounds = c.Policy.Express.When.Bounds(c.Statement.Radius)
	if m := c.Release.Application.Migration; m != nil && len(m.Contract) > 0 && c.Policy.Contract == understudy.ContractAfterBake && !c.Again() {
		out.Bounds = append(out.Bounds, understudy.Bound{Says: "its contract migration runs by itself, as policy.contract says, and its reach is not measured"})
	}
	if understudy.Within(out.Bounds) {
		out.Lane = understudy.LaneExpress
	}
	return c.Policy.On(out.Lane)
}

// standing is what the environment itself has against any promotion.
func (c Case) standing() []understudy.Requirement {
	to := c.Promotion.To
	free := understudy.Requirement{Name: understudy.RequireFree, Met: c.Held == "", Says: "nothing holds " + to}
	if !free.Met {
		free.Says = fmt.Sprintf("%s is held: %s (understudy hold lift %s --reason … ends it)", to, c.Held, to)
		free.Do = fmt.Sprintf("look at what happened, and lift it: understudy hold lift %s --reason …", to)
	}
	out := []understudy.Requirement{free, c.fresh()}
	if c.Unfit != "" { // where it can be started, that it can is no news
		out = append(out, understudy.Requirement{Name: understudy.RequireConfig, Says: c.Unfit, Do: "mend it in understudy.yaml, and rehearse again: understudy rehearse " + c.Release.Label})
	}
	if c.Debt != "" {
		out = append(out, understudy.Requirement{
			Name: understudy.RequireRepaid, Breakable: true, Says: fmt.Sprintf("%s is owed a rehearsal: %s", to, c.Debt),
			Do: "rehearse what it runs: understudy rehearse " + c.Production.ReleaseLabel,
		})
	}
	return out
}

// fresh is whether there is anything to promote: another release, or another configuration for
// the one that runs.
func (c Case) fresh() understudy.Requirement {
	to := c.Promotion.To
	switch {
	case c.Again() && c.Production.Reconfigures():
		return understudy.Requirement{Name: understudy.RequireNew, Met: true, Says: fmt.Sprintf("%s runs release %s with another configuration", to, c.Release.Label)}
	case c.Again():
		return understudy.Requirement{Name: understudy.RequireNew, Says: fmt.Sprintf("%s runs release %s already", to, c.Release.Label), Do: "there is nothing to do"}
	}
	return understudy.Requirement{Name: understudy.RequireNew, Met: true, Says: to + " runs another release"}
}

// evidence is what the verdict says.
func (c Case) evidence() []understudy.Requirement {
	if c.Unreliable != "" {
		return []understudy.Requirement{{Name: understudy.RequireVerdict, Says: c.Unreliable, Do: "rehearse it: understudy rehearse " + c.Release.Label}}
	}
	if c.Statement == nil {
		return []understudy.Requirement{{
			Name: understudy.RequireVerdict, Breakable: true, Says: c.Unrehearsed, Do: "rehearse it: understudy rehearse " + c.Release.Label,
		}}
	}
	gate := understudy.Gate{Release: c.Release, Production: c.Production, Policy: c.Policy, Now: c.Now}
	out := gate.Requirements(*c.Statement)
	if c.there() { // it has moved to this very release, which is said already
		out = slices.DeleteFunc(out, func(r understudy.Requirement) bool { return r.Name == understudy.RequireUnmoved })
	}
	return out
}

// there tells whether the environment runs the release already.
func (c Case) there() bool {
	return c.Again() && !c.Production.Reconfigures()
}

// Again tells whether the environment runs this very release, so that all a promotion can
// bring is another configuration. Its contract migration is then asked for, or not at all.
func (c Case) Again() bool { return c.Production.Release == c.Release.Digest }

// soak is the time since a release first passed, as it did not fail since.
func (c Case) soak(asked time.Duration) understudy.Requirement {
	over, stood := c.PassedSince.Add(asked), max(0, c.Now.Sub(c.PassedSince)).Round(time.Second)
	r := understudy.Requirement{Name: understudy.RequireSoak, Breakable: true, Met: !c.Now.Before(over)}
	if r.Met {
		r.Says = fmt.Sprintf("it has stood for %s since it passed, of %s", stood, asked)
		return r
	}
	r.Says = fmt.Sprintf("it has stood for %s since it passed; the policy asks for %s", stood, asked)
	r.Do, r.From = "wait until "+Spell(over, time.UTC), over
	return r
}

// calendar is whether a promotion may begin at this time.
func (c Case) calendar(calendar Calendar) []understudy.Requirement {
	var out []understudy.Requirement
	opens, _ := calendar.Next(c.Now)
	next, do := "", "no moment is free in the next two years: change policy.freeze or policy.windows"
	if !opens.IsZero() {
		next = "; the next moment when it may go is " + Spell(opens, calendar.zone())
		do = "wait until " + Spell(opens, calendar.zone())
	}
	if len(c.Policy.Freeze) > 0 {
		r := understudy.Requirement{Name: understudy.RequireFreeze, Met: true, Breakable: true, Says: "no freeze is on"}
		if frozen := calendar.Frozen(c.Now); frozen != "" {
			r.Met, r.Says, r.Do, r.From = false, "promotions are frozen, "+frozen+next, do, opens
		}
		out = append(out, r)
	}
	if calendar.Restricted() {
		r := understudy.Requirement{Name: understudy.RequireWindow, Met: true, Breakable: true}
		if open := calendar.Open(c.Now); open != "" {
			r.Says = "a window is open, " + open
		} else {
			r.Met, r.Says, r.Do, r.From = false, "no window is open"+next, do, opens
		}
		out = append(out, r)
	}
	return out
}

// when says when a release may go, if nothing but time is missing, and until when.
func (c Case) when(out *understudy.Explanation, calendar Calendar) {
	at := c.Now
	for _, r := range out.Missing() {
		if r.From.IsZero() {
			return
		}
		if r.Name == understudy.RequireSoak {
			at = latest(at, r.From)
		}
	}
	opens, closes := calendar.Next(at)
	if opens.IsZero() || c.Statement == nil {
		return
	}
	out.Earliest, out.Until = opens, c.Statement.EndedAt.Add(c.Policy.MaxAge)
	if !opens.Before(out.Until) {
		out.Until = closes
		out.Note = fmt.Sprintf("by then the verdict will be older than %s: rehearse it again shortly before", c.Policy.MaxAge)
	}
	if len(calendar.freeze)+len(calendar.windows) > 0 && closes.Before(out.Until) {
		out.Until = closes
	}
}

// approvals counts those who agree, and says of the others why they do not count.
func (c Case) approvals(rule understudy.ApprovalRule, digest understudy.Digest) understudy.Requirement {
	var agree, others []string
	for _, a := range newest(c.Approvals, c.Release.Digest, c.Promotion.To) {
		if why := c.lapsed(a, rule, digest); why != "" {
			others = append(others, why)
		} else {
			agree = append(agree, a.By)
		}
	}
	r := understudy.Requirement{Name: understudy.RequireApprovals, Breakable: true, Met: len(agree) >= rule.Count}
	r.Says = fmt.Sprintf("%d of %d approvals", len(agree), rule.Count)
	if len(agree) > 0 {
		r.Says += ": " + strings.Join(agree, ", ")
	}
	if len(others) > 0 {
		r.Says += "; " + strings.Join(others, "; ")
	}
	if !r.Met {
		r.Do = fmt.Sprintf("%d more of %s: understudy approve %s --to %s", rule.Count-len(agree), c.whose(rule, agree), c.Release.Label, c.Promotion.To)
	}
	return r
}

// whose approval is missing: of those who are named, who has not agreed and would count.
func (c Case) whose(rule understudy.ApprovalRule, agree []string) string {
	left := slices.DeleteFunc(slices.Clone(rule.By), func(by string) bool {
		return slices.Contains(agree, by) || rule.NotAuthor && by == c.Release.CreatedBy || rule.NotPromoter && by == c.Promotion.By
	})
	switch {
	case len(rule.By) == 0:
		return "anybody"
	case len(left) == 0:
		return "those whom policy.approvals.by would have to name besides"
	}
	return strings.Join(left, ", ")
}

// newest is the last word of each person on a release.
func newest(all []understudy.SignedApproval, release understudy.Digest, to string) []understudy.SignedApproval {
	var out []understudy.SignedApproval
	for _, a := range all {
		if a.Release != release || a.To != to {
			continue
		}
		out = slices.DeleteFunc(out, func(o understudy.SignedApproval) bool { return o.By == a.By })
		out = append(out, a)
	}
	return out
}

// lapsed says why an approval does not count; empty: it does.
func (c Case) lapsed(a understudy.SignedApproval, rule understudy.ApprovalRule, digest understudy.Digest) string {
	moved := a.Production.Moved(c.Production)
	switch {
	case !a.WithdrawnAt.IsZero():
		return a.By + " has withdrawn"
	case a.Verdict != c.Verdict || a.Evidence != c.Evidence:
		return fmt.Sprintf("%s approved by verdict %s, and %s counts now", a.By, a.Verdict, orNothing(c.Verdict))
	case a.Policy != digest:
		return "the policy has changed since " + a.By + " approved"
	case len(moved) > 0:
		return fmt.Sprintf("%s has moved since %s approved: %s", c.Promotion.To, a.By, moved[0])
	case rule.MaxAge > 0 && c.Now.Sub(a.At) > rule.MaxAge:
		return fmt.Sprintf("%s approved %s ago, and an approval holds for %s", a.By, c.Now.Sub(a.At).Round(time.Second), rule.MaxAge)
	}
	return Excluded(rule, a.By, a.Groups, c.Release.CreatedBy, c.Promotion.By)
}

// Excluded says why somebody cannot approve a release by a rule; empty: they can.
func Excluded(rule understudy.ApprovalRule, who string, groups []string, author, promoter string) string {
	named := slices.ContainsFunc(rule.By, func(by string) bool {
		group, is := strings.CutPrefix(by, understudy.GroupPrefix)
		return by == who && !is || is && slices.Contains(groups, group)
	})
	switch {
	case rule.NotAuthor && who == author:
		return who + " made the release"
	case rule.NotPromoter && who == promoter:
		return who + " promotes it"
	case len(rule.By) > 0 && !named:
		return who + " is none of " + strings.Join(rule.By, ", ")
	}
	return ""
}
