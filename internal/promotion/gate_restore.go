package promotion

import (
	"fmt"

	"understudy"
	"understudy/internal/policy"
)

// copying says whether a safety copy is made, and what going back to it would mean.
func copying(c policy.Case, asked understudy.Policy) []string {
	const made = "a safety copy of the databases is made"
	switch {
	case !c.Release.Application.Migration.Restores() && !asked.SafetyCopy:
		return nil
	case !c.Release.Application.Migration.Restores():
		return []string{made}
	}
	takes := "how long that takes is not known"
	if c.Statement != nil && c.Statement.Restoration != nil {
		r := c.Statement.Restoration
		takes = fmt.Sprintf("expected here: %s (%s)", r.Range(), r.Basis)
	}
	return []string{
		made + ", as its way back is to restore it (migration.back)",
		"going back that way loses all that is written from then on, so it has to be asked for: understudy rollback --lose-writes; nobody is served meanwhile, and " + takes,
	}
}

// watching says what follows where the new release gets worse.
func watching(c policy.Case, asked understudy.Policy) string {
	watched := fmt.Sprintf("it is watched for %s more; if it gets worse ", asked.Bake)
	at := understudy.Promotion{Restores: c.Release.Application.Migration.Restores(), SafetyCopy: "will be made", State: understudy.PromotionBaking}
	if c.Statement != nil {
		at.OldRunsOnNew, at.Restoration = c.Statement.OldRunsOnNew, c.Statement.Restoration
	}
	if at.Stuck() {
		return watched + "it serves on until a person decides: the old one is not known to run on what it writes"
	}
	watched += "the old one takes over again by itself"
	if m := c.Release.Application.Migration; m != nil && !at.Restores && c.Statement != nil && !at.OldRunsOnNew && !c.Again() {
		watched += "; once it has settled there is no way back, as the old one is not known to run on the schema that it brings"
	}
	return watched
}
