package understudy

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Express lets a release whose measured radius is small go with less. What is left out is
// asked for as of every other release.
type Express struct {
	When      ExpressWhen    `json:"when"`
	Approvals *int           `json:"approvals,omitempty"`
	Soak      *time.Duration `json:"soak,omitempty"`
	Bake      *time.Duration `json:"bake,omitempty"`
	StepFor   *time.Duration `json:"stepFor,omitempty"`
	Steps     []int          `json:"steps,omitempty"`
}

// ExpressWhen is how far a release may reach on the express lane. What is left out is not
// bounded where it is a size or a path, and not allowed everywhere else.
type ExpressWhen struct {
	MaxFiles    int           `json:"maxFiles,omitempty"`
	MaxBytes    int64         `json:"maxBytes,omitempty"`
	Paths       []string      `json:"paths,omitempty"`       // only these: names, patterns, folders that end with /
	Services    []string      `json:"services,omitempty"`    // whose declaration may change
	MaxLock     time.Duration `json:"maxLock,omitempty"`     // longest strong lock of a migration; 0: none that does anything
	MaxRows     int64         `json:"maxRows,omitempty"`     // that a migration writes in tables that were there; 0: 100
	NewKeys     bool          `json:"newKeys,omitempty"`     // configuration keys may change
	Permissions bool          `json:"permissions,omitempty"` // executable bits, links and users may change
	Likeness    float64       `json:"likeness,omitempty"`    // least of the twin's columns to production's; 0: any
}

// Lane is how much is asked of a release.
type Lane string

// The lanes.
const (
	LaneOrdinary Lane = "ordinary"
	LaneExpress  Lane = "express"
)

// On is the policy as it holds on a lane.
func (p Policy) On(lane Lane) Policy {
	e := p.Express
	if lane != LaneExpress || e == nil {
		return p
	}
	if e.Approvals != nil && p.Approvals != nil {
		rule := *p.Approvals
		rule.Count = min(rule.Count, *e.Approvals)
		p.Approvals = &rule
	}
	if e.Soak != nil {
		p.Soak = min(p.Soak, *e.Soak)
	}
	if e.Bake != nil {
		p.Bake = min(p.Bake, *e.Bake)
	}
	if e.StepFor != nil {
		p.StepFor = min(p.StepFor, *e.StepFor)
	}
	if len(e.Steps) > 0 {
		p.Steps = e.Steps
	}
	return p
}

// Bound is one side of a radius held against what the express lane allows.
type Bound struct {
	Within bool   `json:"within"`
	Says   string `json:"says"`
}

// Bounds holds a measured radius against the express lane, side by side. A release is within
// it where each bound says so; one whose radius was not measured is not.
func (w ExpressWhen) Bounds(r *Radius) []Bound {
	if r == nil {
		return []Bound{{Says: "its radius was not measured: the verdict is of before that was attested"}}
	}
	out := []Bound{
		w.files(*r), w.bytes(*r),
		among("configuration keys changed", r.Keys, func(string) bool { return w.NewKeys }),
		among("permissions changed", r.Permissions, func(string) bool { return w.Permissions }),
		among("services changed", r.Services, func(name string) bool { return slices.Contains(w.Services, name) }),
		among("other declarations changed", r.Wiring, func(string) bool { return false }),
		w.reach(r.Migration),
	}
	if len(w.Paths) > 0 {
		out = append(out, w.paths(*r))
	}
	if w.Likeness > 0 {
		out = append(out, Bound{r.Likeness >= w.Likeness, sentence("the twin's columns were %.3f like production's, and %.3f is asked for", r.Likeness, w.Likeness)})
	}
	return out
}

// Within tells whether all bounds hold; of none it cannot be said.
func Within(bounds []Bound) bool {
	return len(bounds) > 0 && !slices.ContainsFunc(bounds, func(b Bound) bool { return !b.Within })
}

func (w ExpressWhen) files(r Radius) Bound {
	if w.MaxFiles == 0 {
		return Bound{true, sentence("files changed: %d", r.Files)}
	}
	return Bound{r.Files <= w.MaxFiles, sentence("files changed: %d, of %d at most", r.Files, w.MaxFiles)}
}

func (w ExpressWhen) bytes(r Radius) Bound {
	if w.MaxBytes == 0 {
		return Bound{true, sentence("bytes of content in them: %d", r.Bytes)}
	}
	return Bound{r.Bytes <= w.MaxBytes, sentence("bytes of content in them: %d, of %d at most", r.Bytes, w.MaxBytes)}
}

func among(what string, found []string, allowed func(string) bool) Bound {
	if len(found) == 0 {
		return Bound{true, "no " + what}
	}
	beyond := slices.DeleteFunc(slices.Clone(found), allowed)
	if len(beyond) == 0 {
		return Bound{true, what + ": " + few(found)}
	}
	return Bound{false, what + ": " + few(beyond)}
}

func (w ExpressWhen) paths(r Radius) Bound {
	beyond := slices.DeleteFunc(slices.Clone(r.Paths), func(name string) bool {
		return slices.ContainsFunc(w.Paths, func(pattern string) bool { return covers(pattern, name) })
	})
	switch {
	case r.Files > len(r.Paths):
		return Bound{false, sentence("only %d of the %d changed paths are attested", len(r.Paths), r.Files)}
	case len(beyond) > 0:
		return Bound{false, "paths changed that are not listed: " + few(beyond)}
	}
	return Bound{true, "only listed paths changed"}
}

// covers tells whether a path is a pattern's: the same, below the folder, or as path.Match says.
func covers(pattern, name string) bool {
	if strings.HasSuffix(pattern, "/") {
		return strings.HasPrefix(name, pattern)
	}
	matched, err := path.Match(pattern, name)
	return pattern == name || err == nil && matched
}

// usualRows are what a migration tool writes of its own: which steps it has done.
const usualRows = 100

func (w ExpressWhen) reach(m *Reach) Bound {
	rows := w.MaxRows
	if rows == 0 {
		rows = usualRows
	}
	switch {
	case m == nil:
		return Bound{true, "no migration"}
	case m.Idle:
		return Bound{true, "the migration found nothing to do"}
	case w.MaxLock == 0:
		return Bound{false, "there is a migration, and max_lock allows none"}
	case !m.Exact:
		return Bound{false, "the migration's locks were sampled, so that one may have been missed"}
	case len(m.Heavy) > 0:
		return Bound{false, "the migration has " + few(m.Heavy)}
	case m.Held > w.MaxLock:
		return Bound{false, sentence("the migration kept others out for %s, of %s at most", m.Held, w.MaxLock)}
	case m.Rows > rows:
		return Bound{false, sentence("the migration wrote %d rows that were there, of %d at most", m.Rows, rows)}
	}
	return Bound{true, sentence("the migration kept others out for %s, of %s at most, and wrote %d rows, of %d at most", m.Held, w.MaxLock, m.Rows, rows)}
}

// few lists some of many names.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
