package planted

func tables() []Difference {
	return []Difference{
		one("a table is missing", `DROP TABLE stock.shelves`, "table stock.shelves"),
		one("a table is there on one side only", `CREATE TABLE extra (id serial PRIMARY KEY, name text UNIQUE); GRANT SELECT ON extra TO shop_reader; COMMENT ON TABLE extra IS 'x'`, "table public.extra"),
		one("a table is not kept over a crash", `ALTER TABLE stock.shelves SET UNLOGGED`, "table stock.shelves"),
		one("a table is filled otherwise", `ALTER TABLE orders SET (fillfactor = 70)`, "table public.orders"),
		one("row security is on", `ALTER TABLE orders ENABLE ROW LEVEL SECURITY`, "table public.orders"),
		one("the replica identity is another", `ALTER TABLE orders REPLICA IDENTITY FULL`, "table public.orders"),
		one("a partition is missing", `DROP TABLE events_new`, "table public.events_new"),
		one("a schema is missing", `DROP SCHEMA stock CASCADE`, "schema stock"),
		one("a schema is there on one side only", `CREATE SCHEMA more; CREATE TABLE more.t (a int)`, "schema more"),
		one("a view is another", `CREATE OR REPLACE VIEW open_orders AS SELECT id, customer FROM orders WHERE status = 'old'`, "view public.open_orders"),
		one("a view is missing", `DROP VIEW open_orders`, "view public.open_orders"),
		one("a materialized view is empty", `REFRESH MATERIALIZED VIEW totals WITH NO DATA`, "view materialized view public.totals"),
	}
}

func columns() []Difference {
	return []Difference{
		one("a column is missing", `ALTER TABLE orders DROP COLUMN note`, "column public.orders.note"),
		one("a column is there on one side only", `ALTER TABLE orders ADD COLUMN extra text`, "column public.orders.extra"),
		one("a column has another type", `ALTER TABLE orders ALTER weight TYPE bigint; ANALYZE orders (weight)`, "column public.orders.weight"),
		one("a column has another default", `ALTER TABLE orders ALTER status SET DEFAULT 'open'`, "column public.orders.status"),
		one("a column takes NULL", `ALTER TABLE customers ALTER name DROP NOT NULL`, "column public.customers.name"),
		one("a column sorts otherwise", `ALTER TABLE customers ALTER email TYPE text COLLATE "POSIX"; ANALYZE customers (email)`, "column public.customers.email"),
		one("an identity is stricter", `ALTER TABLE orders ALTER id SET GENERATED ALWAYS`, "column public.orders.id"),
		one("a generated column is an ordinary one", `ALTER TABLE orders ALTER gross DROP EXPRESSION`, "column public.orders.gross"),
		one("a column is stored otherwise", `ALTER TABLE customers ALTER email SET STORAGE EXTERNAL`, "column public.customers.email"),
		one("a column has a statistics target", `ALTER TABLE orders ALTER customer SET STATISTICS 500`, "column public.orders.customer"),
	}
}

func constraints() []Difference {
	return []Difference{
		one("a check is missing", `ALTER TABLE orders DROP CONSTRAINT orders_total`, "constraint orders_total on public.orders"),
		one("a check is not valid", `ALTER TABLE orders DROP CONSTRAINT orders_total, ADD CONSTRAINT orders_total CHECK (total >= 0) NOT VALID`, "constraint orders_total on public.orders"),
		one("a foreign key cascades", `ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey, ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES customers ON DELETE CASCADE`, "constraint orders_customer_fkey on public.orders"),
		one("a unique constraint is missing, with its index", `ALTER TABLE orders DROP CONSTRAINT orders_code`, "constraint orders_code on public.orders"),
		one("a domain checks nothing", `ALTER DOMAIN positive DROP CONSTRAINT above`, "constraint above on domain public.positive"),
		one("an index is missing", `DROP INDEX orders_status`, "index public.orders_status"),
		one("an index is there on one side only", `CREATE INDEX more ON orders (placed)`, "index public.more"),
		one("an index has another condition", `DROP INDEX orders_status; CREATE INDEX orders_status ON orders (status) WHERE status = 'old'`, "index public.orders_status"),
		one("an index is not valid", `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_status'::regclass`, "index public.orders_status"),
		one("extended statistics are missing", `DROP STATISTICS orders_both`, "statistics public.orders_both"),
		one("a sequence steps otherwise", `ALTER SEQUENCE counter INCREMENT 10`, "sequence public.counter"),
	}
}

