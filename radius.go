package understudy

import (
	"slices"
	"time"
)

// Radius is how far a release reaches beyond what production runs, as the rehearsal measured
// it: by content and by what was seen, never by what somebody says of it.
type Radius struct {
	Against     Digest   `json:"against"` // the baseline
	Files       int      `json:"files"`   // added, changed and removed, by content
	Bytes       int64    `json:"bytes"`   // of what is new in them, and of those removed
	Paths       []string `json:"paths,omitempty"`
	Services    []string `json:"services,omitempty"`    // whose declaration is new, changed or gone
	Keys        []string `json:"keys,omitempty"`        // of configuration: the same, and those whose value changes for production
	Permissions []string `json:"permissions,omitempty"` // files and services
	Wiring      []string `json:"wiring,omitempty"`      // databases, volumes, integrations, the migration's command
	Migration   *Reach   `json:"migration,omitempty"`   // nil: nothing was migrated
	Likeness    float64  `json:"likeness"`              // least of a database's columns to production's; 0: not measured
}

// Reach is how far a migration reached into what was there before.
type Reach struct {
	Held  time.Duration `json:"held"`            // longest that it kept others from reading or writing
	Exact bool          `json:"exact"`           // no lock was missed
	Rows  int64         `json:"rows"`            // written in tables that were there
	Heavy []string      `json:"heavy,omitempty"` // what no lock's time tells: tables written anew, columns gone
	Idle  bool          `json:"idle,omitempty"`  // it found nothing to do: nothing was made, changed or locked
}

// mostPaths are attested: more are no small change.
const mostPaths = 200

// MeasureRadius compares a candidate with what production runs. What its migration reached is
// added when it was run.
func MeasureRadius(baseline, candidate Release, snapshot Snapshot) Radius {
	r := Radius{Against: baseline.Digest, Likeness: leastLikeness(baseline, snapshot)}
	was, is := filesOf(baseline), filesOf(candidate)
	for _, name := range sortedKeys(was, is) {
		before, had := was[name]
		after, has := is[name]
		if had && has && before.Executable != after.Executable || before.Link != after.Link {
			r.Permissions = append(r.Permissions, name)
		}
		if before == after {
			continue
		}
		r.Files++
		if has {
			r.Bytes += after.Size
		} else {
			r.Bytes += before.Size
		}
		if len(r.Paths) < mostPaths {
			r.Paths = append(r.Paths, name)
		}
	}
	r.declared(baseline.Application, candidate.Application)
	return r
}

func filesOf(r Release) map[string]ArtifactFile {
	out := map[string]ArtifactFile{}
	for _, f := range r.Artifact.Files {
		out[f.Path] = f
	}
	return out
}

// Reconfigures notes the keys whose value changes for production.
func (r *Rehearsal) Reconfigures(changes []ConfigChange) {
	if r.Radius == nil {
		return
	}
	keys := r.Radius.Keys
	for _, c := range changes {
		if !slices.Contains(keys, c.Key) {
			keys = append(keys, c.Key)
		}
	}
	slices.Sort(keys)
	r.Radius.Keys = keys
}

// declared adds what differs in what the releases declare. Tests and traffic are left out:
// they never run in production.
func (r *Radius) declared(a, b Application) {
	r.Services = changedNames(a.Services, b.Services, func(s Service) string { return s.Name })
	r.Keys = changedNames(a.Config, b.Config, func(k ConfigKey) string { return k.Key })
	if !slices.Equal(a.ConfigRules, b.ConfigRules) || string(a.ConfigSchema) != string(b.ConfigSchema) {
		r.Keys = append(r.Keys, "rules")
	}
	users := map[string]string{}
	for _, s := range a.Services {
		users[s.Name] = s.User
	}
	for _, s := range b.Services {
		if user, had := users[s.Name]; had && user != s.User {
			r.Permissions = append(r.Permissions, "service "+s.Name)
		}
	}
	add := func(what string, names []string) {
		for _, name := range names {
			r.Wiring = append(r.Wiring, what+" "+name)
		}
	}
	add("database", changedNames(a.Databases, b.Databases, func(d Database) string { return d.Name }))
	add("volume", changedNames(a.Volumes, b.Volumes, func(v Volume) string { return v.Name }))
	add("integration", changedNames(a.Integrations, b.Integrations, func(i Integration) string { return i.Name }))
	if one(a.Migration)["declaration"] != one(b.Migration)["declaration"] {
		r.Wiring = append(r.Wiring, "the migration's command")
	}
}

func changedNames[V any](a, b []V, name func(V) string) []string {
	was, is := index(a, name), index(b, name)
	var out []string
	for _, n := range sortedKeys(was, is) {
		if was[n] != is[n] {
			out = append(out, n)
		}
	}
	return out
}

// leastLikeness is that of the database that is least like production's; 1 where there is none
// to be like.
func leastLikeness(baseline Release, snapshot Snapshot) float64 {
	least := 1.0
	for _, d := range baseline.Application.Databases {
		at := slices.IndexFunc(snapshot.Databases, func(c DatabaseCopy) bool { return c.Database == d.Name })
		if at < 0 || snapshot.Databases[at].Proof == nil {
			return 0
		}
		least = min(least, snapshot.Databases[at].Proof.Likeness)
	}
	return least
}

// ReachOf is how far a migration was seen to reach, in all databases.
func ReachOf(o Observation) Reach {
	o = o.Whole()
	r := Reach{Exact: o.Exact.Locks && o.Exact.Writes}
	r.Idle = r.Exact && len(o.Tables) == 0 && !slices.ContainsFunc(o.Statements, func(s ObservedStatement) bool { return s.Commits })
	for _, l := range o.Locks {
		keepsOut := StrongLock(l.Mode) || l.Stops == StopsAll || l.Stops == StopsWrites
		r.Idle = r.Idle && !keepsOut
		if keepsOut && !l.New {
			r.Held = max(r.Held, l.Held, l.HeldMost)
		}
	}
	for _, t := range o.Tables {
		if t.New {
			continue
		}
		r.Rows += t.Inserted + t.Updated + t.Deleted
		switch {
		case t.Gone, t.Emptied:
			r.Heavy = append(r.Heavy, "table "+t.Relation+" gone or emptied")
		case t.Rewritten, t.RewrittenInVain:
			r.Heavy = append(r.Heavy, "table "+t.Relation+" written anew")
		}
		for _, c := range t.Columns {
			if c.Is == "" {
				r.Heavy = append(r.Heavy, "column "+t.Relation+"."+c.Name+" gone")
			}
		}
	}
	return r
}
