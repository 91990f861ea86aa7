package alone

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"understudy"
	"understudy/internal/atomicfile"
	"understudy/internal/migrationpage"
)

// book keeps what a rehearsal without a daemon writes down: in memory, and its evidence in
// a folder where one was asked for. It signs nothing.
type book struct {
	each   func(understudy.Rehearsal)
	folder string

	mu     sync.Mutex
	record []byte
	kept   map[understudy.Digest][]byte
	names  map[string]int
	seen   []byte // of the first run of the migration
}

// observed is the name under which what was seen of a migration is kept.
const observed = "migration-up-observed.json"

// draw draws what was seen of the migration under traffic.
func (b *book) draw(file, title string) error {
	var seen understudy.Observation
	if b.seen == nil {
		return understudy.Errorf(understudy.KindNotFound, "drawing the timeline: the migration was not run")
	}
	if err := json.Unmarshal(b.seen, &seen); err != nil {
		return err
	}
	return atomicfile.WriteFrom(file, func(to io.Writer) error { return migrationpage.Write(to, seen, title, "") }, 0o644)
}

// mayKeep refuses a folder for evidence that cannot be made. It is made when there is some.
func mayKeep(folder string) error {
	if folder == "" {
		return nil
	}
	err := os.Mkdir(folder, 0o755)
	if err == nil {
		err = os.Remove(folder)
	}
	if err != nil {
		return understudy.Errorf(understudy.KindInvalid, "--evidence: %w", err).WithHint("name a new folder, in one that you may write to")
	}
	return nil
}

// LoadRehearsal implements rehearsal.Records.
func (b *book) LoadRehearsal(context.Context, string) (r understudy.Rehearsal, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return r, json.Unmarshal(b.record, &r)
}

// SaveRehearsal implements rehearsal.Records.
func (b *book) SaveRehearsal(_ context.Context, r understudy.Rehearsal) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.record = raw
	b.mu.Unlock()
	b.each(r)
	return nil
}

// Sign gives no verdict: there is no release that could be promoted with one.
func (b *book) Sign(context.Context, understudy.Statement) (string, error) { return "", nil }

// Record implements rehearsal.Recorder: without a daemon there is no journal.
func (b *book) Record(context.Context, string, string, string, map[string]string) error { return nil }

// Keep implements rehearsal.Keeper.
func (b *book) Keep(name string, content io.Reader) (understudy.Evidence, error) {
	var read bytes.Buffer
	if _, err := read.ReadFrom(content); err != nil {
		return understudy.Evidence{}, err
	}
	kept := understudy.Evidence{Name: name, Digest: understudy.DigestOf(read.Bytes()), Size: int64(read.Len())}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.kept[kept.Digest]; known {
		return kept, nil
	}
	b.kept[kept.Digest] = read.Bytes()
	if name == observed && b.seen == nil {
		b.seen = read.Bytes()
	}
	return kept, b.write(name, read.Bytes())
}

// write puts evidence into the folder, under its name; a second of that name is numbered.
func (b *book) write(name string, content []byte) error {
	if b.folder == "" {
		return nil
	}
	if b.names == nil {
		b.names = map[string]int{}
	}
	b.names[name]++
	if n := b.names[name]; n > 1 {
		end := filepath.Ext(name)
		name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, end), n, end)
	}
	if err := os.MkdirAll(b.folder, 0o755); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "keeping evidence in %s: %w", b.folder, err)
	}
	return atomicfile.Write(filepath.Join(b.folder, name), content, 0o644)
}
