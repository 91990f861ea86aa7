package understudy

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// ParityStretch is a time in which every measurement of two environments found the same: it
// costs one record, however long it lasts.
type ParityStretch struct {
	ID        string           `json:"id"`
	A         string           `json:"a"`
	B         string           `json:"b"`
	From      time.Time        `json:"from"`  // of the first measurement that found it
	Until     time.Time        `json:"until"` // of the last
	Times     int              `json:"times"` // measurements
	Figure    float64          `json:"figure"`
	Compared  int              `json:"compared"`
	Kinds     []GapSum         `json:"kinds,omitempty"`
	List      Digest           `json:"list"` // of what was found, which is kept under it
	Occasions []ParityOccasion `json:"occasions,omitempty"`
	// Changes are what it has that the stretch before it had not, and the other way round;
	// they are filled in for whoever reads a history.
	Changes []ParityChange `json:"changes,omitempty"`
}

// GapSum sums up the differences of one kind.
type GapSum struct {
	Kind       string  `json:"kind"`
	Accidental int     `json:"accidental,omitempty"`
	Weight     float64 `json:"weight,omitempty"` // of the accidental ones
	Accepted   int     `json:"accepted,omitempty"`
	Expected   int     `json:"expected,omitempty"`
}

// ParityOccasion is something besides time that was the reason of a measurement.
type ParityOccasion struct {
	At    time.Time `json:"at"`
	What  string    `json:"what"` // "rehearsal", "promotion"
	ID    string    `json:"id"`
	Label string    `json:"label"` // of the release
}

// What may be the occasion of a measurement.
const (
	OccasionRehearsal = "rehearsal"
	OccasionPromotion = "promotion"
)

// ParityList is what a measurement found, as it is kept once for every stretch that found it.
type ParityList struct {
	Gaps     []Gap    `json:"gaps"`
	Lapsed   []Lapsed `json:"lapsed,omitempty"`
	Measured []string `json:"measured"`
}

// Digest names what was found: lists of the same differences have the same, in whatever
// order they stand, whatever the measuring took, and however little sizes have moved.
func (l ParityList) Digest() (Digest, error) {
	gaps := make([]Gap, 0, len(l.Gaps))
	for _, g := range l.Gaps {
		gaps = append(gaps, g.coarse())
	}
	slices.SortStableFunc(gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B))
	})
	return DigestOfValue(ParityList{Gaps: gaps, Lapsed: l.Lapsed})
}

// coarse is a difference as far as anybody would want to be told of a change. Two sizes that
// are apart move all the time: that is told in halves of weight.
func (g Gap) coarse() Gap {
	if sized(g.Kind) {
		g.A, g.B, g.Weight = "", "", math.Round(2*g.Weight)/2
	}
	return g
}

// sized tells whether differences of a kind weigh by how far two sizes are apart.
func sized(kind string) bool {
	known, is := GapKindOf(kind)
	return is && known.Scaled
}

// ParityHistory is what was measured of two environments, oldest first.
type ParityHistory struct {
	A         string          `json:"a"`
	B         string          `json:"b"`
	Stretches []ParityStretch `json:"stretches"`
	Promoted  []Promoted      `json:"promoted,omitempty"` // to one of them meanwhile
}

// Promoted is a release that settled.
type Promoted struct {
	At    time.Time `json:"at"`
	To    string    `json:"to"`
	Label string    `json:"label"`
}

// Listed is what is kept of a measurement once.
func (p Parity) Listed() ParityList {
	return ParityList{Gaps: p.Gaps, Lapsed: p.Lapsed, Measured: p.Measured}
}

