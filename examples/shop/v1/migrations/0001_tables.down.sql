DROP TABLE outbox, sessions, payments, order_items, orders, products, accounts;
