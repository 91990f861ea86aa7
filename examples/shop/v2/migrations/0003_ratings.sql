-- Customers rate what they bought. Only additions: the release before runs on this
-- schema without noticing, as it neither names nor needs what is new.

CREATE TABLE ratings (
    product_id int NOT NULL REFERENCES products (id),
    account_id int NOT NULL REFERENCES accounts (id),
    stars      int NOT NULL CHECK (stars BETWEEN 1 AND 5),
    remark     text NOT NULL DEFAULT '',
    rated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (product_id, account_id)
);

ALTER TABLE products ADD COLUMN stars numeric(3, 2); -- the average; nobody has rated: null
