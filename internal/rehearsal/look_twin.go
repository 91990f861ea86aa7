package rehearsal

import (
	"context"
	"fmt"
	"strings"

	"understudy"
	"understudy/internal/check"
)

// lookAtTwin resets the twin to production now and brings the baseline up on it.
func lookAtTwin(ctx context.Context, p *play, r *understudy.Rehearsal) (understudy.Check, error) {
	set, err := p.Stage.Reset(ctx)
	if err != nil {
		return understudy.Check{}, err
	}
	kept := set.Snapshot.Summarised()
	r.Snapshot, r.Production = &kept, set.Production
	r.Baseline, r.BaselineLabel = set.Baseline.Digest, set.Baseline.Label
	radius := understudy.MeasureRadius(set.Baseline, p.Candidate, set.Snapshot)
	r.Radius = &radius
	var c understudy.Check
	for _, leak := range set.Leaks {
		c.Findings = append(c.Findings, check.Find(check.SealLeaked, leak, leak, nil))
	}
	if len(set.Differs) > 0 {
		c.Findings = append(c.Findings, check.Find(check.TwinDiffers, "", strings.Join(set.Differs, "; "), nil))
	}
	if err := p.reach(ctx, fresh); err != nil {
		return c, err
	}
	c.Summary = describeSet(set)
	c.Evidence, err = p.keep("snapshot.json", set.Snapshot)
	c.Figures = append(c.Figures, understudy.Figure{Name: "snapshot", Value: seconds(set.Snapshot.Took), Unit: "s", Basis: "copy of production, masked"})
	return c, err
}

func describeSet(set Set) string {
	var rows, masked int64
	for _, d := range set.Snapshot.Databases {
		rows += d.Rows()
		for _, t := range d.Tables {
			masked += int64(len(t.Masked))
		}
	}
	how := "copied in " + rounded(set.Snapshot.Took).String()
	if set.Kept {
		how = "kept from " + set.Snapshot.TakenAt.UTC().Format("15:04:05 MST")
	}
	text := fmt.Sprintf("release %s, %s rows (%s, %d columns masked), sealed", set.Baseline.Label, number(rows), how, masked)
	if len(set.Notes) > 0 {
		text += "; " + strings.Join(set.Notes, "; ")
	}
	return text
}
