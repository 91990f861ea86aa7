package daemon

import (
	"context"
	"strconv"
	"sync"
	"time"

	"understudy"
	"understudy/internal/notify"
)

const (
	// journalRings is what the bell rings for at a new entry.
	journalRings = "the journal"
	// inCursor is the ID of how far notifications were made.
	inCursor = "notifications"
	// newsKept is how many entries are handed on without reading the journal.
	newsKept = 256
	// together is how long entries are gathered before they are looked at.
	together = 100 * time.Millisecond
)

// cursor is how far the journal was read. It has the entry's hash, so that another journal in
// the place of this one is noticed.
type cursor struct {
	Sequence int64             `json:"sequence"`
	Hash     understudy.Digest `json:"hash"`
}

// news are the newest entries, for whoever follows the journal.
type news struct {
	bell *bell
	mu   sync.Mutex
	list []understudy.Entry
}

func (n *news) add(e understudy.Entry) {
	n.mu.Lock()
	n.list = append(n.list, e)
	if len(n.list) > newsKept {
		n.list = n.list[1:]
	}
	n.mu.Unlock()
	n.bell.ring(journalRings)
}

// after are the entries that follow one, if all of them are there.
func (n *news) after(sequence int64) ([]understudy.Entry, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, e := range n.list {
		if e.Sequence == sequence+1 {
			return append([]understudy.Entry(nil), n.list[i:]...), true
		}
	}
	return nil, false
}

// followJournal makes notifications of new entries, for as long as the daemon runs. What it
// cannot write down it tries again: nothing is passed over.
func (d *Daemon) followJournal(ctx context.Context) {
	at, err := d.whereNewsBegin(ctx)
	for ctx.Err() == nil {
		changed := d.bell.wait(journalRings)
		if err == nil {
			at, err = d.tellNews(ctx, at)
		} else {
			at, err = d.whereNewsBegin(ctx)
		}
		if err != nil && ctx.Err() == nil {
			d.note("the news of the journal", "making notifications of the journal: %v", err)
			_ = clock{}.Wait(ctx, 2*time.Second) // when ctx ends, the loop sees it
			continue
		}
		d.notes.set("the news of the journal", "")
		select {
		case <-changed:
			_ = clock{}.Wait(ctx, together) // as above
		case <-ctx.Done():
		}
	}
}

// whereNewsBegin is where the last daemon left off; at the very first start it is the end of
// the journal. A journal that is not the one that was read then is told, and followed from
// its end.
func (d *Daemon) whereNewsBegin(ctx context.Context) (cursor, error) {
	var at cursor
	err := d.store.Get(ctx, kindCursor, inCursor, &at)
	first := understudy.KindOf(err) == understudy.KindNotFound
	if err != nil && !first {
		return at, err
	}
	if !first && d.journal.Holds(at.Sequence, at.Hash) == nil {
		return at, nil
	}
	if !first {
		if err := d.damaged(ctx, "it is not the one that was followed before: its entry "+strconv.FormatInt(at.Sequence, 10)+" is another one, or not there"); err != nil {
			return at, err
		}
	}
	end := d.journal.Head()
	at = cursor{Sequence: end.Sequence, Hash: end.Hash}
	if !first { // that it is damaged is the news
		at = cursor{Sequence: end.Sequence - 1, Hash: end.Previous}
	}
	return at, d.store.Put(ctx, kindCursor, inCursor, at)
}

// tellNews makes the notifications of all entries after a place, and says how far it came.
func (d *Daemon) tellNews(ctx context.Context, at cursor) (cursor, error) {
	fresh, all := d.news.after(at.Sequence)
	if !all {
		if err := d.journal.Read(at.Sequence+1, func(e understudy.Entry) error {
			fresh = append(fresh, e)
			return nil
		}); err != nil {
			return at, err
		}
	}
	if len(fresh) == 0 {
		return at, nil
	}
	p, err := d.asLastRead(ctx)
	if err != nil {
		return at, err
	}
	for _, e := range fresh {
		if m, told := notify.MessageOf(e, p.Application.Name); told {
			if err := d.put(ctx, m, p.Notify); err != nil {
				return at, err
			}
		}
		at = cursor{Sequence: e.Sequence, Hash: e.Hash}
	}
	return at, d.store.Put(ctx, kindCursor, inCursor, at)
}

// damaged writes down that the journal is not as it was written.
func (d *Daemon) damaged(ctx context.Context, why string) error {
	d.note("the journal", "the journal is damaged: %s", why)
	return recorder{d, "understudy"}.Record(ctx, "journal.damaged", "journal", why, nil)
}
