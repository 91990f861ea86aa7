package daemon_test

import (
	"slices"
	"testing"
)

// apart are the gaps of production and staging that nobody expects of a twin.
func (h *house) apart(t *testing.T) []string {
	t.Helper()
	p, err := h.Parity(limited(t), "", "")
	check(t, err)
	var out []string
	for _, g := range p.Gaps {
		if g.Because == "" && g.Kind != "disk" { // what is free of the disk is others' business too
			out = append(out, g.Kind+" "+g.Name)
		}
	}
	return out
}

// hasParity holds staging to what has to be all that differs from production.
func (h *house) hasParity(t *testing.T, want ...string) {
	t.Helper()
	if got := h.apart(t); !slices.Equal(got, want) {
		t.Errorf("staging differs from production in %q, expected %q", got, want)
	}
}
