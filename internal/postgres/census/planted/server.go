package planted

func database() []Difference {
	return []Difference{
		one("an extension is missing", `DROP EXTENSION pg_trgm`, "extension pg_trgm"),
		one("an extension has another version", `DROP EXTENSION pg_trgm; CREATE EXTENSION pg_trgm VERSION '1.3'`, "extension pg_trgm"),
		one("a foreign server is missing", `DROP SERVER elsewhere`, "foreign elsewhere"),
		one("a publication is missing", `DROP PUBLICATION outlet`, "publication outlet"),
		one("a publication publishes less", `ALTER PUBLICATION outlet SET (publish = 'insert')`, "publication outlet"),
		one("a comment is missing", `COMMENT ON TABLE orders IS NULL`, "comment table public.orders"),
		one("the database has a setting", `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''64MB''', current_database()); END $$`, "setting work_mem"),
		one("a role has a setting here", `DO $$ BEGIN EXECUTE format('ALTER ROLE shop_owner IN DATABASE %I SET statement_timeout = ''5s''', current_database()); END $$`, "setting role shop_owner setting statement_timeout"),
		one("the database has another owner", `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO shop_owner', current_database()); END $$`, "database"),
		one("fewer may connect", `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 5', current_database()); END $$`, "limit connections"),
		one("nobody else may connect", `DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()); END $$`, "grant database to public"),
		{Name: "the sorting library is another", Plant: `UPDATE pg_database SET datcollversion = '1.0' WHERE datname = current_database()`, Since: 15, Want: []string{"collation of the database"}},
	}
}

// figures are differences of rows that leave the schema as it is.
func figures() []Difference {
	return []Difference{
		{Name: "half of the rows are missing", Plant: `DELETE FROM parts WHERE id % 2 = 0; ANALYZE parts`, Undo: `ANALYZE parts`, Want: []string{"volume public.parts"}},
		{Name: "a sequence is far ahead", Plant: `SELECT setval('counter', 5000)`, Undo: `SELECT setval('counter', 1000)`, Want: []string{"position public.counter"}},
		one("a column has more NULL", `UPDATE figures SET piece = NULL WHERE id % 4 = 0; ANALYZE figures`, "nulls public.figures.piece"),
		one("a column has fewer distinct values", `UPDATE figures SET few = 2 * (id % 1000); ANALYZE figures`, "distinct public.figures.few"),
		one("one value is much more common", `UPDATE figures SET status = 'status 0' WHERE id % 10 < 3; ANALYZE figures`, "common public.figures.status"),
		one("values are spread otherwise", `UPDATE figures SET spread = id::bigint * id; ANALYZE figures`, "histogram public.figures.spread"),
		one("dates are spread otherwise", `UPDATE figures SET born = born + 5000; ANALYZE figures`, "histogram public.figures.born"),
		one("values are longer", `UPDATE figures SET long = md5(id::text) || md5(id::text); ANALYZE figures`, "width public.figures.long"),
	}
}

func server() []Difference {
	return []Difference{
		{Name: "the server plans with other costs", Plant: `ALTER SYSTEM SET random_page_cost = 1.1`, Undo: `ALTER SYSTEM RESET random_page_cost`, Everywhere: true, Want: []string{"setting random_page_cost"}},
		{Name: "the server is in another time zone", Plant: `ALTER SYSTEM SET timezone = 'Asia/Tokyo'`, Undo: `ALTER SYSTEM RESET timezone`, Everywhere: true, Want: []string{"setting TimeZone"}},
		{Name: "statements end sooner", Plant: `ALTER SYSTEM SET statement_timeout = '77s'`, Undo: `ALTER SYSTEM RESET statement_timeout`, Everywhere: true, Want: []string{"setting statement_timeout"}},
	}
}
