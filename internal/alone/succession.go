package alone

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
	"understudy/internal/postgres"
)

// succession is a database in the making that takes the place of another one on its server.
//
//	now ──────────────── followed ──── last, and dropped
//	      next: made, loaded, proven ─┴─ now
//
// The two change their names in one transaction. What a killed program left is dropped when
// the next one is prepared.
type succession struct {
	now, next  string // URLs
	name       string // of the database that is followed
	made, last string // names of the one in the making, and of the one whose place was taken
	conn       *pgx.Conn
}

func openSuccession(ctx context.Context, now string) (*succession, error) {
	config, err := pgx.ParseConfig(now)
	if err != nil { // its text may hold the password
		return nil, understudy.Errorf(understudy.KindInvalid, "--to: the address of the database is not well formed")
	}
	mark := crc32.ChecksumIEEE([]byte(config.Database))
	s := &succession{now: now, name: config.Database, made: fmt.Sprintf("understudy_next_%08x", mark), last: fmt.Sprintf("understudy_last_%08x", mark)}
	if s.next, err = inDatabase(now, s.made); err != nil {
		return nil, err
	}
	var refused error
	for _, beside := range []string{"postgres", "template1"} { // no session may be on a database that is renamed
		at, err := inDatabase(now, beside)
		if err != nil {
			return nil, err
		}
		if s.conn, err = postgres.OpenReader(ctx, at, "understudy"); err == nil {
			return s, nil
		}
		refused = errors.Join(refused, err)
	}
	return nil, refused
}

// inDatabase is the address of another database of the same server.
func inDatabase(address, name string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", understudy.Errorf(understudy.KindInvalid, "--to: the address of the database is not well formed")
	}
	u.Path = "/" + name
	query := u.Query()
	for _, also := range []string{"dbname", "database"} {
		query.Del(also)
	}
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return u.String(), nil
}

func (s *succession) close(ctx context.Context) error {
	defer postgres.CloseConn(ctx, s.conn)
	return s.clear(ctx)
}

// clear drops what is in nobody's place.
func (s *succession) clear(ctx context.Context) error {
	for _, name := range []string{s.made, s.last} {
		if _, err := s.conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quoteDatabase(name)); err != nil {
			return postgres.ReadError("dropping database "+name+" of an earlier copy", err)
		}
	}
	return nil
}

// prepare makes the empty database, with the encoding and the order of texts of the one that
// is there.
func (s *succession) prepare(ctx context.Context) error {
	if err := s.clear(ctx); err != nil {
		return err
	}
	const doing = "making a database for the fresh copy"
	var encoding, collate, ctype, provider, locale, tablespace string
	err := s.conn.QueryRow(ctx, `
		SELECT pg_encoding_to_char(d.encoding), d.datcollate::text, d.datctype::text, COALESCE(j ->> 'datlocprovider', 'c'), COALESCE(j ->> 'datlocale', j ->> 'daticulocale', ''), t.spcname::text
		FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace, LATERAL to_jsonb(d) j WHERE d.datname = $1`, s.name).
		Scan(&encoding, &collate, &ctype, &provider, &locale, &tablespace)
	if err != nil {
		return postgres.ReadError(doing, err)
	}
	statement := fmt.Sprintf("CREATE DATABASE %s TEMPLATE template0 ENCODING %s LC_COLLATE %s LC_CTYPE %s TABLESPACE %s", quoteDatabase(s.made),
		postgres.QuoteText(encoding), postgres.QuoteText(collate), postgres.QuoteText(ctype), quoteDatabase(tablespace))
	switch provider {
	case "i":
		statement += " LOCALE_PROVIDER icu ICU_LOCALE " + postgres.QuoteText(locale)
	case "b":
		statement += " LOCALE_PROVIDER builtin BUILTIN_LOCALE " + postgres.QuoteText(locale)
	}
	if _, err := s.conn.Exec(ctx, statement); err != nil {
		return postgres.ReadError(doing, err)
	}
	return nil
}

// succeed gives the new database the name of the old one, once nobody is on that any more.
// Meanwhile it asks now and then whether waiting is still of use.
func (s *succession) succeed(ctx context.Context, tell func(string), still func() error) error {
	const doing = "putting the fresh copy in the place of the last one"
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for waited := 0; ; waited++ {
		err := s.rename(ctx)
		answer := new(pgconn.PgError)
		switch busy := errors.As(err, &answer) && answer.Code == "55006"; {
		case err == nil:
			return nil
		case !busy:
			return postgres.ReadError(doing, err)
		case waited == 0:
			tell("somebody is connected to database " + s.name + ": the fresh copy takes its place when nobody is")
		case waited%25 == 0:
			if err := still(); err != nil && understudy.KindOf(err) != understudy.KindUnavailable {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return understudy.Errorf(understudy.KindUnavailable, "%s: %w", doing, context.Cause(ctx))
		}
	}
}

func (s *succession) rename(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error {
		for _, names := range [][2]string{{s.name, s.last}, {s.made, s.name}} {
			if _, err := tx.Exec(ctx, "ALTER DATABASE "+quoteDatabase(names[0])+" RENAME TO "+quoteDatabase(names[1])); err != nil {
				return err
			}
		}
		return nil
	})
}

func quoteDatabase(name string) string { return pgx.Identifier{name}.Sanitize() }
