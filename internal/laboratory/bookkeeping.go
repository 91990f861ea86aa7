package laboratory

import (
	"slices"
	"strings"
)

// keeper is a migration tool with the tables in which it keeps what has run, by their default
// names: they say when a migration ran, and so differ after each run without anything being lost.
type keeper struct {
	tool   string
	schema string // that they are in; empty: any
	tables []string
}

// keepers are the tools that teams use. A name that an application may well have for a table of
// its own, as events, stands only with the schema that the tool makes for itself.
func keepers() []keeper {
	return []keeper{
		{tool: "Alembic", tables: []string{"alembic_version"}},
		{tool: "Atlas", tables: []string{"atlas_schema_revisions"}},
		{tool: "Bun", tables: []string{"bun_migrations", "bun_migration_locks"}},
		{tool: "Diesel", tables: []string{"__diesel_schema_migrations"}},
		{tool: "Django", tables: []string{"django_migrations"}},
		{tool: "Doctrine", tables: []string{"doctrine_migration_versions", "migration_versions"}},
		{tool: "Drizzle", tables: []string{"__drizzle_migrations"}},
		{tool: "Entity Framework", tables: []string{"__EFMigrationsHistory", "__EFMigrationsLock", "__MigrationHistory"}},
		{tool: "Flyway", tables: []string{"flyway_schema_history", "schema_version"}},
		{tool: "golang-migrate, dbmate, Ecto, Rails", tables: []string{"schema_migrations", "ar_internal_metadata"}},
		{tool: "goose", tables: []string{"goose_db_version"}},
		{tool: "Graphile Migrate", schema: "graphile_migrate", tables: []string{"migrations", "current"}},
		{tool: "Hasura", schema: "hdb_catalog", tables: []string{"schema_migrations", "migration_settings", "hdb_version"}},
		{tool: "Knex", tables: []string{"knex_migrations", "knex_migrations_lock"}},
		{tool: "Kysely", tables: []string{"kysely_migration", "kysely_migration_lock"}},
		{tool: "Laravel, TypeORM", tables: []string{"migrations"}},
		{tool: "Liquibase", tables: []string{"databasechangelog", "databasechangeloglock"}},
		{tool: "MikroORM", tables: []string{"mikro_orm_migrations"}},
		{tool: "node-pg-migrate", tables: []string{"pgmigrations"}},
		{tool: "Phinx", tables: []string{"phinxlog"}},
		{tool: "Play", tables: []string{"play_evolutions", "play_evolutions_lock"}},
		{tool: "Prisma", tables: []string{"_prisma_migrations"}},
		{tool: "refinery", tables: []string{"refinery_schema_history"}},
		{tool: "SeaORM", tables: []string{"seaql_migrations"}},
		{tool: "Sequelize", tables: []string{"SequelizeMeta"}},
		{tool: "sql-migrate", tables: []string{"gorp_migrations"}},
		{tool: "sqitch", schema: "sqitch", tables: []string{"changes", "dependencies", "events", "projects", "releases", "tags"}},
		{tool: "sqlx", tables: []string{"_sqlx_migrations"}},
		{tool: "yoyo", tables: []string{"_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock"}},
	}
}

// bookkeeping tells the tables of migration tools, by what an engine calls them. Case is no
// matter: Liquibase writes its in capitals where names are kept as they are.
func bookkeeping(table string) bool {
	at := strings.LastIndex(table, ".")
	name, schema := strings.Trim(table[at+1:], `"`), strings.Trim(table[:max(at, 0)], `"`)
	return slices.ContainsFunc(keepers(), func(k keeper) bool {
		return (k.schema == "" || strings.EqualFold(k.schema, schema)) && slices.ContainsFunc(k.tables, func(known string) bool { return strings.EqualFold(known, name) })
	})
}
