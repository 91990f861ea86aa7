package daemon

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"understudy"
	"understudy/internal/postgres/follow"
	"understudy/internal/store"
)

// following is the record of a live twin: what follows production for it. It is written
// before anything is made on production, so that whatever is there is known.
//
//	copying ─► waiting ⇄ running ─► stopped ─► cleared
//	   │         ▲          │          ▲
//	   │         │          └─► awaiting a copy of what changed
//	   │         └── it is whole ──┘   │
//	   └── the copy did not become whole
//
// How far the copies are is no part of it: that is in the twin's own server.
type following struct {
	Twin     string     `json:"twin"`
	Of       string     `json:"of"`       // environment
	Snapshot string     `json:"snapshot"` // whose golden copies are followed
	Copies   []followed `json:"copies"`
	Began    bool       `json:"began,omitempty"`
	Stopped  string     `json:"stopped,omitempty"` // why, and for good
	Cleared  bool       `json:"cleared,omitempty"` // nothing of it is left on production
	// Awaits tells that it stopped because production's schema changed: production keeps its
	// log, so that the next copy has to read what changed, and the rest is in this one.
	Awaits bool `json:"awaits,omitempty"`
	// Next is the snapshot that will be followed in its place once it is the twin's.
	Next string `json:"next,omitempty"`
}

// followed is one database of a live twin.
type followed struct {
	Database string `json:"database"`
	Source   string `json:"source"` // what it is called on production's server
	Name     string `json:"name"`   // of the follower
}

func (d *Daemon) following(ctx context.Context, twin string) (r following, found bool, err error) {
	err = d.store.Get(ctx, kindFollowing, twin, &r)
	if understudy.KindOf(err) == understudy.KindNotFound {
		return r, false, nil
	}
	return r, err == nil, err
}

// followerName tells the follower of a twin's database from all others on the same
// production, those of other projects too: part of it is a keyed print.
func (d *Daemon) followerName(twin, database string) string {
	print := hmac.New(sha256.New, d.printKey)
	print.Write([]byte("follower\x00" + twin + "\x00" + database))
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(twin+"_"+database))
	return plain[:min(len(plain), 23)] + "_" + hex.EncodeToString(print.Sum(nil)[:4])
}

// followAnew notes that a copy that is being made will be followed, in place of the one
// before.
func (d *Daemon) followAnew(ctx context.Context, o copyOrder) error {
	if err := d.endFollowing(ctx, o.twin, "a newer copy was begun, and is not whole"); err != nil {
		return err
	}
	r := following{Twin: o.twin, Of: o.source.Name, Snapshot: o.snapshot}
	for _, database := range o.app.Databases {
		r.Copies = append(r.Copies, followed{Database: database.Name, Source: o.databases[database.Name], Name: d.followerName(o.twin, database.Name)})
	}
	return d.store.Put(context.WithoutCancel(ctx), kindFollowing, o.twin, r)
}

// endFollowing ends the following of a twin for good and frees production of it. What is
// not followed is left as it is.
func (d *Daemon) endFollowing(ctx context.Context, twin, why string) error {
	d.stopFollowers(twin)
	r, found, err := d.following(ctx, twin)
	if err != nil || !found {
		return err
	}
	return d.concludeFollowing(ctx, r, why)
}

// concludeFollowing writes down why a following ended, unless that is known, and frees
// production of it. Its followers have ended.
func (d *Daemon) concludeFollowing(ctx context.Context, r following, why string) error {
	r, err := d.noteStopped(ctx, r, why, false)
	if err != nil || r.Stopped == "" {
		return err
	}
	return d.clearFollowing(context.WithoutCancel(ctx), r)
}

// noteStopped writes down why a following ended, unless that is known, and whether production
// is to keep its log for the next copy. A record that is another one's by now stays as it is.
func (d *Daemon) noteStopped(ctx context.Context, r following, why string, awaits bool) (following, error) {
	ctx = context.WithoutCancel(ctx)
	first := false
	now, err := store.Update(ctx, d.store, kindFollowing, r.Twin, func(now *following) error {
		if now.Snapshot != r.Snapshot {
			return nil
		}
		if first = now.Stopped == ""; first {
			now.Stopped = why
		}
		now.Awaits = awaits
		return nil
	})
	if err != nil || now.Snapshot != r.Snapshot {
		return following{}, err
	}
	if first {
		err = d.record(ctx, "understudy", "twin.unfollowed", r.Twin, map[string]string{"of": r.Of, "snapshot": r.Snapshot, "why": why})
	}
	return now, err
}

