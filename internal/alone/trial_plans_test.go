package alone

import (
	"slices"
	"testing"

	"understudy/internal/laboratory"
	"understudy/internal/rehearsal"
)

func TestTrial_SaysOnceWhyPlansAreNotCompared(t *testing.T) {
	var told []string
	trial := &trial{stand: &sqliteStand{}, tell: func(text string) { told = append(told, text) }}
	for range 2 {
		if _, err := trial.lookAhead(t.Context(), rehearsal.Work, laboratory.Up); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"plans are not compared: they are of PostgreSQL only"}; !slices.Equal(told, want) {
		t.Errorf("it says %q", told)
	}
}
