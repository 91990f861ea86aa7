package mysql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"understudy"
	"understudy/internal/rowmask"
)

// Spec says what is copied where, and how.
type Spec struct {
	// Source and Target are URLs: mysql://user:password@host:3306/database, mariadb://…, or
	// mysql://user@/database?socket=/path. Source needs SELECT, SHOW VIEW, TRIGGER and EVENT
	// on the database, and is only read; with RELOAD its tables are read side by side. Target
	// may do everything in an empty database of a server of the same kind, not older.
	Source, Target string
	// Masks decides for each table which columns are masked. It is asked for every table
	// before anything is written.
	Masks understudy.Masks
	// Observe, if not nil, is shown each value that was masked, as the masks see it, and
	// what became of it, nil for NULL. It is called from several goroutines at once, and may
	// keep neither slice.
	Observe func(table, column string, original, masked []byte)
	// Parallel is how many tables are copied at once; 0: 2.
	Parallel int
	// Rate is the most that is read of the source, in bytes a second; 0: no limit.
	Rate int64
	// Samples is how many values of each column Masks is shown; 0: 100.
	Samples int
	// Progress, if not nil, is told how far the copy is: never twice at the same time, at
	// most a few times a second for each table, and once when it is done.
	Progress func(Progress)
	// Notice, if not nil, is told in a sentence each thing of production that the twin does
	// not get, or gets otherwise.
	Notice func(sentence string)
}

// Copy makes the target a masked copy of the source as it is at one moment: tables with
// their rows through the masks, keys, sequences, views, routines, triggers and events. No
// value touches a disk on the way.
//
// A column that Masks refuses stops the copy before anything is written; the error, of
// KindRefused, names all of them. After any error the target is empty again; only when we
// are killed, or cannot reach it any more, what was made stays. Accounts and their grants
// are not copied: code of the database runs with the rights of who owns the target.
func Copy(ctx context.Context, spec Spec) (understudy.DatabaseCopy, error) {
	c, err := newCopying(ctx, spec)
	if err != nil {
		return understudy.DatabaseCopy{}, err
	}
	defer c.close()
	err = c.givingWay(ctx, c.run)
	if err != nil {
		return understudy.DatabaseCopy{}, c.undo(ctx, err)
	}
	return c.result(), nil
}

func (s Spec) complete() (Spec, error) {
	if s.Masks == nil {
		return s, understudy.Errorf(understudy.KindInvalid, "a copy of production's data needs masks, and was given none")
	}
	s.Parallel, s.Samples = max(s.Parallel, 0), max(s.Samples, 0)
	s.Parallel, s.Samples = cmp.Or(s.Parallel, 2), cmp.Or(s.Samples, 100)
	if s.Progress == nil {
		s.Progress = func(Progress) {}
	}
	if s.Notice == nil {
		s.Notice = func(string) {}
	}
	return s, nil
}

// copying is one copy under way.
type copying struct {
	spec     Spec
	from, to address
	source   *session // for definitions; the rows are read by the moment's
	target   *session
	moment   *moment
	schema   *schema
	tables   []*copiedTable
	writing  bool // the target is not empty any more
}

func newCopying(ctx context.Context, spec Spec) (*copying, error) {
	spec, err := spec.complete()
	if err != nil {
		return nil, err
	}
	c := &copying{spec: spec}
	if c.from, err = parseAddress(spec.Source); err != nil {
		return nil, fmt.Errorf("the source: %w", err)
	}
	if c.to, err = parseAddress(spec.Target); err != nil {
		return nil, fmt.Errorf("the target: %w", err)
	}
	if c.source, err = connect(ctx, c.from); err != nil {
		return nil, err
	}
	if c.target, err = connect(ctx, c.to); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *copying) close() {
	for _, s := range []*session{c.source, c.target} {
		if s != nil {
			s.close()
		}
	}
	if c.moment != nil {
		c.moment.close()
	}
}

// run plans without writing anything, then builds the target in the order in which things
// need each other.
func (c *copying) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		c.checkEnds, c.readSchema, c.fixMoment, c.decideMasks,
		c.makeTables, c.copyTables, c.checkUnchanged, c.makeKeys, c.makeForeignKeys, c.checkForeignKeys, c.makeCode, c.verify,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *copying) checkEnds(ctx context.Context) error {
	if err := errors.Join(c.source.supported(), c.target.supported()); err != nil {
		return err
	}
	if c.source.maria != c.target.maria || c.target.before(c.source.server) {
		return understudy.Errorf(understudy.KindInvalid, "the source is %s and the target %s: a copy needs a target of the same kind, and not an older one", c.source.server, c.target.server)
	}
	if err := c.source.mayRead(ctx); err != nil {
		return err
	}
	return c.target.empty(ctx)
}

