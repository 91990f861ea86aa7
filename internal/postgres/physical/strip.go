package physical

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// strip takes out of the cluster all that is not the database asked for, and of that what
// leads out of it. No mask is asked about these, so nothing of them may stay.
func (c *copying) strip(ctx context.Context) error {
	if err := c.findDatabase(ctx); err != nil {
		return err
	}
	if err := c.freeDatabases(ctx); err != nil {
		return err
	}
	return c.within(ctx, c.spec.Database, func(conn *pgx.Conn) error {
		for _, step := range []func(context.Context, *pgx.Conn) error{
			c.dropDatabases, c.checkCollations, c.checkLargeObjects, c.dropWaysOut, c.noteJobs, emptyCatalogs,
		} {
			if err := step(ctx, conn); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *copying) findDatabase(ctx context.Context) error {
	return c.within(ctx, "template1", func(conn *pgx.Conn) error {
		var there bool
		err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1), split_part(current_setting('server_version'), ' ', 1)`,
			c.spec.Database).Scan(&there, &c.version)
		if err != nil {
			return postgres.ReadError("looking for the database in the copy", err)
		}
		if !there {
			return understudy.Errorf(understudy.KindNotFound, "the cluster that was copied has no database %s", c.spec.Database)
		}
		return nil
	})
}

// freeDatabases ends, in each database that has some, prepared transactions and
// subscriptions: they would keep it from being dropped, and must not come to life. A
// subscription is dropped without a word to its publisher.
func (c *copying) freeDatabases(ctx context.Context) error {
	var held []string
	err := c.within(ctx, "template1", func(conn *pgx.Conn) (err error) {
		if err = runs(ctx, conn, "opening the databases of the copy", `UPDATE pg_database SET datallowconn = true WHERE datname <> 'template0'`); err != nil {
			return err
		}
		held, err = texts(ctx, conn, "looking for prepared transactions and subscriptions in the copy", `
			SELECT database::text FROM pg_prepared_xacts UNION SELECT d.datname::text FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid`)
		return err
	})
	if err != nil {
		return err
	}
	for _, database := range held {
		if err := c.within(ctx, database, func(conn *pgx.Conn) error { return freeDatabase(ctx, conn) }); err != nil {
			return err
		}
	}
	return nil
}

func freeDatabase(ctx context.Context, conn *pgx.Conn) error {
	const doing = "ending prepared transactions and subscriptions in the copy"
	statements, err := texts(ctx, conn, doing, `
		SELECT format('ROLLBACK PREPARED %L', gid) FROM pg_prepared_xacts WHERE database = current_database()
		UNION ALL SELECT unnest(ARRAY[format('ALTER SUBSCRIPTION %I DISABLE', subname), format('ALTER SUBSCRIPTION %I SET (slot_name = NONE)', subname),
			format('DROP SUBSCRIPTION %I', subname)]) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()`)
	if err != nil {
		return err
	}
	return runs(ctx, conn, doing, statements...)
}

// dropDatabases drops every other database. The two that a cluster is used to have are
// made again from the server's own pattern.
func (c *copying) dropDatabases(ctx context.Context, conn *pgx.Conn) error {
	const doing = "dropping the other databases of production from the copy"
	others, err := texts(ctx, conn, doing, `SELECT datname::text FROM pg_database WHERE datname NOT IN ('template0', $1)`, c.spec.Database)
	if err != nil {
		return err
	}
	if err := runs(ctx, conn, doing, `UPDATE pg_database SET datistemplate = false WHERE datname NOT IN ('template0', current_database())`); err != nil {
		return err
	}
	for _, other := range others {
		if err := runs(ctx, conn, doing, "DROP DATABASE "+pgx.Identifier{other}.Sanitize()); err != nil {
			return err
		}
		if !slices.Contains([]string{"postgres", "template1"}, other) {
			c.spec.Notice("database " + other + " of production's cluster is not in the twin")
		}
	}
	if err := runs(ctx, conn, "making a pattern for databases in the copy", `CREATE DATABASE template1 TEMPLATE template0 IS_TEMPLATE true`); err != nil {
		return err
	}
	if c.spec.Database == "postgres" {
		return nil
	}
	return runs(ctx, conn, "making the superuser's database in the copy", `CREATE DATABASE postgres TEMPLATE template0`)
}

// checkCollations refuses texts that this machine sorts otherwise than production does: every
// index on them would be wrong.
func (c *copying) checkCollations(ctx context.Context, conn *pgx.Conn) error {
	if c.from.Major < 15 {
		return nil // versions of a database's own order are not known before
	}
	var differs bool
	err := conn.QueryRow(ctx, `SELECT COALESCE(d.datcollversion <> pg_database_collation_actual_version(d.oid), false) OR EXISTS (
			SELECT FROM pg_collation k WHERE k.collversion <> pg_collation_actual_version(k.oid)
			AND EXISTS (SELECT FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid AND r.relkind = 'i' WHERE a.attcollation = k.oid AND r.oid >= 16384))
		FROM pg_database d WHERE d.datname = current_database()`).Scan(&differs)
	if err != nil {
		return postgres.ReadError("comparing how production and this machine sort texts", err)
	}
	if differs {
		return understudy.Errorf(understudy.KindUnavailable, "this machine's libraries sort texts otherwise than production's: the indexes of a copy by files would be wrong").
			WithHint("use the same version of the system as production, or copy by rows: --method logical")
	}
	return nil
}

// checkLargeObjects refuses what no rule can decide about: bytes without a column.
func (c *copying) checkLargeObjects(ctx context.Context, conn *pgx.Conn) error {
	var found int64
	if err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_largeobject_metadata`).Scan(&found); err != nil {
		return postgres.ReadError("counting large objects", err)
	}
	if found > 0 {
		return understudy.Errorf(understudy.KindRefused, "nothing was copied: database %s holds large objects (%d), which are not masked in files",
			c.spec.Database, found).WithHint("copy by rows (method: logical) with a rule for pg_catalog.pg_largeobject.data, move them into a bytea column, or remove the ones nothing refers to with vacuumlo")
	}
	return nil
}

// dropWaysOut takes away credentials, and what follows other servers.
func (c *copying) dropWaysOut(ctx context.Context, conn *pgx.Conn) error {
	const doing = "taking credentials out of the copy"
	drops, err := texts(ctx, conn, doing, `
		SELECT format('DROP USER MAPPING FOR %s SERVER %I', CASE umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(usename) END, srvname) FROM pg_user_mappings`)
	if err != nil {
		return err
	}
	if len(drops) > 0 {
		c.spec.Notice("user mappings are not in the twin: they hold credentials for other databases")
	}
	drops = append(drops, `UPDATE pg_authid SET rolpassword = NULL, rolvaliduntil = NULL WHERE rolpassword IS NOT NULL`,
		`SELECT pg_replication_origin_drop(roname) FROM pg_replication_origin`)
	return runs(ctx, conn, doing, drops...)
}

// noteJobs tells of jobs that would run by themselves if the twin's server loaded their extension.
func (c *copying) noteJobs(ctx context.Context, conn *pgx.Conn) error {
	found, err := texts(ctx, conn, "looking for what runs by itself in the copy", `SELECT extname::text FROM pg_extension WHERE extname IN ('pg_cron', 'pg_partman', 'pgagent', 'timescaledb') ORDER BY 1`)
	if err != nil {
		return err
	}
	for _, name := range found {
		c.spec.Notice("extension " + name + " came along with its jobs; they run when the twin's server loads it")
	}
	return nil
}

// emptyCatalogs writes anew the tables of the server's own that held secrets, so that what
// was deleted from them is gone.
func emptyCatalogs(ctx context.Context, conn *pgx.Conn) error {
	for _, name := range []string{"pg_authid", "pg_subscription", "pg_user_mapping", "pg_replication_origin", "pg_db_role_setting", "pg_largeobject"} {
		if err := runs(ctx, conn, "writing catalog "+name+" of the copy anew", "VACUUM FULL pg_catalog."+name); err != nil {
			return err
		}
	}
	return nil
}
