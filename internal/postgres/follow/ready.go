package follow

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// lack is one thing that production does not have yet, with what gives it.
type lack struct{ what, remedy string }

// checkReady names everything that production lacks to be followed, each with the
// statement that gives it. Nothing is changed.
func checkReady(ctx context.Context, conn *pgx.Conn, spec Spec) error {
	facts, err := readServer(ctx, conn)
	if err != nil {
		return err
	}
	lacks := facts.lacks()
	for _, look := range []func(context.Context, *pgx.Conn, Spec) ([]lack, error){lackingIdentity, lackingPublication, lackingSilence} {
		found, err := look(ctx, conn, spec)
		if err != nil {
			return err
		}
		lacks = append(lacks, found...)
	}
	if len(lacks) == 0 {
		facts.advise(spec)
		return noteLeftOut(ctx, conn, spec)
	}
	var what, remedies []string
	for _, l := range lacks {
		what, remedies = append(what, l.what), append(remedies, l.remedy)
	}
	return understudy.Errorf(understudy.KindRefused, "database %s cannot be followed: %s", facts.database, strings.Join(what, "; ")).
		WithHint("on production: %s", strings.Join(remedies, " "))
}

// server is what decides whether a server can be followed at all.
type server struct {
	database, user, walLevel string
	recovering, replication  bool
	slots, senders           int // free
	keep                     string
}

func readServer(ctx context.Context, conn *pgx.Conn) (server, error) {
	var s server
	err := conn.QueryRow(ctx, `
		SELECT current_database()::text, current_user::text, current_setting('wal_level'), pg_is_in_recovery(),
			r.rolreplication OR r.rolsuper OR EXISTS (SELECT FROM pg_roles m WHERE m.rolname = 'rds_replication' AND pg_has_role(m.oid, 'MEMBER')),
			current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots WHERE slot_name NOT LIKE 'understudy\_%')::int,
			current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_replication)::int,
			COALESCE(current_setting('max_slot_wal_keep_size', true), '-1')
		FROM pg_roles r WHERE r.rolname = current_user`).
		Scan(&s.database, &s.user, &s.walLevel, &s.recovering, &s.replication, &s.slots, &s.senders, &s.keep)
	if err != nil {
		return s, postgres.ReadError("asking production whether it can be followed", err)
	}
	return s, nil
}

func (s server) lacks() []lack {
	var all []lack
	if s.recovering {
		all = append(all, lack{"it is a standby, and only the primary's log can be followed", "give the primary's address as the one to follow;"})
	}
	if s.walLevel != "logical" {
		all = append(all, lack{"wal_level is " + s.walLevel + ", and has to be logical", "ALTER SYSTEM SET wal_level = 'logical'; and restart the server;"})
	}
	if !s.replication {
		all = append(all, lack{"role " + s.user + " may not replicate", "ALTER ROLE " + postgres.PlainName(s.user) + " REPLICATION;"})
	}
	if s.slots < 1 {
		all = append(all, lack{"all replication slots are taken", "raise max_replication_slots by 1 and restart the server, or drop a slot that nobody uses;"})
	}
	if s.senders < 1 {
		all = append(all, lack{"all replication connections are taken", "raise max_wal_senders by 1 and restart the server;"})
	}
	return all
}

// advise tells what would keep production's disk safe while no follower runs.
func (s server) advise(spec Spec) {
	if s.keep == "-1" {
		spec.Notice(fmt.Sprintf("production keeps its log for slot %s without a limit while no follower runs: ALTER SYSTEM SET max_slot_wal_keep_size = '%dMB'; SELECT pg_reload_conf() there bounds it",
			spec.slot(), spec.MaxRetained>>20))
	}
}

// noteLeftOut tells what of production the stream does not hold, or holds at a price.
func noteLeftOut(ctx context.Context, conn *pgx.Conn, spec Spec) error {
	sentences, err := list(ctx, conn, "looking for what is not in the stream", `
		SELECT format(CASE c.relkind WHEN 'm' THEN 'materialized view %I.%I stays as it was copied: it is not in the stream'
			ELSE 'unlogged table %I.%I stays as it was copied: it is not in the stream' END, n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE (c.relkind = 'm' OR c.relkind = 'r' AND c.relpersistence = 'u') AND `+postgres.OfUser+`
		UNION ALL SELECT 'large objects stay as they were copied: they are not in the stream' FROM pg_largeobject_metadata HAVING count(*) > 0
		UNION ALL SELECT format('%I.%I has no key: each changed row is searched for through the whole table in the twin', n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE `+followed+` AND c.relreplident = 'f' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique) ORDER BY 1`)
	if err != nil {
		return err
	}
	for _, sentence := range sentences {
		spec.Notice(sentence)
	}
	return nil
}

// followed are the tables whose rows are in the stream: ordinary ones and partitions.
const followed = `c.relkind = 'r' AND c.relpersistence = 'p' AND ` + postgres.OfUser

func followedQuery(columns, condition string) string {
	return `SELECT ` + columns + ` FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ` + followed +
		` AND ` + postgres.NotOfExtension("pg_class", "c.oid") + ` AND ` + condition + ` ORDER BY 1`
}

func list(ctx context.Context, conn *pgx.Conn, doing, query string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	return found, nil
}

// noIdentity holds for tables whose rows cannot be told apart in the stream. Once such a
// table is published, production itself refuses to update and delete its rows.
const noIdentity = `(c.relreplident = 'n' OR c.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
	OR c.relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident))`

