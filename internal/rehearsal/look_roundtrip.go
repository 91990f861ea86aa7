package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"understudy"
	"understudy/internal/check"
)

// state is a copy's schema and data at one moment.
type state struct{ schema, data json.RawMessage }

func (p *play) take(ctx context.Context, of Copy) (state, error) {
	schema, err := p.Ledger.Schema(ctx, of)
	if err != nil {
		return state{}, err
	}
	data, err := p.Ledger.Data(ctx, of)
	return state{schema, data}, err
}

// roundTrip goes forward and back on a copy that nobody else writes to, so that every
// difference is the migration's own. It tells whether there is a way to be tried under
// traffic: not where going forward changes nothing. On a
// production that has the release's schema already it does not, and going back from there
// would undo what an earlier promotion brought.
func (p *play) roundTrip(ctx context.Context, c *understudy.Check) (changes bool, err error) {
	if err := p.Ledger.Clone(ctx, Side); err != nil {
		return false, err
	}
	before, err := p.take(ctx, Side)
	if err != nil {
		return false, err
	}
	up, err := p.Migrator.Up(ctx, Side)
	if err != nil {
		return false, err
	}
	if !up.OK { // nothing is known of the way back from there
		c.Findings, c.Evidence = append(c.Findings, unsteady(up)), append(c.Evidence, up.Evidence...)
		c.Summary += "; the migration did not run through on a copy of its own, so there was nothing to take back"
		return false, nil
	}
	p.rehearsal.Expect(up.Expected)
	forward, err := p.take(ctx, Side)
	if err != nil {
		return false, err
	}
	if changes, err = p.differ(before, forward); err != nil || !changes {
		c.Summary += "; the migration changes nothing here, so there is nothing to take back"
		return false, err
	}
	down, err := p.Migrator.Down(ctx, Side)
	if err != nil {
		return false, err
	}
	if !down.OK { // found once; it would fail under traffic too
		c.Findings = append(c.Findings, check.Find(check.RollbackDownFailed, "", down.Said, check.Facts{"remedy": "read its output in the evidence"}))
		c.Evidence = append(c.Evidence, down.Evidence...)
		return false, nil
	}
	back, err := p.Ledger.Data(ctx, Side)
	if err != nil {
		return true, err
	}
	return true, p.compareData(ctx, c, Side, before.data, back)
}

func (p *play) differ(a, b state) (bool, error) {
	changes, _, err := p.Ledger.CompareSchemas(a.schema, b.schema)
	if err != nil || len(changes) > 0 {
		return true, err
	}
	losses, err := p.Ledger.CompareData(a.data, b.data)
	return len(losses) > 0, err
}

// compareData makes a finding of each table whose data is not back, and names the rows.
func (p *play) compareData(ctx context.Context, c *understudy.Check, of Copy, before, after json.RawMessage) error {
	losses, err := p.Ledger.CompareData(before, after)
	if err != nil {
		return err
	}
	named := map[string]bool{} // tables whose rows were named: once for each
	for _, loss := range losses {
		rows := ""
		if !named[loss.Table] {
			if rows, err = p.nameRows(ctx, of, loss.Table); err != nil {
				return err
			}
			named[loss.Table] = true
		}
		f := check.Find(check.RollbackData, loss.Table, joined(loss.What, rows), check.Facts{"lost": loss.What})
		f.Hurt = float64(loss.Count)
		c.Findings = append(c.Findings, f)
	}
	if len(losses) == 0 {
		c.Summary += "; data the same after forward and back"
	}
	return nil
}

// nameRows says which rows of a table on a copy are not as they were.
func (p *play) nameRows(ctx context.Context, of Copy, table string) (string, error) {
	rows, err := p.Examiner.Rows(ctx, Asked{Was: Golden, Is: of, Table: table})
	if err != nil {
		return "", fmt.Errorf("naming the rows that differ in %s: %w", table, err)
	}
	return rows.String(), nil
}

// String says how many rows differ, in what, and which are the first.
func (r Rows) String() string {
	var counts []string
	for _, n := range []struct {
		rows int64
		what string
	}{{r.Gone, "gone"}, {r.New, "new"}, {r.Changed, "changed"}} {
		if n.rows > 0 {
			counts = append(counts, number(n.rows)+" "+n.what)
		}
	}
	switch {
	case r.Keyless:
		return "its rows are not named: it has no key, or none that is the same on both sides"
	case len(counts) == 0:
		return "" // it is as it was but for columns or tables that one of the two does not have
	}
	text := "rows: " + strings.Join(counts, ", ")
	if len(r.Columns) > 0 {
		text += " in " + strings.Join(r.Columns, ", ")
	}
	text += ": " + strings.Join(r.Named, ", ")
	if more := r.Gone + r.New + r.Changed - int64(len(r.Named)); more > 0 {
		text += fmt.Sprintf(", and %s more", number(more))
	}
	return text
}
