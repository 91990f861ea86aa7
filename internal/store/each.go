package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"understudy"
)

// pageSize is how many records are held in memory at once while all are visited.
const pageSize = 200

// Each calls each for every record of a kind in the order of their creation. A record
// that is not JSON, or for which each returns an error, stops nothing: the others are
// visited, and all those errors come back joined, each naming its record. Each may use
// the store; a record that is created meanwhile may or may not be visited. Only the
// context and the database end it early.
func (s *Store) Each(ctx context.Context, kind string, each func(id string, raw json.RawMessage) error) error {
	var broken []error
	for after, more := int64(0), true; more; {
		page, err := s.page(ctx, kind, after)
		if err != nil {
			return errors.Join(append(broken, fmt.Errorf("listing every %s: %w", kind, err))...)
		}
		for _, r := range page {
			after = r.created
			if err := r.visit(each); err != nil {
				broken = append(broken, err)
			}
		}
		more = len(page) == pageSize
	}
	return joined(broken)
}

func (r record) visit(each func(id string, raw json.RawMessage) error) error {
	var raw json.RawMessage
	if err := r.decode(&raw); err != nil {
		return err
	}
	if err := each(r.id, raw); err != nil {
		return fmt.Errorf("%s %s: %w", r.kind, r.id, err)
	}
	return nil
}

// joined returns one error as it is, so that its kind and hint stay, and joins more.
func joined(broken []error) error {
	if len(broken) == 1 {
		return broken[0]
	}
	return errors.Join(broken...)
}

func (s *Store) page(ctx context.Context, kind string, after int64) (page []record, err error) {
	rows, err := s.db.QueryContext(ctx, s.dialect.sql(
		`SELECT id, created, version, body FROM understudy_records WHERE kind = $1 AND created > $2 ORDER BY created LIMIT $3`), kind, after, pageSize)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		r := record{kind: kind}
		if err := rows.Scan(&r.id, &r.created, &r.version, &r.body); err != nil {
			return nil, err
		}
		page = append(page, r)
	}
	return page, rows.Err()
}

// All returns every record of a kind in the order of their creation. When some cannot
// be read it returns the others along with an error that names those.
func All[T any](ctx context.Context, s *Store, kind string) ([]T, error) {
	var all []T
	err := s.Each(ctx, kind, func(id string, raw json.RawMessage) error {
		var one T
		if err := json.Unmarshal(raw, &one); err != nil {
			return understudy.Errorf(understudy.KindInternal, "cannot be read from the store: %w", err)
		}
		all = append(all, one)
		return nil
	})
	return all, err
}

// Update changes a record in one step and returns it as it stands then. Change is
// called with what is there; when another writer was faster it is called again with
// what that one wrote, so it does nothing but change its argument. An error of change
// is returned as it is and nothing is written. KindNotFound when there is no record.
func Update[T any](ctx context.Context, s *Store, kind, id string, change func(*T) error) (T, error) {
	for {
		var value, none T
		before, err := s.read(ctx, kind, id)
		if err == nil {
			err = before.decode(&value)
		}
		if err == nil {
			err = change(&value)
		}
		if err != nil {
			return none, err
		}
		swapped, err := s.swap(ctx, before, value)
		if err != nil {
			return none, err
		}
		if swapped {
			return value, nil
		}
	}
}

// swap writes a record if it is still the one that was read. One of several that race
// always succeeds, so going round again ends.
func (s *Store) swap(ctx context.Context, before record, value any) (bool, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return false, fmt.Errorf("changing %s %s: %w", before.kind, before.id, err)
	}
	touched, err := s.exec(ctx, `UPDATE understudy_records SET body = $1, version = version + 1
		WHERE kind = $2 AND id = $3 AND created = $4 AND version = $5`, string(body), before.kind, before.id, before.created, before.version)
	if err != nil {
		return false, fmt.Errorf("changing %s %s: %w", before.kind, before.id, err)
	}
	return touched == 1, nil
}