// unpublishedTable holds for tables that publication $1 does not have.
const unpublishedTable = `NOT EXISTS (SELECT FROM pg_publication_tables p WHERE p.pubname = $1 AND p.schemaname = n.nspname AND p.tablename = c.relname)`

func lackingIdentity(ctx context.Context, conn *pgx.Conn, spec Spec) ([]lack, error) {
	const doing = "looking for tables whose rows cannot be told apart"
	names, err := list(ctx, conn, doing, followedQuery(`format('%I.%I', n.nspname, c.relname)`, noIdentity+` AND `+unpublishedTable), spec.Publication)
	if err != nil {
		return nil, err
	}
	var lacks []lack
	for _, name := range names {
		lacks = append(lacks, lack{
			"the rows of " + name + " cannot be told apart, so that production would refuse to change them once they are published",
			"ALTER TABLE " + name + " REPLICA IDENTITY FULL;",
		})
	}
	return lacks, nil
}

func lackingPublication(ctx context.Context, conn *pgx.Conn, spec Spec) ([]lack, error) {
	const doing = "looking at publication"
	if spec.Publish {
		return nil, nil // made anew
	}
	name := postgres.PlainName(spec.Publication)
	tables, err := list(ctx, conn, doing, followedQuery(`format('%I.%I', n.nspname, c.relname)`, `true`))
	if err != nil {
		return nil, err
	}
	var whole bool
	err = conn.QueryRow(ctx, `SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate FROM pg_publication WHERE pubname = $1`, spec.Publication).Scan(&whole)
	switch {
	case err == pgx.ErrNoRows && len(tables) == 0:
		return []lack{{"there is no publication " + name, "CREATE PUBLICATION " + name + ";"}}, nil
	case err == pgx.ErrNoRows:
		return []lack{{"there is no publication " + name, "CREATE PUBLICATION " + name + " FOR TABLE ONLY " + strings.Join(tables, ", ONLY ") + ";"}}, nil
	case err != nil:
		return nil, postgres.ReadError(doing, err)
	case !whole:
		return []lack{{"publication " + name + " leaves kinds of changes out", "ALTER PUBLICATION " + name + " SET (publish = 'insert, update, delete, truncate');"}}, nil
	}
	return lackingTables(ctx, conn, spec.Publication)
}

// lackingTables finds what a publication leaves out: tables, rows, columns.
func lackingTables(ctx context.Context, conn *pgx.Conn, publication string) ([]lack, error) {
	const doing = "looking which tables are published"
	name := postgres.PlainName(publication)
	missing, err := list(ctx, conn, doing, followedQuery(`format('%I.%I', n.nspname, c.relname)`, `NOT EXISTS (
		SELECT FROM pg_publication_tables p WHERE p.pubname = $1 AND format('%I.%I', p.schemaname, p.tablename)::regclass
			IN (SELECT c.oid UNION ALL SELECT relid FROM pg_partition_ancestors(c.oid)))`), publication)
	if err != nil {
		return nil, err
	}
	var lacks []lack
	for _, table := range missing {
		lacks = append(lacks, lack{"table " + table + " is not in publication " + name, "ALTER PUBLICATION " + name + " ADD TABLE ONLY " + table + ";"})
	}
	partial, err := list(ctx, conn, doing, `
		SELECT format('%s', r.prrelid::regclass) FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
		WHERE p.pubname = $1 AND (to_jsonb(r) ->> 'prqual' IS NOT NULL OR to_jsonb(r) ->> 'prattrs' IS NOT NULL) ORDER BY 1`, publication)
	if err != nil {
		return nil, err
	}
	for _, table := range partial {
		lacks = append(lacks, lack{
			"publication " + name + " leaves rows or columns of " + table + " out",
			"ALTER PUBLICATION " + name + " DROP TABLE " + table + "; ALTER PUBLICATION " + name + " ADD TABLE ONLY " + table + ";",
		})
	}
	return lacks, nil
}

// lackingSilence finds triggers and rules that fire even where changes are replicated:
// production's stream holds what they did already.
func lackingSilence(ctx context.Context, conn *pgx.Conn, _ Spec) ([]lack, error) {
	const doing = "looking for triggers that fire always"
	var lacks []lack
	rows, err := conn.Query(ctx, `
		SELECT 'TRIGGER', quote_ident(g.tgname), format('%I.%I', n.nspname, c.relname)
		FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE NOT g.tgisinternal AND g.tgenabled IN ('A', 'R') AND `+postgres.OfUser+`
		UNION ALL SELECT 'RULE', quote_ident(r.rulename), format('%I.%I', n.nspname, c.relname)
		FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE r.ev_type <> '1' AND r.ev_enabled IN ('A', 'R') AND c.relkind IN ('r', 'p') AND `+postgres.OfUser+` ORDER BY 3, 2`)
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	var kind, name, table string
	_, err = pgx.ForEachRow(rows, []any{&kind, &name, &table}, func() error {
		lacks = append(lacks, lack{
			fmt.Sprintf("%s %s of %s fires on replicated rows too, so that the twin would have its effects twice", strings.ToLower(kind), name, table),
			fmt.Sprintf("ALTER TABLE %s ENABLE %s %s;", table, kind, name),
		})
		return nil
	})
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	return lacks, nil
}
