package migration

// Recipes lists the ways that do not hurt. Of several with one name the first counts that
// is made for the server's version.
func Recipes() []Recipe {
	var all []Recipe
	for _, part := range [][]Recipe{indexRecipes(), constraintRecipes(), columnRecipes(), partitionRecipes(), rowRecipes(), shortRecipes()} {
		all = append(all, part...)
	}
	return all
}

func indexRecipes() []Recipe {
	return []Recipe{
		{Name: "index", Advice: "build the index with CREATE INDEX CONCURRENTLY, outside a transaction", Steps: []string{
			`CREATE INDEX CONCURRENTLY {indexname} ON {table} ({columns})`}},
		{Name: "index-partitioned", Advice: "make the index of the partitioned table alone first, then build it partition by partition with CREATE INDEX CONCURRENTLY and attach each", Steps: []string{
			`CREATE INDEX {indexname} ON ONLY {table} ({columns})`,
			`CREATE INDEX CONCURRENTLY {partitionindex} ON {partition} ({columns})`,
			`ALTER INDEX {indexname} ATTACH PARTITION {partitionindex}`}},
		{Name: "drop-index", Advice: "drop the index with DROP INDEX CONCURRENTLY, outside a transaction", Steps: []string{
			`DROP INDEX CONCURRENTLY {index}`}},
		{Name: "reindex", Advice: "build it anew with REINDEX … CONCURRENTLY, outside a transaction", From: 12, Steps: []string{
			`REINDEX INDEX CONCURRENTLY {index}`}},
		{Name: "invalid-index", Advice: "drop it and build it again with CREATE INDEX CONCURRENTLY; IF NOT EXISTS keeps the broken one", Steps: []string{
			`DROP INDEX CONCURRENTLY IF EXISTS {index}`,
			`CREATE INDEX CONCURRENTLY {indexname} ON {table} ({columns})`}},
		{Name: "index-first", Advice: "build the replacement first, and drop the old index when it is valid", Steps: []string{
			`CREATE INDEX CONCURRENTLY {newindex} ON {table} ({columns})`,
			`DROP INDEX CONCURRENTLY {index}`}},
		{Name: "unindexed-key", Advice: "build an index on the referencing columns, before the key", Steps: []string{
			`CREATE INDEX CONCURRENTLY {newindex} ON {table} ({keycolumns})`}},
		{Name: "refresh", Advice: "refresh it CONCURRENTLY, for which it needs a unique index over plain columns; readers go on", Steps: []string{
			`CREATE UNIQUE INDEX CONCURRENTLY {newindex} ON {table} ({columns})`,
			`REFRESH MATERIALIZED VIEW CONCURRENTLY {table}`}},
		{Name: "analyze", Advice: "end the migration with ANALYZE of that table", Steps: []string{`ANALYZE {table}`}},
	}
}

func constraintRecipes() []Recipe {
	return []Recipe{
		{Name: "unique", Advice: "build a unique index with CREATE UNIQUE INDEX CONCURRENTLY and make the constraint of it, which needs its lock for a moment only", Steps: []string{
			`CREATE UNIQUE INDEX CONCURRENTLY {indexname} ON {table} ({columns})`,
			`ALTER TABLE {table} ADD CONSTRAINT {constraint} UNIQUE USING INDEX {indexname}`}},
		{Name: "primary-key", Advice: "build a unique index CONCURRENTLY, let a CHECK prove that the columns hold values, and make the key of the index", Steps: []string{
			`CREATE UNIQUE INDEX CONCURRENTLY {indexname} ON {table} ({columns})`,
			`ALTER TABLE {table} ADD CONSTRAINT {name}_key_not_null CHECK ({columns} IS NOT NULL) NOT VALID`,
			`ALTER TABLE {table} VALIDATE CONSTRAINT {name}_key_not_null`,
			`ALTER TABLE {table} ALTER COLUMN {columns} SET NOT NULL`,
			`ALTER TABLE {table} ADD CONSTRAINT {constraint} PRIMARY KEY USING INDEX {indexname}`,
			`ALTER TABLE {table} DROP CONSTRAINT {name}_key_not_null`}},
		{Name: "exclusion", Advice: "an exclusion constraint cannot be added gently: make a new table that has it, let both be written, fill it in batches, then switch over"},
		{Name: "foreign-key-partitioned", Until: 17, Advice: "add the key to each partition NOT VALID and validate it there, each in a transaction of its own; then the key of the partitioned table takes them over in a moment", Steps: []string{
			`ALTER TABLE {partition} ADD CONSTRAINT {constraint} FOREIGN KEY ({keycolumns}) REFERENCES {other} NOT VALID`,
			`ALTER TABLE {partition} VALIDATE CONSTRAINT {constraint}`,
			`ALTER TABLE {table} ADD CONSTRAINT {constraint} FOREIGN KEY ({keycolumns}) REFERENCES {other}`}},
		{Name: "foreign-key", Advice: "add the constraint NOT VALID, and VALIDATE it in a transaction of its own; a new column comes first, without REFERENCES", Steps: []string{
			`ALTER TABLE {table} ADD CONSTRAINT {constraint} FOREIGN KEY ({keycolumns}) REFERENCES {other} NOT VALID`,
			`ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}`}},
		{Name: "table-with-key", Advice: "make the table without the key, then add the key on its own: the other table is locked for that moment only", Steps: []string{
			`CREATE TABLE {newtable} ({definition})`,
			`ALTER TABLE {newtable} ADD CONSTRAINT {constraint} FOREIGN KEY ({keycolumns}) REFERENCES {other}`}},
		{Name: "check", Advice: "add the constraint NOT VALID, and VALIDATE it in a transaction of its own", Steps: []string{
			`ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({rule}) NOT VALID`,
			`ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}`}},
		{Name: "domain-check", Advice: "add the domain's constraint NOT VALID, which holds for new values; validating it keeps writers of every table that uses the domain out for the scan: do that in a quiet hour, or give each column a CHECK of its own, which is validated without", Steps: []string{
			`ALTER DOMAIN {domain} ADD CONSTRAINT {constraint} CHECK ({rule}) NOT VALID`}},
		{Name: "validate", Advice: "validate it, in a transaction of its own: readers and writers go on meanwhile", Steps: []string{
			`ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}`}},
		{Name: "drop-constraint", Advice: "drop it on its own, with a short lock_timeout and tries again: a foreign key locks both of its tables"},
	}
}

