package understudy

import (
	"math"
	"time"
)

// Parity is the measured likeness of two environments. The figure is never shown
// without the gaps that made it and the words that say how it was measured.
type Parity struct {
	A          string    `json:"a"`
	B          string    `json:"b"`
	Figure     float64   `json:"figure"` // 0 to 100; 100: no accidental gap was found
	Compared   int       `json:"compared"`
	Gaps       []Gap     `json:"gaps"`
	Lapsed     []Lapsed  `json:"lapsed,omitempty"` // acceptances that accept nothing
	Measured   []string  `json:"measured"`         // what was compared, and how
	MeasuredAt time.Time `json:"measuredAt"`
}

// Gap is one difference between two environments: expected, accepted or accidental.
type Gap struct {
	Kind    string  `json:"kind"` // one of GapKinds
	Name    string  `json:"name"`
	A       string  `json:"a"`
	B       string  `json:"b"`
	Weight  float64 `json:"weight"`            // 1: ordinary; larger weighs more
	Because string  `json:"because,omitempty"` // why it is expected of a twin; then it weighs nothing
	// Accepted is who answers for it; then it weighs nothing either.
	Accepted *Acceptance `json:"accepted,omitempty"`
}

// ParityFigure is 100 × compared / (compared + weight of the accidental gaps): it falls
// with every gap, never rises when one is added, and is 100 only when there is none.
// Compared counts the facts that were looked at and found equal.
func ParityFigure(compared int, gaps []Gap) float64 {
	weight, accidental := 0.0, false
	for _, g := range gaps {
		if g.Accidental() {
			weight, accidental = weight+max(0, g.Weight), true
		}
	}
	if !accidental {
		return 100
	}
	likeness := 1000 * float64(compared) / max(1, float64(compared)+weight)
	return math.Min(math.Floor(likeness), 999) / 10
}