func (c *copying) readSchema(ctx context.Context) error {
	tables, err := c.source.tables(ctx)
	if err != nil {
		return err
	}
	if c.schema, err = c.source.schema(ctx, tables); err != nil {
		return err
	}
	var pace *rate.Limiter
	if c.spec.Rate > 0 {
		pace = rate.NewLimiter(rate.Limit(c.spec.Rate), paceBytes)
	}
	for _, t := range tables {
		c.tables = append(c.tables, &copiedTable{table: t, written: t.written(), parts: divide(c.schema.tables[t.name]), pace: pace, observe: c.observing(t)})
	}
	return c.noteInconsistent(ctx)
}

// observing is who is shown the masked values of a table.
func (c *copying) observing(t *table) rowmask.Observe {
	if c.spec.Observe == nil {
		return nil
	}
	return func(column string, original, masked []byte) {
		c.spec.Observe(tableName(t.name), column, original, masked)
	}
}

// noteInconsistent tells of tables whose engine knows no transactions, and of history.
func (c *copying) noteInconsistent(ctx context.Context) error {
	rows, err := c.source.texts(ctx, "reading the engines", "SELECT ENGINE FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES'")
	if err != nil {
		return err
	}
	for _, t := range c.tables {
		if !slices.ContainsFunc(rows, func(row []string) bool { return strings.EqualFold(row[0], t.engine) }) {
			c.spec.Notice(fmt.Sprintf("table %s is kept by %s, which has no transactions: its rows are those of when it was read, not of the copy's moment", tableName(t.name), cmp.Or(t.engine, "an engine that is not there")))
		}
		if t.versioned {
			c.spec.Notice(fmt.Sprintf("table %s keeps its own history: the copy has its present rows only", tableName(t.name)))
		}
	}
	return nil
}

func (c *copying) fixMoment(ctx context.Context) (err error) {
	if c.moment, err = openMoment(ctx, c.from, c.spec.Parallel); err != nil {
		return err
	}
	if c.spec.Parallel > 1 && !c.moment.shared {
		c.spec.Notice("the tables were read one after the other: several connections share one moment only with the right RELOAD (GRANT RELOAD ON *.* TO " + c.from.config.User + ")")
	}
	return nil
}

// decideMasks asks for every table's masks, so that one error can name all columns that
// have to be decided.
func (c *copying) decideMasks(ctx context.Context) error {
	var refusals []error
	for _, t := range c.tables {
		if err := c.moment.join(ctx, func(s *session) error { return s.sample(ctx, t.table, c.spec.Samples) }); err != nil {
			return err
		}
		var err error
		t.masks, err = c.spec.Masks(tableName(t.name), t.described())
		switch {
		case understudy.KindOf(err) == understudy.KindRefused:
			refusals = append(refusals, err)
		case err != nil:
			return fmt.Errorf("deciding the masks of %s: %w", tableName(t.name), err)
		}
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

// copyTables moves all rows, the biggest tables first.
func (c *copying) copyTables(ctx context.Context) error {
	order := slices.SortedStableFunc(slices.Values(c.tables), func(a, b *copiedTable) int { return cmp.Compare(b.bytes, a.bytes) })
	done := &headway{tables: len(c.tables), report: c.spec.Progress}
	return c.aside(ctx, order, func(ctx context.Context, t *copiedTable, to *session) error {
		return c.moment.join(ctx, func(from *session) error { return t.copyRows(ctx, from, to, done) })
	})
}

// aside does one thing with every table, several at once, each with a session on the target.
func (c *copying) aside(ctx context.Context, tables []*copiedTable, act func(context.Context, *copiedTable, *session) error) error {
	group, ctx := errgroup.WithContext(ctx)
	queue := make(chan *copiedTable, len(tables))
	for _, t := range tables {
		queue <- t
	}
	close(queue)
	for range min(c.spec.Parallel, len(tables)) {
		group.Go(func() error {
			to, err := c.writer(ctx)
			if err != nil {
				return err
			}
			defer to.close()
			for t := range queue {
				if err := act(ctx, t, to); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// checkUnchanged compares the source's definitions with those that were copied. A table
// that was changed before it was read has told so itself.
func (c *copying) checkUnchanged(ctx context.Context) error {
	c.moment.close()
	tables, err := c.source.tables(ctx)
	if err != nil {
		return err
	}
	now, err := c.source.schema(ctx, tables)
	if err != nil {
		return err
	}
	if now.digest() != c.schema.digest() {
		return understudy.Errorf(understudy.KindConflict, "the schema of %s was changed while it was copied", c.from.place).
			WithHint("run the copy again when the change is done")
	}
	return nil
}

func (c *copying) result() understudy.DatabaseCopy {
	out := understudy.DatabaseCopy{Database: c.from.database, Server: c.source.server.String()}
	for _, t := range c.tables {
		out.Bytes += t.sent
		out.Tables = append(out.Tables, understudy.TableCopy{Table: tableName(t.name), Rows: t.rows, Masked: t.masked})
	}
	return out
}
