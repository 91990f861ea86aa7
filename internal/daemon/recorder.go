package daemon

import (
	"context"
	"io"
	"time"

	"understudy"
	"understudy/internal/api"
)

// recorder writes the journal in somebody's name.
type recorder struct {
	d     *Daemon
	actor string
}

func (r recorder) Record(ctx context.Context, act, subject, reason string, facts map[string]string) error {
	_, err := r.d.journal.Append(context.WithoutCancel(ctx), understudy.Entry{
		At: time.Now(), Actor: r.actor, Act: act, Subject: subject, Reason: reason, Facts: facts,
	})
	return err
}

// JournalEntries hands on the entries from a sequence number on.
func (d *Daemon) JournalEntries(_ context.Context, from int64, each func(understudy.Entry) error) error {
	return d.journal.Read(from, each)
}

// VerifyJournal reads the whole journal and checks that each entry follows from the one
// before.
func (d *Daemon) VerifyJournal(ctx context.Context) (api.JournalVerified, error) {
	v, err := d.journal.Verify(ctx)
	return api.JournalVerified{Entries: v.Entries, Head: v.Head}, err
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
