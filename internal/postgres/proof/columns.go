package proof

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/parity"
	"understudy/internal/postgres"
)

// columnFacts are the server's own statistics of one column. Its bounds are values: they
// are compared here and go no further.
type columnFacts struct {
	rows, nulls, distinct, width float64
	correlation                  float64
	top                          []float64
	bounds                       []string
}

// compareColumns compares the statistics of every column that both servers have analysed.
func (p *Proof) compareColumns(ctx context.Context) error {
	twin, err := readColumns(ctx, p.target.Tx)
	if err != nil {
		return err
	}
	without := 0
	for _, t := range p.tables {
		for _, column := range t.Columns {
			name := column.String()
			was, had := p.columns[name]
			is, has := twin[name]
			if !had || !has {
				without++
				continue
			}
			p.likeness(column, was, is)
		}
	}
	if without > 0 {
		p.notShown(strconv.Itoa(without) + " columns have no statistics on one of the sides: they were not analysed, or are empty, or of a type that has none")
	}
	p.found.Columns = slices.DeleteFunc(p.found.Columns, func(l understudy.ColumnLikeness) bool {
		return l.Score == 0 && l.Distinct[0] == l.Distinct[1] // counted and right, with nothing else to say
	})
	return nil
}

// likeness adds what two sides' statistics say, beside distinct values that were counted.
func (p *Proof) likeness(column understudy.Column, was, is columnFacts) {
	_, masked := p.mask(column.Table, column.Name)
	at := slices.IndexFunc(p.found.Columns, func(l understudy.ColumnLikeness) bool { return l.Column == column.String() })
	if at < 0 {
		at = len(p.found.Columns)
		p.found.Columns = append(p.found.Columns, understudy.ColumnLikeness{
			Column: column.String(), Masked: masked, Distinct: [2]float64{was.distinct, is.distinct},
		})
	}
	l := &p.found.Columns[at]
	l.NullShare, l.Width = [2]float64{was.nulls, is.nulls}, [2]float64{was.width, is.width}
	l.Correlation, l.Top = [2]float64{was.correlation, is.correlation}, [2][]float64{firstTen(was.top), firstTen(is.top)}
	l.Spread = spread(column.Type, masked, was.bounds, is.bounds)
	l.Score = score(*l)
}

func firstTen(shares []float64) []float64 { return shares[:min(len(shares), 10)] }

// score is the mean of what is alike, each from 0 to 1: share of NULL, number of distinct values,
// width, the most common shares by rank, and the spread where it is known. The order on
// disk is shown and not scored: how rows lie is no property of their values.
func score(l understudy.ColumnLikeness) float64 {
	parts := []float64{1 - math.Abs(l.NullShare[0]-l.NullShare[1]), ratio(l.Distinct), ratio(l.Width), 1 - parity.ByRank(l.Top[0], l.Top[1])}
	if l.Spread >= 0 {
		parts = append(parts, 1-l.Spread)
	}
	var sum float64
	for _, part := range parts {
		sum += part
	}
	return sum / float64(len(parts))
}

func ratio(of [2]float64) float64 {
	low, high := min(of[0], of[1]), max(of[0], of[1])
	if high <= 0 {
		return 1
	}
	return low / high
}

// spread is how far two lists of bounds are apart, of masked ones by their lengths. -1: not known.
func spread(columnType string, masked bool, was, is []string) float64 {
	of := func(bounds []string) parity.Spread { return parity.SpreadOf(columnType, bounds) }
	if masked {
		of = func(bounds []string) parity.Spread { return parity.LengthsOf(lengthsOf(bounds)) }
	}
	if apart, known := of(was).Apart(of(is)); known {
		return apart
	}
	return -1
}

func lengthsOf(texts []string) []int32 {
	out := make([]int32, len(texts))
	for i, text := range texts {
		out[i] = int32(len(text))
	}
	return out
}

// columnsQuery reads what the last ANALYZE left, of a partitioned table that of the whole.
const columnsQuery = `
	SELECT s.schemaname, s.tablename, s.attname, greatest(c.reltuples, 0)::float8, s.null_frac::float8,
		CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * greatest(c.reltuples, 0) ELSE s.n_distinct END::float8,
		s.avg_width::float8, COALESCE(s.correlation, 0)::float8, COALESCE(s.most_common_freqs, '{}')::float8[],
		CASE WHEN t.typcategory = 'A' THEN '{}' ELSE COALESCE(s.histogram_bounds::text, '{}')::text[] END
	FROM pg_catalog.pg_stats s
	JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
	JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename AND NOT c.relispartition
	JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
	JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
	WHERE s.inherited = (c.relkind = 'p') AND c.relkind IN ('r', 'p') AND ` + postgres.OfUser

func readColumns(ctx context.Context, tx pgx.Tx) (map[string]columnFacts, error) {
	rows, err := tx.Query(ctx, columnsQuery)
	if err != nil {
		return nil, postgres.ReadError("reading statistics", err)
	}
	out := map[string]columnFacts{}
	for rows.Next() {
		var schema, table, column string
		var f columnFacts
		if err := rows.Scan(&schema, &table, &column, &f.rows, &f.nulls, &f.distinct, &f.width, &f.correlation, &f.top, &f.bounds); err != nil {
			rows.Close()
			return nil, postgres.ReadError("reading statistics", err)
		}
		out[postgres.TableName(schema, table)+"."+column] = f
	}
	if err := rows.Err(); err != nil {
		return nil, postgres.ReadError("reading statistics", err)
	}
	return out, nil
}
