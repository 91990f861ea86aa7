package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"understudy"
)

// Spec says what is copied where, and how.
type Spec struct {
	// Source and Target are paths of files, also as sqlite:///path. Source is only read;
	// Target is not there, or an empty database, which is replaced.
	Source, Target string
	// Masks decides for each table which columns are masked. It is asked for every table
	// before anything is written.
	Masks understudy.Masks
	// Observe, if not nil, is shown each value that was masked, as the masks see it, and
	// what became of it, nil for NULL. It may keep neither slice.
	Observe func(table, column string, original, masked []byte)
	// Samples is how many values of each column Masks is shown; 0: 100.
	Samples int
	// Progress, if not nil, is told how far the copy is, a few times a second at most.
	Progress func(Progress)
	// Notice, if not nil, is told in a sentence each thing of production that the twin does
	// not get, or what production has to bear meanwhile.
	Notice func(sentence string)
}

// Progress is how far one table, and the whole copy, have come.
type Progress struct {
	Table      string `json:"table"`
	Rows       int64  `json:"rows"`  // of this table, so far
	Bytes      int64  `json:"bytes"` // of this table, so far; only rows that are masked are counted
	TablesDone int    `json:"tablesDone"`
	Tables     int    `json:"tables"`
}

// progressInterval is the time between two reports.
const progressInterval = 250 * time.Millisecond

// Copy makes the target a masked copy of the source as it is at one moment: tables with
// their row ids and storage classes, virtual tables, indexes, views, triggers, counters and
// the settings that a file carries. No original value touches a disk on the way.
//
// A column that Masks refuses stops the copy before anything is written; the error, of
// KindRefused, names all of them. The target appears whole, or stays as it was.
func Copy(ctx context.Context, spec Spec) (understudy.DatabaseCopy, error) {
	c, err := newCopying(spec)
	if err != nil {
		return understudy.DatabaseCopy{}, err
	}
	if err := c.vacant(ctx); err != nil {
		return understudy.DatabaseCopy{}, err
	}
	err = c.fill(ctx)
	if err == nil {
		err = settle(c.working, c.to)
	}
	if err != nil {
		err = errors.Join(err, remove(c.working))
	}
	if err != nil && ctx.Err() != nil {
		err = understudy.Errorf(understudy.KindUnavailable, "the copy was ended before it was done: %w", context.Cause(ctx))
	}
	if err != nil {
		return understudy.DatabaseCopy{}, err
	}
	return c.result(), nil
}

// copying is one copy under way.
type copying struct {
	spec     Spec
	from, to string
	working  string   // path of the target while it is being made
	into     *session // the working file, with the source attached
	objects  []object
	journal  string // the source's journal mode
	tables   []*copiedTable
	done     int
	told     time.Time
	version  string
}

func newCopying(spec Spec) (*copying, error) {
	if spec.Masks == nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "a copy of production's data needs masks, and was given none")
	}
	spec.Samples = cmp.Or(max(spec.Samples, 0), 100)
	if spec.Progress == nil {
		spec.Progress = func(Progress) {}
	}
	if spec.Notice == nil {
		spec.Notice = func(string) {}
	}
	c := &copying{spec: spec}
	var err error
	if c.from, err = locate(spec.Source); err != nil {
		return nil, fmt.Errorf("the source: %w", err)
	}
	if c.to, err = locate(spec.Target); err != nil {
		return nil, fmt.Errorf("the target: %w", err)
	}
	c.working = c.to + ".copying"
	return c, present(c.from)
}

// vacant refuses a target that holds anything, and a second copy to the same one. What a
// copy that was cut short left is removed.
func (c *copying) vacant(ctx context.Context) error {
	if _, err := os.Stat(c.to); !errors.Is(err, fs.ErrNotExist) {
		if err := empty(ctx, c.to); err != nil {
			return err
		}
	}
	if _, err := os.Stat(c.working); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	left, err := open(ctx, c.working, "rw")
	if err == nil {
		err = errors.Join(left.exec(ctx, "looking at "+c.working, "BEGIN EXCLUSIVE"), left.close())
	}
	if understudy.KindOf(err) == understudy.KindConflict {
		return understudy.Errorf(understudy.KindConflict, "copying into %s: another copy into it is under way", c.to)
	}
	return remove(c.working)
}

