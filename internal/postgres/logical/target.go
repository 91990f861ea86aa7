package logical

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres"
)

// openTarget connects to the target, which is nobody else's yet: settings hold for the
// session, values are read as the source wrote them, and the server's log is told no row.
func openTarget(ctx context.Context, url string) (*pgx.Conn, error) {
	conn, err := postgres.OpenReader(ctx, url, "understudy copy")
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, `
		SELECT set_config(s.name, v.value, false)
		FROM (VALUES ('search_path', ''), ('client_encoding', 'UTF8'), ('datestyle', 'ISO, MDY'), ('intervalstyle', 'postgres'),
			('timezone', 'UTC'), ('lc_monetary', 'C'), ('xmloption', 'content'), ('check_function_bodies', 'off'),
			('statement_timeout', '0'), ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'),
			('default_transaction_read_only', 'off'), ('client_min_messages', 'warning')) v(name, value)
		JOIN (SELECT name FROM pg_catalog.pg_settings) s ON lower(s.name) = v.name`)
	if err == nil { // a superuser's to set; who is none is told so by checkEnds
		_, err = conn.Exec(ctx, `SELECT set_config('log_error_verbosity', 'terse', false) WHERE current_setting('is_superuser') = 'on'`)
	}
	if err != nil {
		postgres.CloseConn(ctx, conn)
		return nil, postgres.ReadError("preparing the session on the target", err)
	}
	return conn, nil
}

// openRows is a session on the target that rows are written with: of a database that does
// not know the encoding of its texts they come, and go, as they are.
func (c *copying) openRows(ctx context.Context) (*pgx.Conn, error) {
	conn, err := openTarget(ctx, c.spec.Target)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SET client_encoding = '"+c.clientEncoding()+"'"); err != nil {
		postgres.CloseConn(ctx, conn)
		return nil, postgres.ReadError("preparing the session on the target", err)
	}
	return conn, nil
}

// clientEncoding is what texts are in on their way.
func (c *copying) clientEncoding() string {
	if c.source.encoding == "SQL_ASCII" {
		return "SQL_ASCII"
	}
	return "UTF8"
}

// prepareDatabase gives the target database its owner, its grants and the schemas it
// starts with, as in production: who owns the database may create in its public schema.
func (c *copying) prepareDatabase(ctx context.Context) error {
	var owner string
	var public bool
	if err := c.moment.Tx.QueryRow(ctx, `SELECT pg_get_userbyid(datdba), EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public')
		FROM pg_database WHERE datname = current_database()`).Scan(&owner, &public); err != nil {
		return postgres.ReadError("reading who owns the database", err)
	}
	database := pgx.Identifier{c.into.database}.Sanitize()
	statements := []string{
		fmt.Sprintf("ALTER DATABASE %s OWNER TO %s", database, pgx.Identifier{owner}.Sanitize()),
		fmt.Sprintf("REVOKE ALL ON DATABASE %s FROM PUBLIC", database),
	}
	if !public {
		statements = append(statements, "DROP SCHEMA IF EXISTS public")
	}
	rows, err := c.moment.Tx.Query(ctx, `
		SELECT g.privilege_type, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END, g.is_grantable
		FROM pg_database d, LATERAL aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) g
		WHERE d.datname = current_database() ORDER BY g.grantor <> d.datdba, 2, 1`)
	if err != nil {
		return postgres.ReadError("reading the grants on the database", err)
	}
	var right, grantee string
	var grantable bool
	if _, err := pgx.ForEachRow(rows, []any{&right, &grantee, &grantable}, func() error {
		statements = append(statements, fmt.Sprintf("GRANT %s ON DATABASE %s TO %s%s", right, database, grantee, when(grantable, " WITH GRANT OPTION")))
		return nil
	}); err != nil {
		return postgres.ReadError("reading the grants on the database", err)
	}
	return c.onTarget(ctx, "giving the target database its owner and grants", statements...)
}

func when(holds bool, text string) string {
	if holds {
		return text
	}
	return ""
}

// onTarget runs statements on the target, one by one.
func (c *copying) onTarget(ctx context.Context, doing string, statements ...string) error {
	for _, statement := range statements {
		if _, err := c.target.Exec(ctx, statement); err != nil {
			return postgres.ReadError(doing, err)
		}
	}
	return nil
}

// sequenceValue is where a sequence stands.
type sequenceValue struct {
	name   string // quoted
	last   int64
	called bool
}

// readSequences reads where the sequences stand. They are not part of a snapshot: what
// is read after it was taken is never behind the rows in it.
func (c *copying) readSequences(ctx context.Context) error {
	rows, err := c.moment.Tx.Query(ctx, `
		SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND `+postgres.OfUser+` AND `+postgres.NotOfExtension("pg_class", "c.oid")+` ORDER BY 1`)
	if err != nil {
		return postgres.ReadError("listing the sequences", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return postgres.ReadError("listing the sequences", err)
	}
	var batch pgx.Batch
	c.sequences = make([]sequenceValue, len(names))
	for i, name := range names {
		s := &c.sequences[i]
		s.name = name
		batch.Queue("SELECT last_value, is_called FROM " + name).QueryRow(func(row pgx.Row) error { return row.Scan(&s.last, &s.called) })
	}
	if err := c.moment.Tx.SendBatch(ctx, &batch).Close(); err != nil {
		return postgres.ReadError("reading where the sequences stand", err)
	}
	return nil
}

func (c *copying) setSequences(ctx context.Context) error {
	var batch pgx.Batch
	for _, s := range c.sequences {
		batch.Queue("SELECT setval($1::text::regclass, $2, $3)", s.name, s.last, s.called)
	}
	if err := c.target.SendBatch(ctx, &batch).Close(); err != nil {
		return postgres.ReadError("setting the sequences", err)
	}
	return nil
}

// dropUserMappings takes away what leads from the twin into other databases, with
// production's credentials for them.
func (c *copying) dropUserMappings(ctx context.Context) error {
	rows, err := c.target.Query(ctx, `
		SELECT format('DROP USER MAPPING FOR %s SERVER %I', CASE umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(usename) END, srvname) FROM pg_user_mappings`)
	if err != nil {
		return postgres.ReadError("looking for user mappings in the target", err)
	}
	drops, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return postgres.ReadError("looking for user mappings in the target", err)
	}
	return c.onTarget(ctx, "dropping user mappings in the target", drops...)
}
