package daemon

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync"
	"time"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/notify"
	"understudy/internal/store"
)

// thisLife is the ID of the one record of its kind.
const thisLife = "daemon"

// life says whether a daemon has this store, or had it and did not end in order.
type life struct {
	Running bool `json:"running"`
	PID     int  `json:"pid"`
}

// begin writes down that the daemon runs, and that the one before did not end in order where
// that is so: it was killed, or the machine lost its power.
func (d *Daemon) begin(ctx context.Context) error {
	var before life
	err := d.store.Get(ctx, kindLife, thisLife, &before)
	if err != nil && understudy.KindOf(err) != understudy.KindNotFound {
		return err
	}
	if before.Running {
		facts := map[string]string{"process": strconv.Itoa(before.PID)}
		if err := d.record(ctx, "understudy", "daemon.crashed", "daemon", facts); err != nil {
			return err
		}
	}
	return d.store.Put(ctx, kindLife, thisLife, life{Running: true, PID: os.Getpid()})
}

// ended writes down that the daemon ends in order.
func (d *Daemon) ended(ctx context.Context) error {
	return d.store.Put(context.WithoutCancel(ctx), kindLife, thisLife, life{PID: os.Getpid()})
}

// cried is the ID of the record of what was last told when the daemon could not start.
const cried = "cried"

// cry tells every channel that wants to know that the daemon does not start, as the journal is
// damaged: there is no journal to derive that from. The same damage is told once, however
// often the start is tried. What cannot be told stands in the log.
func (d *Daemon) cry(ctx context.Context, why error) {
	if understudy.KindOf(why) != understudy.KindInternal || ctx.Err() != nil {
		return
	}
	if err := d.tellDamage(ctx, why); err != nil {
		d.options.Log.Error("telling that the journal is damaged", "error", err)
	}
}

func (d *Daemon) tellDamage(ctx context.Context, why error) (err error) {
	if d.store == nil {
		if d.store, err = store.Open(ctx, "sqlite:"+d.options.State.Below("store.db")); err != nil {
			return err
		}
	}
	var last, now understudy.Digest
	now = understudy.DigestOf([]byte(why.Error()))
	err = d.store.Get(ctx, kindLife, cried, &last)
	if last == now || err != nil && understudy.KindOf(err) != understudy.KindNotFound {
		return err
	}
	p, err := d.asLastRead(ctx)
	if err != nil {
		return err
	}
	m, _ := notify.MessageOf(understudy.Entry{At: time.Now().UTC(), Actor: "understudy", Act: "journal.damaged", Subject: "journal"}, p.Application.Name)
	m.Text += ", and the daemon does not start"
	ctx, cancel := context.WithTimeout(ctx, notify.Within)
	defer cancel()
	couriers := notify.Couriers{Secret: config.Secret}
	failed := make([]error, len(p.Notify))
	var all sync.WaitGroup
	for i, c := range p.Notify {
		if c.Wants(m.Event) {
			all.Go(func() { failed[i] = couriers.Carry(ctx, c, m) })
		}
	}
	all.Wait()
	return errors.Join(errors.Join(failed...), d.store.Put(context.WithoutCancel(ctx), kindLife, cried, now))
}
