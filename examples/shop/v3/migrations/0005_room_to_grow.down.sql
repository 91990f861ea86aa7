ALTER TABLE accounts ADD COLUMN full_name text, ADD COLUMN phone text;
UPDATE accounts SET full_name = first_name || ' ' || last_name;
ALTER TABLE accounts
    ALTER COLUMN full_name SET NOT NULL,
    DROP COLUMN first_name,
    DROP COLUMN last_name;

ALTER TABLE orders RENAME COLUMN amount_cents TO total_cents;

DROP INDEX orders_placed_idx;
ALTER TABLE payments    ALTER COLUMN id TYPE int, ALTER COLUMN order_id TYPE int;
ALTER TABLE order_items ALTER COLUMN id TYPE int, ALTER COLUMN order_id TYPE int;
ALTER TABLE orders      ALTER COLUMN id TYPE int;
