package rehearsal

import (
	"context"

	"understudy"
	"understudy/internal/check"
)

// boots tells whether the release may bring its schema forward when its services start: it has
// databases, and no command that does.
func (p *play) boots() bool {
	return p.Candidate.Application.Migration == nil && len(p.Candidate.Application.Databases) > 0
}

// lookAtBoot starts the candidate beside the old release, as a promotion would, and sees
// whether that changes the schema. If so, the start is a migration like any other.
func lookAtBoot(ctx context.Context, p *play, r *understudy.Rehearsal) (understudy.Check, error) {
	done, heard, err := p.migrateHeard(ctx)
	if err != nil {
		return understudy.Check{}, err
	}
	p.at = migrated
	if p.booted, err = p.changedSchema(ctx); err != nil {
		return understudy.Check{}, err
	}
	const none = "the release declares no migration, and "
	switch {
	case !p.booted && done.OK:
		return understudy.Check{Summary: none + "starting it changes nothing in the schema"}, nil
	case !p.booted: // what the check of the deployment says
		return understudy.Check{Summary: none + r.Label + " did not become ready, with the schema as it was"}, nil
	}
	p.broken = !done.OK
	c, err := p.judgeMigration(ctx, done, heard)
	c.Summary = none + "brings the schema forward when it starts: that " + c.Summary
	return c, err
}

func (p *play) changedSchema(ctx context.Context) (bool, error) {
	after, err := p.Ledger.Schema(ctx, Work)
	if err != nil {
		return false, err
	}
	changes, _, err := p.Ledger.CompareSchemas(p.schema, after)
	return len(changes) > 0, err
}

// noWayBack is said of a release whose schema stays when it is taken back.
func noWayBack(declared string) understudy.Finding {
	return check.Find(check.RollbackNone, "", declared, nil)
}
