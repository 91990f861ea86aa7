-- A shop's data, the same every time: skewed as real data is, 14 indexes, 4 foreign keys. Statements end with ";" at the
-- end of a line.
CREATE FUNCTION u(i bigint, s bigint) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT (hashint8extended($1,$2) & 1073741823)::float8 / 1073741824.0 $$;
CREATE TYPE order_status AS ENUM ('new','paid','packed','shipped','delivered','returned','cancelled');
CREATE TABLE customers (
  id bigint NOT NULL, email text NOT NULL, first_name text NOT NULL, last_name text NOT NULL,
  phone text, birth_date date, street text, city text, country char(2), postcode text,
  iban text, marketing boolean NOT NULL, profile jsonb NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE products (id int NOT NULL, sku text NOT NULL, title text NOT NULL, price numeric(10,2) NOT NULL, category text NOT NULL);
CREATE TABLE orders (
  id bigint NOT NULL, customer_id bigint NOT NULL, status order_status NOT NULL, total numeric(12,2) NOT NULL,
  currency char(3) NOT NULL, contact_email text NOT NULL, ship_name text, ship_street text, note text, placed_at timestamptz NOT NULL);
CREATE TABLE order_items (
  order_id bigint NOT NULL, line int NOT NULL, product_id int NOT NULL, qty int NOT NULL, price numeric(10,2) NOT NULL);
CREATE TABLE events (
  id bigint NOT NULL, customer_id bigint, kind text NOT NULL, at timestamptz NOT NULL, payload jsonb NOT NULL);

INSERT INTO customers
SELECT i, lower(fn)||'.'||lower(ln)||i||'@'||(ARRAY['gmail.com','gmail.com','gmail.com','outlook.com','yahoo.com','web.de','proton.me','corp.example'])[1+floor(u(i,5)*8)::int],
  fn, ln, '+49'||(1500000000+floor(u(i,6)*499999999))::bigint::text,
  date '1945-01-01' + floor(power(u(i,7),0.8)*22000)::int,
  (ARRAY['Haupt','Bahnhof','Garten','Schul','Dorf','Berg','Linden','Wald'])[1+floor(u(i,8)*8)::int]||'str. '||(1+floor(u(i,9)*200))::int,
  (ARRAY['Berlin','Hamburg','Muenchen','Koeln','Wien','Graz','Zuerich','Bern','Paris','Lyon'])[1+floor(u(i,10)*u(i,11)*10)::int],
  (ARRAY['DE','DE','DE','DE','AT','AT','CH','CH','FR','FR'])[1+floor(u(i,10)*u(i,11)*10)::int],
  lpad((floor(u(i,12)*99999))::int::text,5,'0'),
  'DE'||lpad((floor(u(i,13)*1e9))::bigint::text,10,'0')||lpad((floor(u(i,14)*1e9))::bigint::text,10,'0'),
  u(i,15) < 0.31,
  jsonb_build_object('locale',(ARRAY['de','en','fr'])[1+floor(u(i,16)*3)::int],'contact',jsonb_build_object('email',lower(fn)||'.'||lower(ln)||i||'@gmail.com','phone','+49'||(1500000000+floor(u(i,6)*499999999))::bigint::text),'tags',jsonb_build_array('t'||(floor(u(i,17)*20))::int,'t'||(floor(u(i,18)*20))::int),'score',floor(u(i,19)*1000)),
  timestamptz '2019-01-01' + make_interval(secs => (i::float8/{{customers}}*200000000)::bigint)
FROM (SELECT i,
  (ARRAY['Anna','Ben','Clara','David','Emma','Felix','Greta','Hans','Ida','Jonas','Klara','Leon','Mia','Noah','Olga','Paul','Rosa','Stefan','Tina','Uwe','Vera','Wolf','Xenia','Yusuf','Zoe','Mehmet','Aylin','Sofia','Luca','Marie'])[1+floor(power(u(i,1),2)*30)::int] AS fn,
  (ARRAY['Mull','Schm','Schnei','Fisch','Web','Mey','Wagn','Beck','Schul','Hoff','Koch','Baue','Rich','Klei','Wol','Schro','Neum','Schwar','Zimm','Brau'])[1+floor(u(i,2)*20)::int]||(ARRAY['er','idt','der','mann','ich','ner','ing','sen','ke','le','stein','berg'])[1+floor(power(u(i,3),1.5)*12)::int] AS ln
  FROM generate_series(1,{{customers}}) i) s;
INSERT INTO products SELECT i,'SKU-'||lpad(i::text,7,'0'),'Product '||md5('p'||i::text),round((1+power(u(i,20),3)*900)::numeric,2),'cat'||(floor(power(u(i,21),2)*60))::int FROM generate_series(1,50000) i;
INSERT INTO orders
SELECT i, cid, (ARRAY['new','paid','packed','shipped','delivered','delivered','delivered','delivered','returned','cancelled'])[1+floor(u(i,31)*10)::int]::order_status,
  round((5+power(u(i,32),4)*2000)::numeric,2),'EUR', c.email, c.first_name||' '||c.last_name, c.street,
  CASE WHEN u(i,33)<0.1 THEN 'Please ring '||c.phone||' before delivery, '||c.first_name END,
  timestamptz '2020-01-01' + make_interval(secs => (i::float8/{{orders}}*180000000)::bigint)
FROM (SELECT i, 1+floor(power(u(i,30),3)*({{customers}}-1))::bigint AS cid FROM generate_series(1,{{orders}}) i) s JOIN customers c ON c.id=s.cid;
INSERT INTO order_items
SELECT i, l, 1+floor(power(u(i*10+l,40),2)*49999)::int, 1+floor(power(u(i*10+l,41),4)*9)::int, round((1+power(u(i*10+l,42),3)*900)::numeric,2)
FROM generate_series(1,{{orders}}) i CROSS JOIN LATERAL generate_series(1, 1+floor(u(i,43)*5)::int) l;
INSERT INTO events
SELECT i, CASE WHEN u(i,50)<0.8 THEN cid END, (ARRAY['view','view','view','view','cart','search','login','checkout'])[1+floor(u(i,52)*8)::int],
  timestamptz '2023-01-01' + make_interval(secs => (i::float8/{{events}}*80000000)::bigint),
  jsonb_build_object('ip',(floor(u(i,53)*223)+1)::int||'.'||(floor(u(i,54)*255))::int||'.'||(floor(u(i,55)*255))::int||'.'||(floor(u(i,56)*255))::int,
   'ua','Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/'||(90+floor(u(i,57)*40))::int||'.0 Safari/537.36',
   'session',md5(i::text),'user',jsonb_build_object('email','user'||cid||'@gmail.com','id',cid),
   'path','/p/'||(floor(power(u(i,58),2)*50000))::int,'ms',floor(power(u(i,59),5)*4000))
FROM (SELECT i, 1+floor(power(u(i,51),3)*({{customers}}-1))::bigint AS cid FROM generate_series(1,{{events}}) i) s;
ALTER TABLE customers ADD PRIMARY KEY (id);
ALTER TABLE products ADD PRIMARY KEY (id);
ALTER TABLE orders ADD PRIMARY KEY (id);
ALTER TABLE order_items ADD PRIMARY KEY (order_id,line);
ALTER TABLE events ADD PRIMARY KEY (id);
CREATE UNIQUE INDEX customers_email_key ON customers(email);
CREATE INDEX customers_name ON customers(last_name,first_name);
CREATE UNIQUE INDEX products_sku ON products(sku);
CREATE INDEX orders_customer ON orders(customer_id,placed_at);
CREATE INDEX orders_status ON orders(status) WHERE status IN ('new','paid');
CREATE INDEX items_product ON order_items(product_id);
CREATE INDEX events_customer ON events(customer_id);
CREATE INDEX events_at ON events USING brin(at);
CREATE INDEX events_email ON events((payload->'user'->>'email'));
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE order_items ADD FOREIGN KEY (order_id) REFERENCES orders(id);
ALTER TABLE order_items ADD FOREIGN KEY (product_id) REFERENCES products(id);
ALTER TABLE events ADD FOREIGN KEY (customer_id) REFERENCES customers(id);
CREATE STATISTICS customers_geo (dependencies, mcv) ON city, country FROM customers;
VACUUM (ANALYZE);