func empty(ctx context.Context, path string) error {
	if err := present(path); err != nil {
		return err
	}
	s, err := open(ctx, path, "ro")
	if err != nil {
		return err
	}
	held, err := s.texts(ctx, "looking at what "+path+" holds", "SELECT type, name FROM sqlite_schema LIMIT 1")
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	if len(held) > 0 {
		return understudy.Errorf(understudy.KindConflict, "copying into %s: it is not empty: it holds %s %s; nothing was touched", path, held[0][0], plainName(held[0][1])).
			WithHint("name a file that does not exist, or an empty database")
	}
	return nil
}

// fill plans without writing anything, then builds the working file in the order in which
// things need each other.
func (c *copying) fill(ctx context.Context) (err error) {
	if err := c.begin(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.into.close()) }()
	for _, step := range []func(context.Context) error{
		c.readSchema, c.decideMasks, c.makeTables, c.copyTables, c.makeVirtual, c.makeRest, c.setCounters, c.checkForeignKeys, c.finish,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin opens the working file with the source beside it, and fixes the moment.
func (c *copying) begin(ctx context.Context) error {
	settings, err := fileSettings(ctx, c.from)
	if err != nil {
		return err
	}
	c.journal = settings["journal_mode"]
	if c.journal != "wal" {
		c.spec.Notice("the source is in journal mode " + c.journal + ": nobody can write to it while it is copied; in mode wal everybody could")
	}
	if c.into, err = open(ctx, c.working, "rwc"); err != nil {
		return err
	}
	if err = os.Chmod(c.working, 0o600); err == nil {
		err = c.into.exec(ctx, "preparing the copy", "PRAGMA page_size = "+settings["page_size"], "PRAGMA encoding = "+literal(settings["encoding"]),
			"PRAGMA auto_vacuum = "+settings["auto_vacuum"], "PRAGMA main.journal_mode = OFF", "PRAGMA main.synchronous = OFF", "PRAGMA main.locking_mode = EXCLUSIVE",
			"PRAGMA foreign_keys = OFF", "PRAGMA temp_store = MEMORY", "PRAGMA cache_size = -65536", "ATTACH "+literal(uri(c.from, "ro"))+" AS source", "BEGIN")
	}
	if err == nil {
		c.version, err = c.into.value(ctx, "fixing one view of the data", "SELECT sqlite_version() FROM (SELECT count(*) FROM source.sqlite_schema)")
	}
	if err != nil {
		return errors.Join(failed("preparing the copy", err), c.into.close())
	}
	return nil
}

// decideMasks asks for every table's masks, so that one error can name all columns that
// have to be decided.
func (c *copying) decideMasks(ctx context.Context) error {
	var refusals []error
	for _, t := range c.tables {
		if err := c.into.sample(ctx, "source", t.table, c.spec.Samples); err != nil {
			return err
		}
		var err error
		t.masks, err = c.spec.Masks(tableName(t.name), t.columns)
		switch {
		case understudy.KindOf(err) == understudy.KindRefused:
			refusals = append(refusals, err)
		case err != nil:
			return fmt.Errorf("deciding the masks of %s: %w", tableName(t.name), err)
		}
		t.columns = slices.Clone(t.columns)
		for i := range t.columns {
			t.columns[i].Samples = nil
		}
	}
	if len(refusals) == 0 {
		return nil
	}
	reasons := make([]string, len(refusals))
	for i, r := range refusals {
		reasons[i] = r.Error()
	}
	return &understudy.Error{
		Kind:    understudy.KindRefused,
		Message: "nothing was copied: " + strings.Join(reasons, "; "),
		Hint:    "decide each of these columns: `understudy mask plan` proposes rules",
		Err:     errors.Join(refusals...),
	}
}

func (c *copying) copyTables(ctx context.Context) error {
	for _, t := range c.tables {
		if err := c.copyRows(ctx, t); err != nil {
			return err
		}
		c.done++
		c.tell(t)
	}
	return nil
}

// moving is called for each masked row; it reports now and then.
func (c *copying) moving(t *copiedTable) {
	if t.rows%1024 == 0 && time.Since(c.told) >= progressInterval {
		c.tell(t)
	}
}

func (c *copying) tell(t *copiedTable) {
	c.told = time.Now()
	c.spec.Progress(Progress{Table: tableName(t.name), Rows: t.rows, Bytes: t.bytes, TablesDone: c.done, Tables: len(c.tables)})
}

func (c *copying) result() understudy.DatabaseCopy {
	out := understudy.DatabaseCopy{Database: c.from, Server: "sqlite " + c.version}
	for _, t := range c.tables {
		out.Bytes += t.bytes
		out.Tables = append(out.Tables, understudy.TableCopy{Table: tableName(t.name), Rows: t.rows, Masked: t.masked})
	}
	return out
}
