package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/config"
	"understudy/internal/notify"
	"understudy/internal/store"
)

const (
	// outboxRings is what the bell rings for when there is something to deliver.
	outboxRings = "the outbox"
	// keptFor is how long a notification that has ended is kept to be looked at.
	keptFor = 14 * 24 * time.Hour
)

// outbox keeps notifications in the store.
type outbox struct{ d *Daemon }

func (o outbox) Waiting(ctx context.Context) ([]understudy.Notification, error) {
	all, err := store.All[understudy.Notification](ctx, o.d.store, kindNotified)
	return slices.DeleteFunc(all, func(n understudy.Notification) bool { return n.State != understudy.NotificationWaiting }), err
}

func (o outbox) Change(ctx context.Context, id string, change func(*understudy.Notification)) (understudy.Notification, error) {
	return store.Update(ctx, o.d.store, kindNotified, id, func(n *understudy.Notification) error {
		change(n)
		return nil
	})
}

func (o outbox) Changed() <-chan struct{} { return o.d.bell.wait(outboxRings) }

// channels are those of understudy.yaml, as it could last be read.
func (d *Daemon) channels(ctx context.Context) ([]understudy.Channel, error) {
	p, err := d.asLastRead(ctx)
	return p.Notify, err
}

// put puts a message in the outbox for each channel that wants it. Doing so again is nothing.
func (d *Daemon) put(ctx context.Context, m understudy.Message, channels []understudy.Channel) error {
	for _, c := range channels {
		if !c.Wants(m.Event) {
			continue
		}
		n := notify.New(m, c.Name, time.Now())
		var had understudy.Notification
		err := d.store.Get(ctx, kindNotified, n.ID, &had)
		if err == nil {
			continue // a crash came before the place in the journal was noted
		}
		if understudy.KindOf(err) != understudy.KindNotFound {
			return err
		}
		if n, err = d.roomFor(ctx, n); err != nil {
			return err
		}
		if err := d.store.Put(ctx, kindNotified, n.ID, n); err != nil {
			return err
		}
		d.bell.ring(outboxRings)
	}
	return nil
}

// roomFor gives a notification up where too many wait for its channel already, and forgets
// what has ended long ago.
func (d *Daemon) roomFor(ctx context.Context, n understudy.Notification) (understudy.Notification, error) {
	waiting := 0
	var old []string
	err := d.store.Each(ctx, kindNotified, func(id string, raw json.RawMessage) error {
		var one understudy.Notification
		if err := json.Unmarshal(raw, &one); err != nil {
			return err
		}
		if one.Channel == n.Channel && one.State == understudy.NotificationWaiting {
			waiting++
		}
		if !one.EndedAt.IsZero() && n.MadeAt.Sub(one.EndedAt) > keptFor {
			old = append(old, id)
		}
		return nil
	})
	if err != nil {
		return n, err
	}
	for _, id := range old {
		if err := d.store.Delete(ctx, kindNotified, id); err != nil {
			return n, err
		}
	}
	if waiting >= notify.Most {
		n = notify.Refuse(n)
		d.options.Log.Error("a notification is given up: too many wait for its channel", "notification", n.ID, "channel", n.Channel)
	}
	return n, nil
}

// tried sees that whoever looks is told how a channel fares.
func (d *Daemon) tried(ctx context.Context, n understudy.Notification) {
	all, err := store.All[understudy.Notification](ctx, d.store, kindNotified)
	if err == nil { // else the next attempt tells
		d.noteChannel(channelStatus(understudy.Channel{Name: n.Channel}, all))
	}
}

// noteChannels tells how every channel fared when the last daemon ended.
func (d *Daemon) noteChannels(ctx context.Context) error {
	told, err := d.Notifications(ctx)
	for _, c := range told.Channels {
		d.noteChannel(c)
	}
	return err
}

func (d *Daemon) noteChannel(c api.ChannelStatus) {
	matter := "notifications to " + c.Name
	switch {
	case c.Failed == "" && c.GivenUp == 0:
		d.notes.set(matter, "")
	case c.Failed == "":
		d.note(matter, "%s: %d given up; see understudy notifications", matter, c.GivenUp)
	default:
		d.note(matter, "%s: %d wait and %d were given up, the last attempt failed: %s; see understudy notifications", matter, c.Waiting, c.GivenUp, c.Failed)
	}
}

