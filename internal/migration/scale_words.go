package migration

import (
	"fmt"
	"strings"

	"understudy"
)

// basisOf says what a range rests on, for people.
func basisOf(estimates []Estimate, unscaled []string, budget Budget) string {
	unsaid := "production's machine, cache and traffic are not those of the twin"
	if len(unscaled) > 0 && len(budget.Production) > 0 {
		unsaid = "as long as on the twin for " + someOf(unscaled, 3) + ", whose size is not known; " + unsaid
	}
	switch {
	case len(budget.Production) == 0:
		return "as long as on the twin: production's sizes could not be read; " + unsaid
	case len(estimates) == 0 && len(unscaled) > 0:
		return unsaid
	case len(estimates) == 0:
		return "as long as on the twin: no table was worked on for long enough to be seen; " + unsaid
	}
	of := estimates[0]
	return fmt.Sprintf("%s: %s; %s", of.sizes(), of.Basis, unsaid)
}

// someOf names the first of those that one sentence is about.
func someOf(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

// sizes says how big a relation is on both sides: "public.orders: 2.0 M rows, 1.2 GB on the
// twin, 31 M rows, 18.0 GB in production".
func (e Estimate) sizes() string {
	return fmt.Sprintf("%s: %s on the twin, %s in production as its statistics say", e.Relation, Size{e.Rows, e.Bytes}, Size{e.ProductionRows, e.ProductionBytes})
}

// Rate is how fast the twin was: "350 k rows/s, 200 MB/s".
func (e Estimate) Rate() string {
	if e.Measured <= 0 {
		return ""
	}
	per := Size{int64(float64(e.Rows) / e.Measured.Seconds()), int64(float64(e.Bytes) / e.Measured.Seconds())}
	return strings.ReplaceAll(per.String(), "rows,", "rows/s,") + "/s"
}

func (s Size) String() string {
	if s.Rows < 0 {
		return "rows not known, " + bytes(max(s.Bytes, 0))
	}
	return abbreviated(s.Rows) + " rows, " + bytes(max(s.Bytes, 0))
}

func abbreviated(n int64) string {
	switch {
	case n >= 10_000_000:
		return fmt.Sprintf("%d M", n/1_000_000)
	case n >= 1_000_000:
		return fmt.Sprintf("%.1f M", float64(n)/1_000_000)
	case n >= 10_000:
		return fmt.Sprintf("%d k", n/1000)
	}
	return fmt.Sprint(n)
}

// Figures of the estimates: each relation's range, with what it rests on.
func Figures(estimates []Estimate) []understudy.Figure {
	var out []understudy.Figure
	for _, e := range estimates {
		out = append(out, understudy.Figure{
			Name: "expected in production: " + e.Relation, Value: e.High.Seconds(), Unit: "s",
			Basis: fmt.Sprintf("at most; %s; measured %s at %s; %s", understudy.Span(e.Low, e.High), rounded(e.Measured), e.Rate(), e.sizes()),
		})
	}
	return out
}
