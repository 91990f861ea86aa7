package alone

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/postgres/follow"
	"understudy/internal/postgres/logical"
)

// followEvery is the time between two sentences about how far a followed copy is.
const followEvery = 10 * time.Second

// copyAndFollow makes the copy, unless the target is one that was followed before, and
// keeps it current until ctx ends, which is no error. Where production's schema changes, or
// the rules have, a fresh copy of what changed takes its place, and it goes on.
func copyAndFollow(ctx context.Context, order cli.TwinCopy, spec logical.Spec, tell func(string)) (cli.TwinCopied, error) {
	following, err := followSpec(order, spec.Masks, tell)
	if err != nil {
		return cli.TwinCopied{}, err
	}
	joined, err := follow.IsJoined(ctx, following)
	if err != nil {
		return cli.TwinCopied{}, err
	}
	var made cli.TwinCopied
	if !joined {
		if made.DatabaseCopy, err = copyToFollow(ctx, order, following, spec, tell); err != nil {
			return made, err
		}
		tell(fmt.Sprintf("copied %d rows in %d tables; following production from here on", made.Rows(), len(made.Tables)))
	} else if same, err := sameRules(ctx, order); err != nil {
		return made, err
	} else if !same {
		tell("the masking rules have changed: a fresh copy is made of what they change")
		if made.DatabaseCopy, err = renewed(ctx, order, following, spec, tell); err != nil {
			return made, err
		}
	}
	made.Followed = &cli.TwinFollowed{}
	for last := (drifted{}); ; {
		began := time.Now()
		why, err := goOn(ctx, following, made.Followed, tell)
		if why == nil || last.again(why, began) {
			return made, err
		}
		last = drifted{why.Error()}
		tell(err.Error())
		if made.DatabaseCopy, err = renewed(ctx, order, following, spec, tell); err != nil {
			return made, err
		}
	}
}

// drifted is a change of production's schema that a fresh copy was made for.
type drifted struct{ said string }

// again tells that a fresh copy does not mend it: the same is said of that, at its first look.
func (d drifted) again(why *follow.Drift, began time.Time) bool {
	return d.said == why.Error() && time.Since(began) < time.Minute
}

// copyToFollow copies what the stream's snapshot holds, and joins the two.
func copyToFollow(ctx context.Context, order cli.TwinCopy, following follow.Spec, spec logical.Spec, tell func(string)) (made understudy.DatabaseCopy, err error) {
	prepared, err := follow.Prepare(ctx, following)
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, prepared.Close(ctx)) }()
	spec.Snapshot = prepared.Snapshot
	if made, err = copyAndProve(ctx, order, spec, tell); err != nil {
		return made, err
	}
	if err := noteRules(ctx, order); err != nil {
		return made, err
	}
	return made, prepared.Joined(ctx)
}

// goOn follows until ctx ends, or following does, and adds to what was done. A change of
// production's schema is why a fresh copy has to be made.
func goOn(ctx context.Context, spec follow.Spec, done *cli.TwinFollowed, tell func(string)) (why *follow.Drift, err error) {
	follower, err := follow.New(spec)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	both, running := errgroup.WithContext(ctx)
	over, end := context.WithCancel(running)
	both.Go(func() error {
		defer end()
		return follower.Run(running)
	})
	both.Go(func() error {
		narrate(over, follower, tell)
		return nil
	})
	err = both.Wait()
	status := follower.Status()
	done.Transactions, done.Changes, done.For = done.Transactions+status.Transactions, done.Changes+status.Changes, done.For+time.Since(began)
	errors.As(err, &why)
	return why, err
}

// narrate tells now and then how far the copy is.
func narrate(ctx context.Context, follower *follow.Follower, tell func(string)) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s := follower.Status()
		if s.Trouble != "" {
			tell("connecting again: " + s.Trouble)
			continue
		}
		tell(fmt.Sprintf("%d changes in %d transactions; %s and %d bytes of log behind production, which keeps %d MB for it",
			s.Changes, s.Transactions, s.Lag.Round(100*time.Millisecond), s.LagBytes, s.Retained>>20))
	}
}

// followSpec names the follower after its target, unless the order does: two copies of one
// production do not get into each other's way.
func followSpec(order cli.TwinCopy, masks understudy.Masks, tell func(string)) (follow.Spec, error) {
	name := order.FollowAs
	if name == "" {
		target, err := pgx.ParseConfig(order.To)
		if err != nil { // its text may hold the password
			return follow.Spec{}, understudy.Errorf(understudy.KindInvalid, "--to: the address of the database is not well formed")
		}
		place := fmt.Sprintf("%s:%d/%s", strings.ToLower(target.Host), target.Port, target.Database)
		name = fmt.Sprintf("copy_%08x", crc32.ChecksumIEEE([]byte(place)))
	}
	return follow.Spec{
		Source: order.From, Target: order.To, Masks: masks, Name: name, Publication: order.Publication, Publish: order.Publish, Notice: tell,
	}, nil
}
