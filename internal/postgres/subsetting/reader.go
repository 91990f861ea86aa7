package subsetting

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/subset"
)

// reader answers the choice's questions from one connection.
type reader struct {
	tx      pgx.Tx
	catalog *catalog
	key     []byte
	notice  func(string)
	told    map[int]bool // links that notice was told of
}

// batch is how many rows one statement asks about.
const batch = 100_000

// Seeds reads the key of every row that the condition lets through.
func (r *reader) Seeds(ctx context.Context, table string, root understudy.SubsetRoot, found func(subset.Place)) error {
	sampler := subset.NewSampler(r.key, table, root.Share)
	if root.By != "" {
		return r.strata(ctx, table, root, sampler, found)
	}
	return r.eachSeed(ctx, table, root, func(at subset.Place, key []byte, _ string) {
		if sampler.Takes(key) {
			found(at)
		}
	})
}

// mostValues is how many values a column to go by may have: each is counted.
const mostValues = 1_000_000

func (r *reader) strata(ctx context.Context, table string, root understudy.SubsetRoot, sampler *subset.Sampler, found func(subset.Place)) error {
	counts := map[string]int64{}
	err := r.eachPart(table, func(part *relation) error {
		rows, err := r.tx.Query(ctx, "SELECT "+by(root)+", count(*) FROM ONLY "+part.quoted+" AS t"+condition(root)+" GROUP BY 1", pgx.QueryExecModeExec)
		if err != nil {
			return err
		}
		var value string
		var count int64
		_, err = pgx.ForEachRow(rows, []any{&value, &count}, func() error {
			counts[value] += count
			if len(counts) > mostValues {
				return understudy.Errorf(understudy.KindInvalid, "choosing rows of table %s: column %s to go by has more than a million values", table, root.By).
					WithHint("choose a column with fewer values, or none")
			}
			return nil
		})
		return err
	})
	if err != nil {
		return postgres.ReadError("counting the values to choose rows of table "+table+" by", err)
	}
	strata := subset.NewStrata(sampler, counts)
	if err := r.eachSeed(ctx, table, root, func(at subset.Place, key []byte, value string) { strata.Offer(value, key, at) }); err != nil {
		return err
	}
	strata.Each(found)
	return nil
}

func (r *reader) eachPart(table string, act func(*relation) error) error {
	for _, part := range r.catalog.parts[table] {
		if err := act(r.catalog.byName[part]); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) eachSeed(ctx context.Context, table string, root understudy.SubsetRoot, act func(at subset.Place, key []byte, value string)) error {
	err := r.eachPart(table, func(part *relation) error {
		rows, err := r.tx.Query(ctx, "SELECT t.ctid, "+part.keyText+", "+by(root)+" FROM ONLY "+part.quoted+" AS t"+condition(root), pgx.QueryExecModeExec)
		if err != nil {
			return err
		}
		var at pgtype.TID
		var key, value string
		_, err = pgx.ForEachRow(rows, []any{&at, &key, &value}, func() error {
			act(subset.Place{Table: part.name, Row: number(at)}, []byte(key), value)
			return nil
		})
		return err
	})
	if err != nil {
		return postgres.ReadError("choosing rows of table "+table+" to begin with", err)
	}
	return nil
}

func by(root understudy.SubsetRoot) string {
	if root.By == "" {
		return "''"
	}
	return "coalesce(t." + pgx.Identifier{root.By}.Sanitize() + "::pg_catalog.text, '')"
}

// condition is the rule's own; the line break ends a comment in it.
func condition(root understudy.SubsetRoot) string {
	if root.Where == "" {
		return ""
	}
	return " WHERE (" + root.Where + "\n)"
}

func number(at pgtype.TID) int64 { return int64(at.BlockNumber)<<16 | int64(at.OffsetNumber) }

// Parents asks for the rows at the other end.
func (r *reader) Parents(ctx context.Context, number int, table string, rows *subset.Set, found func(subset.Place)) error {
	l := r.catalog.links[number]
	own := "ONLY " + r.catalog.byName[table].quoted
	return r.follow(ctx, l, rows, found, "SELECT DISTINCT p.tableoid, p.ctid FROM "+own+" AS c JOIN "+l.to.source+" AS p ON "+l.join+" WHERE c.ctid = ANY(%s)")
}

// Children asks for the rows that refer to some.
func (r *reader) Children(ctx context.Context, number int, table string, rows *subset.Set, found func(subset.Place)) error {
	l := r.catalog.links[number]
	if !l.indexed && !r.told[number] && r.notice != nil {
		r.told[number] = true
		r.notice(fmt.Sprintf("foreign key %s of table %s has no index on its own columns: its rows are found by reading the whole table each time", l.name, l.from.ruled))
	}
	own := "ONLY " + r.catalog.byName[table].quoted
	return r.follow(ctx, l, rows, found, "SELECT c.tableoid, c.ctid FROM "+l.from.source+" AS c JOIN "+own+" AS p ON "+l.join+" WHERE p.ctid = ANY(%s)")
}

func (r *reader) follow(ctx context.Context, l link, rows *subset.Set, found func(subset.Place), query string) error {
	for some := range chunked(rows.Rows(), batch) {
		answer, err := r.tx.Query(ctx, fmt.Sprintf(query, literal(slices.Values(some))), pgx.QueryExecModeExec)
		if err != nil {
			return postgres.ReadError("following "+l.name, err)
		}
		var table uint32
		var at pgtype.TID
		_, err = pgx.ForEachRow(answer, []any{&table, &at}, func() error {
			if part := r.catalog.byOID[table]; part != nil { // a foreign table among the partitions has no place
				found(subset.Place{Table: part.name, Row: number(at)})
			}
			return nil
		})
		if err != nil {
			return postgres.ReadError("following "+l.name, err)
		}
	}
	return nil
}

func chunked(rows iter.Seq[int64], size int) iter.Seq[[]int64] {
	return func(yield func([]int64) bool) {
		some := make([]int64, 0, min(size, 4096))
		for row := range rows {
			if some = append(some, row); len(some) == size {
				if !yield(some) {
					return
				}
				some = some[:0]
			}
		}
		if len(some) > 0 {
			yield(some)
		}
	}
}
