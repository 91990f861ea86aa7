package proof

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// defaultK is how many people at least should look alike where nobody says otherwise.
const defaultK = 5

// countGroups counts, in the twin alone, the groups of rows that are alike in all of
// the columns of a quasi-identifier.
func (p *Proof) countGroups(ctx context.Context) error {
	groups, guessed := p.spec.Groups, false
	if len(groups) == 0 {
		groups, guessed = guessGroups(p.tables), true
	}
	for _, group := range groups {
		if group.K <= 0 {
			group.K = defaultK
		}
		at := slices.IndexFunc(p.tables, func(t *postgres.DescribedTable) bool { return t.Name() == group.Table })
		if at < 0 {
			p.notShown(fmt.Sprintf("groups of %s were not counted: there is no such table", group.Table))
			continue
		}
		if missing := without(p.tables[at], group.Columns); missing != "" {
			p.notShown(fmt.Sprintf("groups of %s were not counted: it has no column %s", group.Table, missing))
			continue
		}
		counted, err := countGroup(ctx, p.target.Tx, p.tables[at], group)
		if err != nil {
			return err
		}
		counted.Guessed = guessed
		for _, column := range group.Columns {
			if _, masked := p.mask(group.Table, column); masked {
				counted.Masked = append(counted.Masked, column)
			}
		}
		p.found.Groups = append(p.found.Groups, counted)
	}
	return nil
}

// without is the first column that a table does not have; empty: it has all.
func without(t *postgres.DescribedTable, columns []string) string {
	for _, name := range columns {
		if !slices.ContainsFunc(t.Columns, func(c understudy.Column) bool { return c.Name == name }) {
			return name
		}
	}
	return ""
}

func countGroup(ctx context.Context, tx pgx.Tx, t *postgres.DescribedTable, group Group) (understudy.GroupProof, error) {
	out := understudy.GroupProof{Table: group.Table, Columns: group.Columns, K: group.K}
	doing := "counting groups of " + group.Table
	list := make([]string, len(group.Columns))
	for i, name := range group.Columns {
		list[i] = pgx.Identifier{name}.Sanitize() + "::text"
	}
	query := fmt.Sprintf(`SELECT count(*), count(*) FILTER (WHERE n < %d), COALESCE(sum(n) FILTER (WHERE n < %d), 0)::bigint FROM (SELECT count(*) AS n FROM %s GROUP BY %s) g`,
		group.K, group.K, t.From(), strings.Join(list, ", "))
	if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil { // reads a whole table of the twin
		return out, postgres.ReadError(doing, err)
	}
	if err := tx.QueryRow(ctx, query).Scan(&out.Groups, &out.Small, &out.Rows); err != nil {
		return out, postgres.ReadError(doing, err)
	}
	return out, nil
}

// guessGroups proposes for a table with a date of birth and a place to live what Sweeney
// showed to single out most people ("Simple Demographics Often Identify People Uniquely",
// 2000): birth, place and gender.
func guessGroups(tables []*postgres.DescribedTable) []Group {
	var out []Group
	for _, t := range tables {
		birth := columnLike(t, "birth", "dob", "born")
		place := columnLike(t, "postcode", "postal", "zip", "plz")
		if place == "" {
			place = columnLike(t, "city", "town", "municipality")
		}
		if birth == "" || place == "" {
			continue
		}
		group := Group{Table: t.Name(), Columns: []string{birth, place}}
		if gender := columnLike(t, "gender", "sex"); gender != "" {
			group.Columns = append(group.Columns, gender)
		}
		out = append(out, group)
	}
	return out
}

func columnLike(t *postgres.DescribedTable, words ...string) string {
	for _, word := range words {
		for _, column := range t.Columns {
			if strings.Contains(strings.ToLower(column.Name), word) {
				return column.Name
			}
		}
	}
	return ""
}
