-- The keys that tie the tables together, and the indexes the pages need.
ALTER TABLE accounts    ADD CONSTRAINT accounts_email_key UNIQUE (email);
ALTER TABLE orders      ADD CONSTRAINT orders_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id);
ALTER TABLE order_items ADD CONSTRAINT order_items_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id);
ALTER TABLE order_items ADD CONSTRAINT order_items_product_fkey FOREIGN KEY (product_id) REFERENCES products (id);
ALTER TABLE payments    ADD CONSTRAINT payments_order_key UNIQUE (order_id);
ALTER TABLE payments    ADD CONSTRAINT payments_order_fkey FOREIGN KEY (order_id) REFERENCES orders (id);
ALTER TABLE sessions    ADD CONSTRAINT sessions_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id);

CREATE INDEX orders_account_idx ON orders (account_id, id);
CREATE INDEX order_items_order_idx ON order_items (order_id);
CREATE INDEX payments_open_idx ON payments (id) WHERE settled_at IS NULL;
CREATE INDEX outbox_open_idx ON outbox (id) WHERE sent_at IS NULL;
