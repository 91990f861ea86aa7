package postgres

import (
	"context"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// allowedQuery finds what lays down the values of a column: the labels of an enumeration,
// and the check constraints of the column alone or of its domain.
const allowedQuery = `
	SELECT a.attrelid, a.attname,
		ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid IN (t.oid, t.typelem, t.typbasetype) ORDER BY e.enumsortorder),
		ARRAY(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k WHERE k.contype = 'c'
			AND (k.conrelid = a.attrelid AND k.conkey = ARRAY[a.attnum] OR k.contypid = t.oid AND k.contypid <> 0))
	FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped AND (
		EXISTS (SELECT FROM pg_enum e WHERE e.enumtypid IN (t.oid, t.typelem, t.typbasetype))
		OR EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'c' AND (k.conrelid = a.attrelid AND k.conkey = ARRAY[a.attnum] OR k.contypid = t.oid AND k.contypid <> 0)))`

// describeAllowed gives columns the values that the schema lays down for them.
func describeAllowed(ctx context.Context, tx pgx.Tx, tables []*DescribedTable) error {
	byOID := map[uint32]*DescribedTable{}
	oids := make([]uint32, 0, len(tables))
	for _, t := range tables {
		byOID[t.oid] = t
		oids = append(oids, t.oid)
	}
	rows, err := tx.Query(ctx, allowedQuery, oids)
	if err != nil {
		return ReadError("reading what values columns may have", err)
	}
	var oid uint32
	var name string
	var labels, checks []string
	_, err = pgx.ForEachRow(rows, []any{&oid, &name, &labels, &checks}, func() error {
		t := byOID[oid]
		for i, c := range t.Columns {
			if c.Name == name {
				t.Columns[i].Allowed = append(append([]string(nil), labels...), listedIn(checks)...)
			}
		}
		return nil
	})
	if err != nil {
		return ReadError("reading what values columns may have", err)
	}
	return nil
}

var (
	checkOfList = regexp.MustCompile(`^CHECK \(\(*(?:"(?:[^"]|"")+"|[A-Za-z_]\w*)\)?(?:::[a-z ]+)?\)? = ANY \(*ARRAY\[(.*?)\]`)
	quotedValue = regexp.MustCompile(`'((?:[^']|'')*)'`)
)

// listedIn are the values that check constraints list, as in status IN ('new', 'paid').
func listedIn(checks []string) []string {
	var values []string
	for _, check := range checks {
		m := checkOfList.FindStringSubmatch(check)
		if m == nil {
			continue
		}
		for _, v := range quotedValue.FindAllStringSubmatch(m[1], -1) {
			values = append(values, strings.ReplaceAll(v[1], "''", "'"))
		}
	}
	return values
}