func columnRecipes() []Recipe {
	return []Recipe{
		{Name: "not-null", From: 18, Advice: "add the NOT NULL constraint NOT VALID, and VALIDATE it in a transaction of its own", Steps: []string{
			`ALTER TABLE {table} ADD CONSTRAINT {name}_{column}_not_null NOT NULL {column} NOT VALID`,
			`ALTER TABLE {table} VALIDATE CONSTRAINT {name}_{column}_not_null`}},
		{Name: "not-null", From: 12, Advice: "add CHECK (… IS NOT NULL) NOT VALID, VALIDATE it in a transaction of its own, then SET NOT NULL, which believes it and looks at no row", Steps: []string{
			`ALTER TABLE {table} ADD CONSTRAINT {name}_{column}_not_null CHECK ({column} IS NOT NULL) NOT VALID`,
			`ALTER TABLE {table} VALIDATE CONSTRAINT {name}_{column}_not_null`,
			`ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL`,
			`ALTER TABLE {table} DROP CONSTRAINT {name}_{column}_not_null`}},
		{Name: "not-null", Until: 11, Advice: "add CHECK (… IS NOT NULL) NOT VALID, VALIDATE it in a transaction of its own, and leave it at that: before version 12 SET NOT NULL looks at every row whatever is proven", Steps: []string{
			`ALTER TABLE {table} ADD CONSTRAINT {name}_{column}_not_null CHECK ({column} IS NOT NULL) NOT VALID`,
			`ALTER TABLE {table} VALIDATE CONSTRAINT {name}_{column}_not_null`}},
		{Name: "volatile-default", Advice: "add the column without its default, set the default for new rows, fill the old ones in batches (the last statement, again and again until it changes no row)", Steps: []string{
			`ALTER TABLE {table} ADD COLUMN {column} {type}`,
			`ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {default}`,
			`UPDATE {table} SET {column} = DEFAULT WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {column} IS NULL LIMIT 5000 FOR UPDATE SKIP LOCKED))`}},
		{Name: "serial", Advice: "add a plain column, give it a sequence, fill the old rows in batches (the last statement, again and again until it changes no row)", Steps: []string{
			`ALTER TABLE {table} ADD COLUMN {column} bigint`,
			`CREATE SEQUENCE {sequence} OWNED BY {table}.{column}`,
			`ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT nextval('{sequence}')`,
			`UPDATE {table} SET {column} = DEFAULT WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {column} IS NULL LIMIT 5000 FOR UPDATE SKIP LOCKED))`}},
		{Name: "generated", Advice: "add a plain column that a trigger keeps, fill the old rows in batches (the last statement, again and again until it changes no row); from version 18 on a VIRTUAL generated column costs nothing", Steps: []string{
			`ALTER TABLE {table} ADD COLUMN {column} {type}`,
			`CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.{column} := {expression}; RETURN NEW; END'`,
			`CREATE TRIGGER keep_{column} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()`,
			`UPDATE {table} SET {column} = DEFAULT WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {column} IS NULL LIMIT 5000 FOR UPDATE SKIP LOCKED))`}},
		{Name: "type", Advice: "add a column of the new type, let a trigger write both, fill it in batches (the UPDATE, again and again until it changes no row), then switch over; do not change the type in place", Steps: []string{
			`ALTER TABLE {table} ADD COLUMN {column}_new {type}`,
			`CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.{column}_new := NEW.{column}; RETURN NEW; END'`,
			`CREATE TRIGGER copy_{column} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()`,
			`UPDATE {table} SET {column}_new = {column} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {column}_new IS NULL AND {column} IS NOT NULL LIMIT 5000 FOR UPDATE SKIP LOCKED))`,
			`BEGIN; DROP TRIGGER copy_{column} ON {table}; ALTER TABLE {table} RENAME COLUMN {column} TO {column}_old; ALTER TABLE {table} RENAME COLUMN {column}_new TO {column}; COMMIT`}},
		{Name: "time-zone", From: 12, Advice: "say in the migration itself that the old values are meant in UTC, if they are: then nothing is written anew and nothing shifts; ANALYZE afterwards", Steps: []string{
			`BEGIN; SET LOCAL timezone = 'UTC'; ALTER TABLE {table} ALTER COLUMN {column} TYPE {type}; COMMIT`,
			`ANALYZE {table} ({column})`}},
		{Name: "drop-column", Advice: "let a release go by that no longer reads or writes the column, keep a copy of its values (or the column, under another name), and drop it in a later release"},
		{Name: "narrower", Advice: "look for the values that do not fit before, and keep the old column until the release is settled; a CHECK holds new values to the rule without touching old ones"},
	}
}

