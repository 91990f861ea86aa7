DROP INDEX outbox_open_idx, payments_open_idx, order_items_order_idx, orders_account_idx;
ALTER TABLE sessions    DROP CONSTRAINT sessions_account_fkey;
ALTER TABLE payments    DROP CONSTRAINT payments_order_fkey, DROP CONSTRAINT payments_order_key;
ALTER TABLE order_items DROP CONSTRAINT order_items_product_fkey, DROP CONSTRAINT order_items_order_fkey;
ALTER TABLE orders      DROP CONSTRAINT orders_account_fkey;
ALTER TABLE accounts    DROP CONSTRAINT accounts_email_key;