// Notifications shows what is told to whom, and whether it arrived.
func (d *Daemon) Notifications(ctx context.Context) (api.Told, error) {
	told := api.Told{Channels: []api.ChannelStatus{}, Notifications: []understudy.Notification{}}
	channels, err := d.channels(ctx)
	if err != nil {
		return told, err
	}
	all, err := store.All[understudy.Notification](ctx, d.store, kindNotified)
	if err != nil {
		return told, err
	}
	told.Notifications = append(told.Notifications, all...)
	for _, c := range channels {
		told.Channels = append(told.Channels, channelStatus(c, all))
	}
	return told, nil
}

func channelStatus(c understudy.Channel, all []understudy.Notification) api.ChannelStatus {
	s := api.ChannelStatus{Name: c.Name, Kind: c.Kind(), Events: c.Events}
	if len(s.Events) == 0 {
		s.Events = understudy.Events()
	}
	var last time.Time
	for _, n := range all {
		if n.Channel != c.Name {
			continue
		}
		switch n.State {
		case understudy.NotificationWaiting:
			s.Waiting++
		case understudy.NotificationDelivered:
			s.Delivered++
		case understudy.NotificationGivenUp:
			s.GivenUp++
		}
		if i := len(n.Attempts) - 1; i >= 0 && !n.Attempts[i].At.Before(last) {
			last, s.Failed = n.Attempts[i].At, n.Attempts[i].Why
		}
	}
	return s
}

// TestNotification tells a channel that this is a test, and returns once it has arrived.
func (d *Daemon) TestNotification(ctx context.Context, request api.TestNotification) error {
	request.By = d.actor(ctx, request.By)
	p, err := d.project()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(p.Notify, func(c understudy.Channel) bool { return c.Name == request.Channel })
	if at < 0 {
		return understudy.Errorf(understudy.KindNotFound, "there is no channel %q under notify: in %s", request.Channel, config.FileName).
			WithHint("see what there is: understudy notifications")
	}
	if err := d.record(ctx, request.By, "notification.tested", request.Channel, nil); err != nil {
		return err
	}
	end := d.journal.Head()
	m := understudy.Message{
		Entry: end.Sequence, Head: end.Hash, At: time.Now().UTC(), Event: "test", Application: p.Application.Name, Subject: request.Channel,
		By: request.By, Text: "this is a test that " + request.By + " asked for", See: "understudy notifications",
	}
	ctx, cancel := context.WithTimeout(ctx, notify.Within)
	defer cancel()
	if err := d.postman.Carrier.Carry(ctx, p.Notify[at], m); err != nil {
		return fmt.Errorf("telling channel %s: %w", request.Channel, err)
	}
	return nil
}

// RetryNotification tries a notification again now, and for another day.
func (d *Daemon) RetryNotification(ctx context.Context, request api.RetryNotification) (understudy.Notification, error) {
	request.By = d.actor(ctx, request.By)
	var n understudy.Notification
	err := d.store.Get(ctx, kindNotified, request.ID, &n)
	if understudy.KindOf(err) == understudy.KindNotFound {
		err = understudy.Errorf(understudy.KindNotFound, "there is no notification %q", request.ID).WithHint("see what there is: understudy notifications")
	}
	if err == nil {
		err = undelivered(n)
	}
	if err != nil {
		return n, err
	}
	if err := d.record(ctx, request.By, "notification.retried", request.ID, nil); err != nil {
		return n, err
	}
	n, err = store.Update(ctx, d.store, kindNotified, request.ID, func(n *understudy.Notification) error {
		if err := undelivered(*n); err != nil {
			return err
		}
		*n = notify.Again(*n, time.Now())
		return nil
	})
	d.bell.ring(outboxRings)
	return n, err
}

// undelivered refuses what there is nothing to try again of.
func undelivered(n understudy.Notification) error {
	if n.State == understudy.NotificationDelivered {
		return understudy.Errorf(understudy.KindConflict, "notification %s was delivered at %s", n.ID, n.EndedAt.Local().Format(time.DateTime))
	}
	return nil
}