func partitionRecipes() []Recipe {
	return []Recipe{
		{Name: "attach", From: 12, Advice: "let a CHECK with the partition's bounds prove its rows first, then attach it, which believes the CHECK", Steps: []string{
			`ALTER TABLE {table} ADD CONSTRAINT {name}_bounds CHECK ({bounds}) NOT VALID`,
			`ALTER TABLE {table} VALIDATE CONSTRAINT {name}_bounds`,
			`ALTER TABLE {parent} ATTACH PARTITION {table} {forvalues}`,
			`ALTER TABLE {table} DROP CONSTRAINT {name}_bounds`}},
		{Name: "partition-of", From: 12, Advice: "make the partition as a table of its own, then attach it, which leaves readers and writers of the others alone", Steps: []string{
			`CREATE TABLE {newtable} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`,
			`ALTER TABLE {newtable} ADD CONSTRAINT {newname}_bounds CHECK ({bounds})`,
			`ALTER TABLE {parent} ATTACH PARTITION {newtable} {forvalues}`}},
		{Name: "detach", From: 14, Advice: "detach it CONCURRENTLY, outside a transaction", Steps: []string{
			`ALTER TABLE {parent} DETACH PARTITION {partition} CONCURRENTLY`}},
		{Name: "detach", Until: 13, Advice: "detach it on its own, with a short lock_timeout and tries again: before version 14 it cannot be done CONCURRENTLY"},
	}
}

func rowRecipes() []Recipe {
	return []Recipe{
		{Name: "batches-update", Advice: "change the rows in batches of some thousands, each in a transaction of its own, outside the deployment (again and again until it changes no row)", Steps: []string{
			`UPDATE {table} SET {assignment} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {condition} LIMIT 5000 FOR UPDATE SKIP LOCKED))`}},
		{Name: "batches-delete", Advice: "delete the rows in batches of some thousands, each in a transaction of its own (again and again until it deletes no row); keep a copy where they may be wanted again", Steps: []string{
			`DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {condition} LIMIT 5000 FOR UPDATE SKIP LOCKED))`}},
		{Name: "truncate", Advice: "delete in batches of some thousands, or rename the table and make an empty one in its place; never with CASCADE, which empties whatever references it", Steps: []string{
			`DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} LIMIT 5000 FOR UPDATE SKIP LOCKED))`}},
		{Name: "delete-rows", Advice: "keep a copy of the rows until the release is settled (CREATE TABLE … AS SELECT …), or mark them as deleted and remove them in a later release"},
		{Name: "drop-table", Advice: "rename the table and let a release go by, drop its foreign keys one by one, then the table: each needs its lock for a moment only; keep a dump of what it held"},
		{Name: "rewrite", Advice: "make a new table as it should be, let a trigger write both, fill it in batches, then switch over; pg_repack or pg_squeeze do the same from outside for a table that is only to be made smaller or sorted"},
		{Name: "sequence-behind", Advice: "set the sequence in the same migration that copies the rows", Steps: []string{
			`SELECT setval('{sequence}', (SELECT max({column}) FROM {table}))`}},
	}
}

func shortRecipes() []Recipe {
	return []Recipe{
		{Name: "lock-kept", Advice: "one table in one transaction: commit right after the statement that locks, and fill rows, call functions and change other tables in transactions of their own"},
		{Name: "lock-table", Advice: "do without the lock: batches with FOR UPDATE SKIP LOCKED, or an advisory lock that only the migration takes"},
		{Name: "alter-sequence", Advice: "to move a sequence use setval, which locks nobody out; change its other properties on their own in a quiet hour", Steps: []string{
			`SELECT setval('{sequence}', {value}, false)`}},
		{Name: "short", Advice: "keep the transaction that takes this lock short: one table, no filling of rows, nothing after it; with a short lock_timeout and tries again"},
	}
}