// Kinds sums up a measurement's differences, the kind that weighs most first.
func (p Parity) Kinds() []GapSum {
	var out []GapSum
	for _, g := range p.Gaps {
		at := slices.IndexFunc(out, func(k GapSum) bool { return k.Kind == g.Kind })
		if at < 0 {
			at, out = len(out), append(out, GapSum{Kind: g.Kind})
		}
		switch k := &out[at]; {
		case g.Accidental():
			k.Accidental++
			k.Weight += max(0, g.Weight)
		case g.Accepted != nil:
			k.Accepted++
		default:
			k.Expected++
		}
	}
	slices.SortStableFunc(out, func(a, b GapSum) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(b.Accidental, a.Accidental), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

// Stretch begins a stretch with a measurement whose list has a digest. Why may be nil.
func (p Parity) Stretch(id string, list Digest, why *ParityOccasion) ParityStretch {
	s := ParityStretch{ID: id, A: p.A, B: p.B, From: p.MeasuredAt, Figure: p.Figure, Compared: p.Compared, Kinds: p.Kinds(), List: list}
	return s.And(p, why)
}

// occasionsKept is how many a stretch names, the newest.
const occasionsKept = 50

// And is the stretch with one more measurement, which found the same.
func (s ParityStretch) And(p Parity, why *ParityOccasion) ParityStretch {
	s.Times++
	if p.MeasuredAt.After(s.Until) {
		s.Until = p.MeasuredAt
	}
	if why != nil {
		s.Occasions = append(slices.Clone(s.Occasions), *why)
		s.Occasions = s.Occasions[max(0, len(s.Occasions)-occasionsKept):]
	}
	return s
}

// GoesOn tells whether a measurement found what the stretch did.
func (s ParityStretch) GoesOn(p Parity, list Digest) bool {
	return s.A == p.A && s.B == p.B && s.List == list && s.Figure == p.Figure
}

// ParityChange is one difference that came, went or is another one now.
type ParityChange struct {
	What ChangeOfGap `json:"what"`
	Gap  Gap         `json:"gap"`           // as it is now; of one that went, as it was
	Was  *Gap        `json:"was,omitempty"` // of one that changed
}

// ChangeOfGap is what became of a difference.
type ChangeOfGap string

// What becomes of differences.
const (
	GapCame    ChangeOfGap = "came"
	GapWent    ChangeOfGap = "went"
	GapChanged ChangeOfGap = "changed"
)

// ParityChanges are the differences that are not as they were before: those that came, then
// those that changed, then those that went, each in the order of its list.
func ParityChanges(before, after []Gap) []ParityChange {
	was := slices.Clone(before)
	var fresh []Gap
	for _, g := range after {
		if at := slices.IndexFunc(was, g.same); at >= 0 {
			was = slices.Delete(was, at, at+1)
		} else {
			fresh = append(fresh, g)
		}
	}
	var came, changed, went []ParityChange
	for _, g := range fresh {
		at := slices.IndexFunc(was, func(old Gap) bool { return old.Kind == g.Kind && old.Name == g.Name })
		if at < 0 {
			came = append(came, ParityChange{What: GapCame, Gap: g})
			continue
		}
		old := was[at]
		was = slices.Delete(was, at, at+1)
		changed = append(changed, ParityChange{What: GapChanged, Gap: g, Was: &old})
	}
	for _, g := range was {
		went = append(went, ParityChange{What: GapWent, Gap: g})
	}
	return slices.Concat(came, changed, went)
}

// same tells whether two differences are one, as far as anybody would want to be told.
func (g Gap) same(other Gap) bool {
	a, b := g.coarse(), other.coarse()
	return a.Kind == b.Kind && a.Name == b.Name && a.A == b.A && a.B == b.B && (a.Weight == b.Weight || !sized(a.Kind)) && a.State() == b.State()
}

// State is how a difference stands: "accidental", "accepted" or "expected".
func (g Gap) State() string {
	switch {
	case g.Because != "":
		return "expected"
	case g.Accepted != nil:
		return "accepted"
	}
	return "accidental"
}

// The bounds of a history: the newest stretches are kept all, and of each day before them
// the worst, for about a year.
const (
	ParityKeptAll  = 1000
	ParityKeptDays = 400
)

// ThinParity says which stretches of two environments, given oldest first, are kept no longer.
func ThinParity(all []ParityStretch, now time.Time) []ParityStretch {
	older := all[:max(0, len(all)-ParityKeptAll)]
	worst := map[string]int{}
	for i, s := range older {
		day := s.From.UTC().Format(time.DateOnly)
		if at, known := worst[day]; !known || s.Figure < older[at].Figure {
			worst[day] = i
		}
	}
	oldest := now.AddDate(0, 0, -ParityKeptDays)
	var out []ParityStretch
	for i, s := range older {
		if worst[s.From.UTC().Format(time.DateOnly)] != i || s.Until.Before(oldest) {
			out = append(out, s)
		}
	}
	return out
}
