package migration

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"understudy"
)

// Size is how big a relation is: rows as the server's statistics estimate them, bytes with
// TOAST and indexes. Below zero: not known.
type Size struct{ Rows, Bytes int64 }

// work is what a migration did to a relation, as far as it tells how its time grows.
type work int

const (
	unknown work = iota // it held a lock: whether that grows with the table cannot be told
	linear              // every row or page was read or written once
	sorting             // an index was built
)

// Estimate scales what one relation took on the twin to production's size. It is a range,
// and never a fact: Basis says what it rests on.
type Estimate struct {
	Relation        string        `json:"relation"`
	Measured        time.Duration `json:"measured"`
	Rows            int64         `json:"rows"`
	Bytes           int64         `json:"bytes"`
	ProductionRows  int64         `json:"productionRows"`
	ProductionBytes int64         `json:"productionBytes"`
	Low             time.Duration `json:"low"`
	High            time.Duration `json:"high"`
	Basis           string        `json:"basis"`
}

// Estimates scales each relation that the run worked on, the longest first. Low grows with
// the smaller of the ratios of rows and of bytes, High with the larger, and as n·log n where
// an index was built, as its keys are sorted. What held a lock without being seen to read or
// write the table is not scaled in Low, as adding a column takes as long on any table, and
// is in High. A relation whose size is not known on both sides is left out. Those of further
// databases are called as findings call them.
func Estimates(ran Ran, budget Budget) []Estimate {
	seen := ran.Observation.Whole()
	var out []Estimate
	for relation, kind := range worked(seen) {
		twin, onTwin := budget.Twin[relation]
		production, inProduction := budget.Production[relation]
		measured := min(atWork(relation, seen), max(ran.Took, 0))
		if !onTwin || !inProduction || measured == 0 {
			continue
		}
		least, most, basis := growth(kind, twin, production)
		out = append(out, Estimate{
			Relation: relation, Measured: measured, Rows: twin.Rows, Bytes: twin.Bytes, ProductionRows: production.Rows, ProductionBytes: production.Bytes,
			Low: times(measured, least), High: times(measured, most), Basis: basis,
		})
	}
	slices.SortFunc(out, func(a, b Estimate) int {
		return cmp.Or(cmp.Compare(b.High, a.High), cmp.Compare(a.Relation, b.Relation))
	})
	return out
}

// worked says of each relation from before what the migration did to it.
func worked(seen understudy.Observation) map[string]work {
	kinds := map[string]work{}
	note := func(relation string, kind work) { kinds[relation] = max(kinds[relation], kind) }
	for _, l := range seen.Locks {
		if !l.New && strings.HasSuffix(l.Kind, "table") && understudy.StrongLock(l.Mode) {
			note(l.Relation, unknown)
		}
	}
	for _, t := range seen.Tables {
		switch {
		case t.New || t.Gone:
		case t.Rewritten || t.RewrittenInVain: // its indexes are built anew with it
			note(t.Relation, sorting)
		case t.Inserted+t.Updated+t.Deleted > 0:
			note(t.Relation, linear)
		}
	}
	for _, i := range seen.Indexes {
		if i.New || i.Rebuilt {
			note(i.Table, sorting)
		}
	}
	for _, c := range seen.Constraints {
		if c.New && !c.NotValid {
			note(c.Table, linear)
		}
	}
	return kinds
}

// atWork is the longest that the migration held a lock on a relation that goes with work on it.
func atWork(relation string, seen understudy.Observation) (longest time.Duration) {
	for _, l := range seen.Locks {
		if l.Relation == relation && l.Mode != "AccessShareLock" {
			longest = max(longest, l.Held)
		}
	}
	return longest
}

// growth is by how much work grows from the twin's size to production's, at least and at most.
func growth(kind work, twin, production Size) (least, most float64, basis string) {
	var ratios []float64
	if twin.Rows > 0 && production.Rows >= 0 {
		ratios = append(ratios, float64(production.Rows)/float64(twin.Rows))
	}
	if twin.Bytes > 0 && production.Bytes >= 0 {
		ratios = append(ratios, float64(production.Bytes)/float64(twin.Bytes))
	}
	if len(ratios) == 0 {
		return 1, 1, "nothing there on the twin to scale from"
	}
	least, most = slices.Min(ratios), slices.Max(ratios)
	basis = "linear in rows and bytes"
	switch kind {
	case sorting:
		most *= logarithms(twin.Rows, production.Rows, most)
		basis = "from linear to n·log n, as indexes are built"
	case unknown:
		least, most = min(least, 1), max(most, 1)
		basis = "from as long as on the twin to linear, as it was not seen whether the lock's time grows with the table"
	}
	if production.Rows < 0 {
		basis += "; production's statistics do not know its rows"
	}
	return least, most, basis
}

// logarithms is the ratio of log n on both sides; where it shrinks, it is left at 1.
func logarithms(twin, production int64, ratio float64) float64 {
	n := float64(max(twin, 2))
	grown := n * ratio
	if production > 1 {
		grown = float64(production)
	}
	return max(1, math.Log(max(grown, 2))/math.Log(n))
}

func times(d time.Duration, factor float64) time.Duration {
	return time.Duration(min(float64(d)*factor, float64(math.MaxInt64)/2))
}

// Expect is what a whole run lets expect of production: the strong locks that were seen, and
// between what the command takes there. What went by while no relation was worked on counts
// as it was. Where the relations' times overlap, as within one transaction, nobody knows
// which of them the time went to: then all of it grows as the least or the most of them.
func Expect(ran Ran, budget Budget) understudy.Expectation {
	e := understudy.ExpectedOf(ran.Observation)
	took := cmp.Or(ran.Last, ran.Took)
	e.Runs, e.Low, e.High, e.Tries = []time.Duration{took}, took, took, ran.Tries
	estimates := Estimates(ran, budget)
	e.Basis = basisOf(estimates, unscaled(ran, budget), budget)
	var sum time.Duration
	low, high, least, most := time.Duration(0), time.Duration(0), math.Inf(1), 0.0
	for _, of := range estimates {
		sum, low, high = sum+of.Measured, low+of.Low, high+of.High
		least, most = min(least, float64(of.Low)/float64(of.Measured)), max(most, float64(of.High)/float64(of.Measured))
	}
	switch {
	case len(estimates) == 0:
	case sum <= took:
		e.Low, e.High = took-sum+low, took-sum+high
	default:
		e.Low = times(took, min(1, least)) + times(min(longest(estimates), took), max(0, least-1))
		e.High = times(took, max(1, most))
	}
	return e
}

// unscaled names the relations from before that were worked on for long enough to be seen, and
// whose size is not known on both sides. A partitioned table has no rows but those of its
// partitions, which are relations of their own.
func unscaled(ran Ran, budget Budget) (names []string) {
	seen := ran.Observation.Whole()
	for relation := range worked(seen) {
		_, onTwin := budget.Twin[relation]
		_, inProduction := budget.Production[relation]
		made := slices.ContainsFunc(seen.Tables, func(t understudy.TableChange) bool { return t.Relation == relation && t.New })
		empty := slices.ContainsFunc(seen.Locks, func(l understudy.ObservedLock) bool { return l.Relation == relation && l.Kind == "partitioned table" })
		if !made && !empty && (!onTwin || !inProduction) && atWork(relation, seen) > 0 {
			names = append(names, relation)
		}
	}
	slices.Sort(names)
	return names
}

func longest(estimates []Estimate) (d time.Duration) {
	for _, of := range estimates {
		d = max(d, of.Measured)
	}
	return d
}