func programs() []Difference {
	return []Difference{
		one("a function does something else", `CREATE OR REPLACE FUNCTION plus(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + 2'`, "function public.plus(a integer)"),
		one("a function runs as its owner", `ALTER FUNCTION plus SECURITY DEFINER`, "function public.plus(a integer)"),
		one("a function is missing", `DROP FUNCTION minus`, "function public.minus(a integer)"),
		one("a procedure is missing", `DROP PROCEDURE tidy`, "function procedure public.tidy()"),
		one("an aggregate begins otherwise", `CREATE OR REPLACE AGGREGATE added(int) (SFUNC = int4pl, STYPE = int, INITCOND = '5')`, "function aggregate public.added(integer)"),
		one("a trigger is missing", `DROP TRIGGER orders_noticed ON orders`, "trigger orders_noticed on public.orders"),
		one("a trigger is disabled", `ALTER TABLE orders DISABLE TRIGGER orders_noticed`, "trigger orders_noticed on public.orders"),
		one("an event trigger is disabled", `ALTER EVENT TRIGGER watch DISABLE`, "trigger event trigger watch"),
		one("a rule is missing", `DROP RULE customers_kept ON customers`, "rule customers_kept on public.customers"),
		one("a policy lets more be seen", `ALTER POLICY orders_seen ON orders USING (true)`, "policy orders_seen on public.orders"),
		one("an enum has another label", `ALTER TYPE mood ADD VALUE 'angry'`, "type public.mood"),
		one("a domain has a default", `ALTER DOMAIN positive SET DEFAULT 1`, "type public.positive"),
		one("a composite type has another attribute", `ALTER TYPE place ADD ATTRIBUTE town text`, "column public.place.town"),
		one("a range type is missing", `DROP TYPE span`, "type public.span"),
		one("a collation is missing", `DROP COLLATION bytewise`, "collation public.bytewise"),
	}
}

func ownership() []Difference {
	return []Difference{
		one("a table has another owner", `ALTER TABLE customers OWNER TO shop_owner`, "owner table public.customers"),
		one("a function has another owner", `ALTER FUNCTION plus OWNER TO shop_owner`, "owner function public.plus(a integer)"),
		one("a grant is missing", `REVOKE SELECT ON customers FROM shop_reader`, "grant table public.customers to shop_reader"),
		one("a grant gives more", `GRANT INSERT ON orders TO shop_reader`, "grant table public.orders to shop_reader"),
		one("a grant on a column is missing", `REVOKE UPDATE (name) ON customers FROM shop_staff`, "grant column public.customers.name to shop_staff"),
		one("everybody may use a schema", `GRANT USAGE ON SCHEMA stock TO PUBLIC`, "grant schema stock to public"),
		one("a default grant is missing", `ALTER DEFAULT PRIVILEGES IN SCHEMA stock REVOKE SELECT ON TABLES FROM shop_reader`, "grant default grant by postgres on tables in schema stock to shop_reader"),
		one("a role may make databases", `ALTER ROLE shop_reader CREATEDB`, "role shop_reader"),
		one("a role is in another group", `GRANT shop_reader TO shop_staff`, "role shop_staff"),
		one("a role begins its sessions otherwise", `ALTER ROLE shop_owner SET work_mem = '1GB'`, "setting role shop_owner begins with work_mem"),
	}
}
