package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/leak"
	"understudy/internal/postgres"
)

// searchLeaks shows every value of the twin that could hold text to scanners, each table
// to one, and says what was found.
func (p *Proof) searchLeaks(ctx context.Context) error {
	set, err := p.watch.Seal(ctx)
	if err != nil {
		return err
	}
	return errors.Join(p.search(ctx, set), set.Close())
}

func (p *Proof) search(ctx context.Context, set *leak.Set) error {
	tables, err := postgres.DescribeTables(ctx, p.target.Tx)
	if err != nil {
		return err
	}
	err = p.target.Each(ctx, tables, p.spec.Parallel, func(ctx context.Context, tx pgx.Tx, i int) error {
		return searchTable(ctx, tx, tables[i], set)
	})
	if err != nil {
		return err
	}
	if err := p.target.Join(ctx, func(tx pgx.Tx) error { return searchObjects(ctx, tx, set) }); err != nil {
		return err
	}
	if p.spec.Files != nil {
		if err := p.spec.Files(ctx, func(name string, from io.Reader) error { return set.Raw(ctx, name, from) }); err != nil {
			return err
		}
	}
	finds, err := set.Judge(ctx)
	p.found.Leaks, p.found.Values, p.found.Originals = finds, set.Values(), set.Originals()
	return err
}

// searchTable reads a table's columns in COPY's binary format: texts come as they are.
func searchTable(ctx context.Context, tx pgx.Tx, t *postgres.DescribedTable, set *leak.Set) error {
	var list []string
	rows := &rowReader{scanner: set.Scanner()}
	for _, column := range t.Columns {
		if !searched(column.Type) {
			continue
		}
		form, name := leak.FormOf(column.Type), pgx.Identifier{column.Name}.Sanitize()
		if form != leak.Binary {
			name += "::text"
		}
		list = append(list, name)
		rows.places = append(rows.places, set.Column(column.String(), form))
	}
	if len(list) == 0 {
		return nil
	}
	query := fmt.Sprintf("COPY (SELECT %s FROM %s) TO STDOUT (FORMAT binary)", strings.Join(list, ", "), t.From())
	return rows.read(ctx, tx, query, "searching "+t.Name())
}

// searchObjects reads the large objects page by page.
func searchObjects(ctx context.Context, tx pgx.Tx, set *leak.Set) error {
	rows := &rowReader{scanner: set.Scanner(), places: []*leak.Place{set.Column("pg_catalog.pg_largeobject.data", leak.Binary)}}
	return rows.read(ctx, tx, "COPY (SELECT data FROM pg_largeobject) TO STDOUT (FORMAT binary)", "searching large objects")
}

// searched tells whether values of a type can hold what was an original: numbers that are
// shorter than any that means somebody, moments and shapes cannot.
func searched(columnType string) bool {
	of := strings.ToLower(columnType)
	if strings.HasSuffix(of, "[]") {
		return searched(strings.TrimSuffix(of, "[]"))
	}
	for _, prefix := range []string{
		"smallint", "integer", "boolean", "date", "timestamp", "time ", "interval", "real", "double", "money", "oid", "bit",
		"point", "line", "lseg", "box", "path", "polygon", "circle", "tsvector", "tsquery",
	} {
		if strings.HasPrefix(of, prefix) {
			return of == "tsvector"
		}
	}
	return true
}

func (r *rowReader) read(ctx context.Context, tx pgx.Tx, query, doing string) error {
	if _, err := tx.Conn().PgConn().CopyTo(ctx, r, query); err != nil {
		return postgres.ReadError(doing, err)
	}
	if !r.ended {
		return understudy.Errorf(understudy.KindInternal, "%s: the server stopped in the middle of a row", doing)
	}
	return r.scanner.Flush()
}
