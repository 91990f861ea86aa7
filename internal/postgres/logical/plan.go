package logical

import (
	"context"
	"fmt"
	"strings"

	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// serverFacts are what has to fit between the two ends.
type serverFacts struct {
	database, version, encoding, collate string
	major                                int
	superuser, recovering                bool
	user                                 string
}

const serverFactsQuery = `
	SELECT d.datname, current_setting('server_version'), pg_encoding_to_char(d.encoding), d.datcollate::text,
		current_setting('server_version_num')::int / 10000, current_setting('is_superuser') = 'on', pg_is_in_recovery(), current_user::text
	FROM pg_database d WHERE d.datname = current_database()`

func readServerFacts(row pgx.Row) (serverFacts, error) {
	var s serverFacts
	err := row.Scan(&s.database, &s.version, &s.encoding, &s.collate, &s.major, &s.superuser, &s.recovering, &s.user)
	s.version, _, _ = strings.Cut(s.version, " ")
	return s, err
}

// checkEnds refuses a pair of ends, or tools, that could not make a true copy.
func (c *copying) checkEnds(ctx context.Context) error {
	if _, err := postgres.MajorOf(ctx, c.moment.Tx); err != nil {
		return err
	}
	var err error
	if c.source, err = readServerFacts(c.moment.Tx.QueryRow(ctx, serverFactsQuery)); err != nil {
		return postgres.ReadError("asking the source what it is", err)
	}
	if c.into, err = readServerFacts(c.target.QueryRow(ctx, serverFactsQuery)); err != nil {
		return postgres.ReadError("asking the target what it is", err)
	}
	tools, err := postgres.ToolsMajor(ctx, c.spec.Bin)
	if err != nil {
		return err
	}
	switch {
	case !c.into.superuser:
		return understudy.Errorf(understudy.KindInvalid, "role %s on the target is no superuser; only one can restore ownership and grants", c.into.user).
			WithHint("connect to the target as a superuser, or let a private server be made: a folder in place of the address")
	case c.into.major < c.source.major:
		return understudy.Errorf(understudy.KindUnavailable, "the source is PostgreSQL %d and the target PostgreSQL %d: a copy never goes to an older version",
			c.source.major, c.into.major).WithHint("install PostgreSQL %d on this machine for the twin", c.source.major)
	case tools < c.source.major || tools > c.into.major:
		return understudy.Errorf(understudy.KindUnavailable, "pg_dump in %s is version %d; the source is PostgreSQL %d and the target PostgreSQL %d, so it has to be from %d to %d",
			c.spec.Bin, tools, c.source.major, c.into.major, c.source.major, c.into.major).WithHint("install PostgreSQL %d's client programs", c.source.major)
	case c.into.encoding != c.source.encoding:
		return understudy.Errorf(understudy.KindInvalid, "the source's encoding is %s and the target's %s", c.source.encoding, c.into.encoding).
			WithHint("create the target with ENCODING '%s' TEMPLATE template0", c.source.encoding)
	}
	if c.into.collate != c.source.collate {
		c.spec.Notice(fmt.Sprintf("texts sort as %s in production and as %s in the twin", c.source.collate, c.into.collate))
	}
	return c.checkEmpty(ctx)
}

func (c *copying) checkEmpty(ctx context.Context) error {
	var found int
	if err := c.target.QueryRow(ctx, `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE `+postgres.OfUser).Scan(&found); err != nil {
		return postgres.ReadError("looking whether the target is empty", err)
	}
	if found > 0 {
		return understudy.Errorf(understudy.KindConflict, "target database %s is not empty: it holds %d tables, indexes or sequences", c.into.database, found).
			WithHint("copy into a database that was just created")
	}
	return nil
}

// checkRights names every right that the copy lacks, each with the statement that gives it.
func (c *copying) checkRights(ctx context.Context) error {
	rows, err := c.moment.Tx.Query(ctx, `
		SELECT DISTINCT what, remedy FROM (
			SELECT n.nspname AS s, c.relname AS t, format('read %I.%I', n.nspname, c.relname) AS what,
				format('GRANT SELECT ON %s %I.%I TO %I', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname, current_user) AS remedy
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND `+postgres.OfUser+` AND `+postgres.NotOfExtension("pg_class", "c.oid")+`
			AND NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT') ELSE has_table_privilege(c.oid, 'SELECT') END
			UNION ALL
			SELECT n.nspname, '', format('look into schema %I', n.nspname), format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, current_user)
			FROM pg_namespace n WHERE `+postgres.OfUser+` AND `+postgres.NotOfExtension("pg_namespace", "n.oid")+`
			AND NOT has_schema_privilege(n.oid, 'USAGE') AND EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid)
			UNION ALL
			SELECT n.nspname, c.relname, format('see all rows of %I.%I, as row security hides some', n.nspname, c.relname),
				format('ALTER ROLE %I BYPASSRLS', current_user)
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND row_security_active(c.oid)) lacking
		ORDER BY 1`)
	if err != nil {
		return postgres.ReadError("checking the rights on the source", err)
	}
	var lacks, remedies []string
	var what, remedy string
	if _, err := pgx.ForEachRow(rows, []any{&what, &remedy}, func() error {
		lacks = append(lacks, what)
		remedies = append(remedies, remedy+";")
		return nil
	}); err != nil {
		return postgres.ReadError("checking the rights on the source", err)
	}
	if len(lacks) == 0 {
		return nil
	}
	return understudy.Errorf(understudy.KindRefused, "nothing was copied: role %s may not %s", c.source.user, strings.Join(lacks, ", nor ")).
		WithHint("on the source, as a superuser or the owner: %s", strings.Join(distinct(remedies), " "))
}

func distinct(list []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// noteLeftOut tells what of production the twin will not have.
func (c *copying) noteLeftOut(ctx context.Context) error {
	rows, err := c.moment.Tx.Query(ctx, `
		SELECT format('foreign table %I.%I is in the twin without its rows: they are in another database', n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'f' AND `+postgres.OfUser+`
		UNION ALL SELECT format('%s user mappings are not in the twin: they hold credentials for other databases', count(*)) FROM pg_user_mappings HAVING count(*) > 0
		UNION ALL SELECT format('unlogged table %I.%I is in the twin without its rows: a standby does not have them', n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relpersistence = 'u' AND pg_is_in_recovery() AND `+postgres.OfUser+`
		UNION ALL SELECT format('rows of tables that belong to extension %I are as the extension makes them', x.extname)
		FROM pg_extension x WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = ANY (x.extconfig) AND c.relkind = 'r')
		UNION ALL SELECT 'subscriptions are not in the twin: it must not follow another server' FROM pg_subscription s
			WHERE s.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) HAVING count(*) > 0
		UNION ALL SELECT format('%s security labels are not in the twin: their provider is not loaded there', count(*)) FROM pg_seclabels HAVING count(*) > 0
		UNION ALL SELECT format('%s tables and indexes stand in tablespaces of their own in production, and in the default one in the twin', count(*))
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.reltablespace <> 0 AND `+postgres.OfUser+` HAVING count(*) > 0
		ORDER BY 1`)
	if err != nil {
		return postgres.ReadError("looking for what cannot be copied", err)
	}
	notices, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return postgres.ReadError("looking for what cannot be copied", err)
	}
	for _, notice := range notices {
		c.spec.Notice(notice)
	}
	return nil
}