// clearTime bounds how long production may take to free what a follower had there.
const clearTime = 5 * time.Second

// clearFollowing drops the slots and publications of a following that has ended: as long
// as a slot is there, production keeps its log.
func (d *Daemon) clearFollowing(ctx context.Context, r following) error {
	if r.Cleared {
		return nil
	}
	source, p, err := d.environmentAsLastRead(ctx, r.Of)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, clearTime)
	defer cancel()
	for _, f := range r.Copies {
		from, err := d.source(ctx, source, p.Application, f.Database, f.Source)
		if err == nil {
			err = forget(ctx, follow.Spec{Source: from, Name: f.Name})
		}
		if err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "clearing away what kept %s current on %s, which keeps its log for it meanwhile: %w", r.Twin, r.Of, err).
				WithHint("on %s: SELECT pg_drop_replication_slot('understudy_%s');", r.Of, f.Name)
		}
	}
	_, err = store.Update(context.WithoutCancel(ctx), d.store, kindFollowing, r.Twin, func(now *following) error {
		now.Cleared = now.Cleared || now.Snapshot == r.Snapshot
		return nil
	})
	return err
}

// forget takes away what a follower had on production, once production has noticed that it
// has ended.
func forget(ctx context.Context, spec follow.Spec) error {
	for {
		err := follow.Forget(ctx, spec)
		if understudy.KindOf(err) != understudy.KindConflict || (clock{}).Wait(ctx, 50*time.Millisecond) != nil {
			return err
		}
	}
}

// whyStopped is a sentence for the next status and the next snapshot.
func whyStopped(err error) string {
	var drift *follow.Drift
	if errors.As(err, &drift) {
		return "production's schema changed: " + strings.Join(drift.Changes, "; ")
	}
	return "it could not be followed any longer: " + strings.ReplaceAll(err.Error(), "\n", "; ")
}

// withFollowing says of a snapshot how it is kept current, and as of when it is by now.
func (d *Daemon) withFollowing(ctx context.Context, on string, s understudy.Snapshot) (understudy.Snapshot, error) {
	env, _, err := d.environmentAsLastRead(ctx, on)
	if err != nil || !env.Copying.Follow {
		return s, otherThan(err, understudy.KindNotFound)
	}
	r, found, err := d.following(ctx, on)
	if err != nil {
		return s, err
	}
	why := r.Stopped
	switch {
	case found && r.Next == s.ID:
		why = "" // it is about to begin
	case !found:
		why = "it is to be kept current, and was copied before that was asked for"
	case why == "" && r.Snapshot != s.ID:
		why = "a newer copy was begun, and is not whole"
	}
	s.Following, s.TakenAt = d.followings(on, s, why), s.TakenAt.UTC()
	for i, f := range s.Following {
		if i == 0 || f.AsOf.Before(s.TakenAt) {
			s.TakenAt = f.AsOf
		}
	}
	return s, nil
}

// followings says how each database of a snapshot is kept current; why: it no longer is.
func (d *Daemon) followings(on string, s understudy.Snapshot, why string) []understudy.Following {
	var out []understudy.Following
	running := d.live.of(on)
	for _, database := range s.Databases {
		f := understudy.Following{Database: database.Database, State: understudy.FollowingStopped, Why: why, AsOf: s.TakenAt}
		holder := d.stages.holder(on)
		switch {
		case why != "":
		case running != nil && running.each[database.Database] != nil:
			f = running.each[database.Database].following(f)
		case forMoments(holder):
			f.State = understudy.FollowingConnecting
		default:
			f.State, f.Why = understudy.FollowingPaused, fmt.Sprintf("%s uses the copy", holder)
		}
		f.Lag = max(0, time.Since(f.AsOf))
		out = append(out, f)
	}
	return out
}
