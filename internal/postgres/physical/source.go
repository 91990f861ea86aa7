package physical

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// sourceFacts are what decides whether a source can be copied by its files.
type sourceFacts struct {
	database, user, tablespaces string
	replicates                  bool
	blockSize                   string
	major                       int
}

// checkSource refuses, before anything is copied, what could not be finished.
func (c *copying) checkSource(ctx context.Context, conn *pgx.Conn) error {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return postgres.ReadError("asking the source what it is", err)
	}
	defer postgres.Rollback(ctx, tx)
	var s sourceFacts
	if s.major, err = postgres.MajorOf(ctx, tx); err != nil {
		return err
	}
	err = tx.QueryRow(ctx, `
		SELECT current_database(), current_user::text, r.rolreplication OR r.rolsuper, current_setting('block_size'),
			(SELECT COALESCE(string_agg(spcname, ', ' ORDER BY spcname), '') FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global'))
		FROM pg_roles r WHERE r.rolname = current_user`).Scan(&s.database, &s.user, &s.replicates, &s.blockSize, &s.tablespaces)
	if err != nil {
		return postgres.ReadError("asking the source what it is", err)
	}
	if c.spec.Database == "" {
		c.spec.Database = s.database
	}
	switch {
	case c.spec.Database != s.database:
		return understudy.Errorf(understudy.KindInvalid, "the source's address is of database %s, and the copy is to be of %s", s.database, c.spec.Database)
	case !s.replicates:
		return understudy.Errorf(understudy.KindRefused, "nothing was copied: role %s may not copy the source's files", s.user).
			WithHint("on the source, as a superuser: ALTER ROLE %s REPLICATION;", postgres.PlainName(s.user))
	}
	if err := checkShape(s.blockSize, s.tablespaces); err != nil {
		return err
	}
	if err := c.install(s.major); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "SET LOCAL search_path = ''"); err != nil { // types are named whole, as rules have them
		return postgres.ReadError("reading the columns of the source", err)
	}
	tables, err := postgres.DescribeTables(ctx, tx)
	if err != nil {
		return err
	}
	_, err = askMasks(c.spec.Masks, tables)
	return err
}

// checkShape refuses clusters whose files lie in ways that are not understood.
func checkShape(blockSize, tablespaces string) error {
	const byRows = "copy by rows: --method logical"
	if blockSize != "8192" {
		return understudy.Errorf(understudy.KindUnavailable, "production's pages have %s bytes, and only pages of 8192 bytes can be masked in place", blockSize).
			WithHint(byRows)
	}
	if tablespaces != "" {
		return understudy.Errorf(understudy.KindUnavailable, "production keeps files in tablespaces (%s), which a copy by files would have to put in the same places", tablespaces).
			WithHint(byRows)
	}
	return nil
}

// askMasks asks for the masks of every table, by its name. All that is refused is named.
func askMasks(masks understudy.Masks, tables []*postgres.DescribedTable) (map[string]understudy.TableMasks, error) {
	chosen := map[string]understudy.TableMasks{}
	var refused []string
	var hint string
	for _, t := range tables {
		m, err := masks(t.Name(), t.Columns)
		switch {
		case understudy.KindOf(err) == understudy.KindRefused:
			refused = append(refused, err.Error())
			hint = understudy.HintOf(err)
		case err != nil:
			return nil, err
		}
		chosen[t.Name()] = m
	}
	if len(refused) > 0 {
		return nil, understudy.Errorf(understudy.KindRefused, "%s", strings.Join(refused, "\n")).WithHint("%s", hint)
	}
	return chosen, nil
}
