package daemon

import (
	"context"
	"io"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/dora"
	"understudy/internal/journal"
)

// recorder writes the journal in somebody's name.
type recorder struct {
	d     *Daemon
	actor string
}

func (r recorder) Record(ctx context.Context, act, subject, reason string, facts map[string]string) error {
	e, err := r.d.journal.Append(context.WithoutCancel(ctx), understudy.Entry{
		At: time.Now(), Actor: r.actor, Act: act, Subject: subject, Reason: reason, Facts: facts,
	})
	if err == nil {
		r.d.news.add(e)
	}
	return err
}

// JournalEntries hands on the entries from a sequence number on.
func (d *Daemon) JournalEntries(_ context.Context, from int64, each func(understudy.Entry) error) error {
	return d.journal.Read(from, each)
}

// VerifyJournal reads the journal and checks that each entry follows from the one before,
// and that one of them is the head that was kept elsewhere.
func (d *Daemon) VerifyJournal(ctx context.Context, request api.VerifyJournal) (api.JournalVerified, error) {
	if request.Head != "" {
		if _, err := understudy.ParseDigest(string(request.Head)); err != nil {
			return api.JournalVerified{}, err
		}
	}
	v, err := d.journal.Verify(ctx, journal.Extent{From: request.From, Since: request.Since, Head: request.Head})
	return api.JournalVerified{Entries: v.Entries, First: v.First, Head: v.Head, Known: v.Known}, err
}

// metricsSpan is how far metrics look back where nothing else is said.
const metricsSpan = 90 * 24 * time.Hour

// Metrics are delivery metrics of an environment, computed from the journal alone.
func (d *Daemon) Metrics(_ context.Context, request api.Metrics) (understudy.Metrics, error) {
	on, err := d.target(request.Environment)
	if err != nil {
		return understudy.Metrics{}, err
	}
	ask := dora.Ask{Environment: on.Name, Since: request.Since, Until: time.Now(), External: on.External}
	if ask.Since.IsZero() {
		ask.Since = ask.Until.Add(-metricsSpan)
	}
	if !ask.Since.Before(ask.Until) {
		return understudy.Metrics{}, understudy.Errorf(understudy.KindInvalid, "metrics since %s: expected a moment that has passed", ask.Since.Format(time.DateTime))
	}
	var ledger dora.Ledger
	err = d.journal.Read(0, func(e understudy.Entry) error {
		ledger.Add(e)
		return nil
	})
	return ledger.Metrics(ask), err
}

// keeper keeps evidence.
type keeper struct{ d *Daemon }

func (k keeper) Keep(name string, content io.Reader) (understudy.Evidence, error) {
	return k.d.evidence.Put(name, content)
}

// Evidence opens a piece of evidence by its digest.
func (d *Daemon) Evidence(_ context.Context, digest understudy.Digest) (io.ReadCloser, error) {
	return d.evidence.Open(understudy.Evidence{Digest: digest})
}
