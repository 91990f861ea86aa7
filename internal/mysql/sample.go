package mysql

import (
	"context"
	"fmt"
	"strings"
)

// What sampling may cost: a table up to smallTable is read from its start until enough
// was seen, of a bigger one with an integer for a key sampledPlaces places are looked at.
// A value is cut at sampleLength characters: enough to tell what it is.
const (
	smallTable    = 2 << 20
	sampledRows   = 2000
	sampledPlaces = 20
	sampleLength  = 8192
)

// sample gives the columns of a table their samples.
func (s *session) sample(ctx context.Context, t *table, samples int) error {
	if samples <= 0 || len(t.columns) == 0 {
		return nil
	}
	list := make([]string, len(t.columns))
	for i, c := range t.columns {
		list[i] = fmt.Sprintf("LEFT(%s, %d)", c.read(), sampleLength)
	}
	head := "SELECT " + strings.Join(list, ", ") + " FROM " + quoted(t.name)
	seen := make([]map[string]bool, len(t.columns))
	for i := range seen {
		seen[i] = map[string]bool{}
	}
	for _, place := range t.places() {
		if err := s.sampleAt(ctx, t, head+place, seen, samples); err != nil {
			return err
		}
	}
	return nil
}

// places are the ends of queries that look at rows spread over the table, the same ones
// each time, so that a copy that was refused is refused again for the same reasons.
func (t *table) places() []string {
	key := ""
	for _, c := range t.columns {
		if c.Unique && !c.Nullable && strings.HasSuffix(c.data, "int") {
			key = quoted(c.Name)
			break
		}
	}
	if t.bytes <= smallTable || key == "" {
		return []string{fmt.Sprintf(" LIMIT %d", sampledRows)}
	}
	var places []string
	for i := range sampledPlaces {
		places = append(places, fmt.Sprintf(" WHERE %s >= (SELECT MIN(%s) + (MAX(%s) - MIN(%s)) * %d / %d FROM %s) ORDER BY %s LIMIT %d",
			key, key, key, key, i, sampledPlaces, quoted(t.name), key, sampledRows/sampledPlaces))
	}
	return places
}

func (s *session) sampleAt(ctx context.Context, t *table, query string, seen []map[string]bool, samples int) error {
	doing := "sampling " + tableName(t.name)
	rows, err := s.conn.QueryContext(ctx, query)
	if err != nil {
		return readError(doing, err)
	}
	defer rows.Close()
	values, into := rawRow(len(t.columns))
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return readError(doing, err)
		}
		for i, raw := range values {
			if raw == nil || len(seen[i]) >= samples || seen[i][string(raw)] {
				continue
			}
			seen[i][string(raw)] = true
			t.columns[i].Samples = append(t.columns[i].Samples, string(raw))
		}
	}
	if err := rows.Err(); err != nil {
		return readError(doing, err)
	}
	return nil
}
