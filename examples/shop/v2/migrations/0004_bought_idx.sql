-- no transaction
-- "Did this customer buy that?" must not read every item ever sold. Built beside the
-- traffic; an earlier try that was interrupted leaves an invalid index, so that goes first.
DROP INDEX CONCURRENTLY IF EXISTS order_items_product_idx;
CREATE INDEX CONCURRENTLY order_items_product_idx ON order_items (product_id, order_id);
