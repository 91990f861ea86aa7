package alone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/postgres/follow"
	"understudy/internal/postgres/logical"
)

// longestPause is the last one before a new copy is begun again that production got in the
// way of; they grow from a second on.
const longestPause = 16 * time.Second

// renewed makes a new copy of a production whose schema, or whose rules, have changed, and
// puts it in the place of the one that was followed so far, which stays as it is until then.
func renewed(ctx context.Context, order cli.TwinCopy, following follow.Spec, spec logical.Spec, tell func(string)) (understudy.DatabaseCopy, error) {
	for pause := time.Second; ; pause *= 2 {
		made, err := renewOnce(ctx, order, following, spec, tell)
		kind := understudy.KindOf(err)
		if err == nil || pause > longestPause || kind != understudy.KindConflict && kind != understudy.KindUnavailable {
			return made, err
		}
		tell("the fresh copy is begun again: " + err.Error())
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return made, err
		}
	}
}

func renewOnce(ctx context.Context, order cli.TwinCopy, following follow.Spec, spec logical.Spec, tell func(string)) (made understudy.DatabaseCopy, err error) {
	began := time.Now()
	place, err := openSuccession(ctx, order.To)
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, place.close(context.WithoutCancel(ctx))) }()
	next := order
	next.To, following.Target, spec.Target = place.next, place.next, place.next
	if made, err = copyNext(ctx, next, following, spec, place, tell); err != nil {
		return made, err
	}
	if err := place.succeed(ctx, tell, func() error { return follow.Kept(ctx, following) }); err != nil {
		return made, err
	}
	tell(fmt.Sprintf("the fresh copy has taken the place of the last one, after %s: %d rows in %d tables, %d rows and %d bytes of them read from production",
		time.Since(began).Round(100*time.Millisecond), made.Rows(), len(made.Tables), made.Cost.Rows, made.Cost.Bytes))
	return made, nil
}

// copyNext makes the new copy, and has what followed the old one follow it.
func copyNext(ctx context.Context, order cli.TwinCopy, following follow.Spec, spec logical.Spec, place *succession, tell func(string)) (made understudy.DatabaseCopy, err error) {
	renewal, err := follow.Renew(ctx, following, place.now)
	if reason := new(follow.Whole); errors.As(err, &reason) {
		tell("all of production is copied again: " + reason.Why)
		if err := place.prepare(ctx); err != nil {
			return made, err
		}
		return copyToFollow(ctx, order, following, spec, tell)
	}
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, renewal.Close(ctx)) }()
	tell(renewal.String())
	if err := place.prepare(ctx); err != nil {
		return made, err
	}
	spec.Snapshot, spec.Earlier = renewal.Snapshot, renewal.Earlier
	if made, err = copyAndProve(ctx, order, spec, tell); err != nil {
		return made, err
	}
	if err := noteRules(ctx, order); err != nil {
		return made, err
	}
	return made, renewal.Joined(ctx)
}
