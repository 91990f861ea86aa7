package policy

import (
	"fmt"

	"understudy"
)

// wayBack asks of a release that goes back by restoring the databases that this was rehearsed,
// and that it can be done where it is promoted to. The latter is passed over by nobody: its
// safety copy could not be taken.
func (c Case) wayBack() []understudy.Requirement {
	if !c.Release.Application.Migration.Restores() {
		return nil
	}
	r := understudy.Requirement{Name: understudy.RequireWayBack}
	switch {
	case c.Unrestorable != "":
		r.Says = fmt.Sprintf("its way back is to restore the databases of %s, and that cannot be done: %s", c.Promotion.To, c.Unrestorable)
		r.Do = "declare another way back: migration.back: down or none"
	case c.Statement == nil:
		return nil // what is missing is the verdict
	case c.Statement.Restoration == nil:
		r.Says, r.Breakable = "its way back is to restore the databases, and that was not seen to work", true
		r.Do = "see what was found in the check rollback: understudy rehearsal show " + c.Statement.Rehearsal
	default:
		r.Met, r.Says = true, "its way back was rehearsed: the databases restored in "+c.Statement.Restoration.Took.Round(1e7).String()
	}
	return []understudy.Requirement{r}
}
