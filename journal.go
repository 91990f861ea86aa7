package understudy

import (
	"encoding/json"
	"fmt"
	"time"
)

// Entry is one line of the journal: who did what to which thing, when, and why.
// Hash covers everything else in it, Previous included, so no entry can be changed,
// taken out or put in without being noticed.
type Entry struct {
	Sequence int64             `json:"sequence"`
	At       time.Time         `json:"at"`
	Actor    string            `json:"actor"`
	Act      string            `json:"act"`     // "promotion.switching", "release.created", …
	Subject  string            `json:"subject"` // ID or name of the thing
	Reason   string            `json:"reason,omitempty"`
	Facts    map[string]string `json:"facts,omitempty"`
	Previous Digest            `json:"previous"`
	Hash     Digest            `json:"hash"`
}

// Seal returns the entry with its hash, as the next one after previous.
func (e Entry) Seal(previous Entry) (Entry, error) {
	e.Sequence, e.Previous, e.Hash = previous.Sequence+1, previous.Hash, ""
	hash, err := DigestOfValue(e)
	e.Hash = hash
	return e, err
}

// Content is what the hash of an entry covers: all but the hash, as encoding/json writes it.
func (e Entry) Content() ([]byte, error) {
	e.Hash = ""
	return json.Marshal(e)
}

// Follows reports why an entry cannot stand after previous; nil means that it does.
func (e Entry) Follows(previous Entry) error {
	content, err := e.Content()
	if err != nil {
		return err
	}
	return e.FollowsBy(previous, DigestOf(content))
}

// FollowsBy is Follows for whoever has the digest of the entry's content already.
func (e Entry) FollowsBy(previous Entry, content Digest) error {
	switch {
	case e.Sequence != previous.Sequence+1:
		return Errorf(KindInternal, "entry %d stands after entry %d", e.Sequence, previous.Sequence)
	case e.Previous != previous.Hash:
		return Errorf(KindInternal, "entry %d does not follow from the entry before it", e.Sequence)
	case e.Hash != content:
		return Errorf(KindInternal, "entry %d was changed after it was written", e.Sequence)
	}
	return nil
}

func sentence(format string, args ...any) string { return fmt.Sprintf(format, args...) }
