package rehearsal_test

import (
	"testing"
	"testing/synctest"

	"understudy"
	"understudy/internal/rehearsal"
)

func contracts(s *story) {
	m := *s.candidate.Application.Migration
	m.Contract = []string{"contract"}
	s.candidate.Application.Migration = &m
}

func TestContract_IsAttestedOnlyWhereItWasSeenToGoWell(t *testing.T) {
	for claim, c := range map[string]struct {
		change func(s *story)
		want   bool
	}{
		"it runs through": {func(*story) {}, true},
		"it fails": {func(s *story) {
			s.away = func(rehearsal.Copy) rehearsal.Migrated { return rehearsal.Migrated{Said: "no such column"} }
		}, false},
		"the new release breaks": {func(s *story) {
			s.answer = func(at state, _ int) string { return map[string]string{"contracted": "GET / → 500"}[at.schema] }
		}, false},
		"none is declared": {func(s *story) { s.candidate.Application.Migration.Contract = nil }, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, sound(func(s *story) { contracts(s); c.change(s) }))
			if err, _ := w.live(t.Context(), fate{}); err != nil {
				t.Fatal(err)
			}
			var s understudy.Statement
			for _, s = range w.verdicts {
			}
			if got := s.Contract != nil; got != c.want || s.Rehearsal == "" {
				t.Errorf("%s: attested is %t, want %t", claim, got, c.want)
			}
		})
	}
}
