package sqlitewatch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"understudy"
	"understudy/internal/sqlite"
)

// Spec says what is watched.
type Spec struct {
	// Database is the file: a path, sqlite:path or sqlite:///path.
	Database string
	// Migration tells whether a process is the migration's, by its id; nil: all are, but ours.
	Migration func(process int) bool
	// Every is the time between two looks; 0: 2 ms.
	Every time.Duration
}

// sizeEvery is the time between two looks at the sizes of files.
const sizeEvery = 5 * time.Millisecond

// Watch is one watch under way.
type Watch struct {
	spec   Spec
	path   string
	before catalog
	device string // as the system names the one that the file is on; empty: it does not show locks
	start  time.Time
	tally  tally
	looks  atomic.Int64
	stop   chan struct{}
	done   chan struct{}
	once   sync.Once
	broken error
}

// Start reads the database and begins to watch. It returns when whatever is done from now
// on will be seen. The watch ends with Stop, or with ctx.
func Start(ctx context.Context, spec Spec) (*Watch, error) {
	if spec.Every <= 0 {
		spec.Every = 2 * time.Millisecond
	}
	own := os.Getpid()
	if spec.Migration == nil {
		spec.Migration = func(int) bool { return true }
	}
	path, err := sqlite.Locate(spec.Database)
	if err != nil {
		return nil, err
	}
	w := &Watch{spec: spec, path: path, stop: make(chan struct{}), done: make(chan struct{})}
	err = sqlite.Read(ctx, path, func(r *sqlite.Reader) error {
		var err error
		if w.before, err = readCatalog(ctx, r); err != nil {
			return err
		}
		w.device, err = deviceOf(path, own) // while we hold a lock ourselves
		return err
	})
	if err != nil {
		return nil, err
	}
	w.start = time.Now()
	w.tally = newTally(own, spec.Migration)
	if w.before.bytes, _, err = w.sizes(); err != nil {
		return nil, err
	}
	if err := w.look(); err != nil {
		return nil, err
	}
	go w.run(ctx)
	return w, nil
}

func (w *Watch) run(ctx context.Context) {
	defer close(w.done)
	tick := time.NewTicker(w.spec.Every)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			if w.broken = w.ended(ctx); w.broken == nil {
				w.broken = w.look()
			}
			return
		case <-ctx.Done():
			w.broken = w.ended(ctx)
			return
		case <-tick.C:
		}
		if w.broken = w.look(); w.broken != nil {
			return
		}
	}
}

// ended is the error of a watch whose context is over.
func (w *Watch) ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return understudy.Errorf(understudy.KindUnavailable, "watching database %s: the watch was ended before the migration: %w", w.path, context.Cause(ctx))
}

// Stop ends the watch and says what was seen. It is called once, after the migration has
// ended. With an error, what is there of the observation is not the whole.
func (w *Watch) Stop(ctx context.Context) (understudy.Observation, error) {
	first := false
	w.once.Do(func() { first = true; close(w.stop) })
	if !first {
		return understudy.Observation{}, understudy.Errorf(understudy.KindConflict, "ending the watch of database %s: it has ended already", w.path)
	}
	<-w.done
	if w.broken != nil {
		return understudy.Observation{}, w.broken
	}
	return w.conclude(ctx)
}

func (w *Watch) conclude(ctx context.Context) (seen understudy.Observation, err error) {
	after, problems := catalog{}, []string(nil)
	err = sqlite.Read(ctx, w.path, func(r *sqlite.Reader) error {
		var err error
		if after, err = readCatalog(ctx, r); err != nil {
			return err
		}
		if err := after.readBytes(ctx, r, w.before); err != nil {
			return err
		}
		problems, err = integrity(ctx, r)
		return err
	})
	if err != nil {
		return seen, err
	}
	bytes, log, err := w.sizes()
	if err != nil {
		return seen, err
	}
	w.tally.sized(bytes, log)
	seen = understudy.Observation{
		Server: after.version, Began: w.start, Every: max(w.spec.Every, w.tally.gap), LogBytes: w.tally.log,
		BytesBefore: w.before.bytes, BytesPeak: w.tally.peak, BytesAfter: bytes, Notes: problems,
	}
	changes{&seen, w.before, after}.tell()
	w.tally.tell(&seen, w.before.schemaVersion != after.schemaVersion, w.before.wal)
	if w.device == "" {
		seen.Notes = append(seen.Notes, "this system does not list the locks of files in /proc/locks: locks were not seen")
	}
	return seen, nil
}

// sizes are those of the database with its log, and of its log alone: the write-ahead log,
// or the journal with which a change is rolled back.
func (w *Watch) sizes() (bytes, log int64, err error) {
	for _, suffix := range []string{"", "-wal", "-journal"} {
		info, err := os.Stat(w.path + suffix)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return 0, 0, understudy.Errorf(understudy.KindUnavailable, "looking at the size of %s: %w", w.path+suffix, err)
		default:
			bytes += info.Size()
			if suffix != "" {
				log += info.Size()
			}
		}
	}
	return bytes, log, nil
}

// look takes in which locks are held now, and now and then the sizes of the files.
func (w *Watch) look() error {
	at := time.Since(w.start)
	if w.device != "" {
		held, err := locksOf(w.path, w.device)
		if err != nil {
			return fmt.Errorf("watching database %s: %w", w.path, err)
		}
		w.tally.add(at, held)
	}
	if at-w.tally.sizedAt >= sizeEvery || w.looks.Load() == 0 {
		bytes, log, err := w.sizes()
		if err != nil {
			return err
		}
		w.tally.sizedAt = at
		w.tally.sized(bytes, log)
	}
	w.looks.Add(1)
	return nil
}

// Looks is how often it was looked so far.
func (w *Watch) Looks() int64 { return w.looks.Load() }
