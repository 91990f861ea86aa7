-- A shop with five years behind it: 120,000 accounts, 5,000 products, 300,000 orders with
-- 600,000 items and 300,000 payments. Everybody and everything here is invented; the same
-- rows each time. Numbers come from pick: like random, but always the same.
CREATE FUNCTION pg_temp.pick(n int, salt int, size int) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT (((((n::bigint * 2654435761) % 4294967296) # (salt::bigint * 40503)) * 1597334677 % 4294967296) / 256 % size)::int $$;

CREATE TEMP TABLE words ON COMMIT DROP AS SELECT
    ARRAY['Anna','Emil','Mia','Paul','Lena','Jonas','Clara','Felix','Greta','Oskar','Ida','Anton','Frieda','Karl','Nora',
          'Bruno','Elif','Mehmet','Zofia','Piotr','Chloé','Luc','Giulia','Marco','Ingrid','Søren','Maeve','Liam','Aylin','Jürgen'] AS firsts,
    ARRAY['Berger','Lindqvist','Okafor','Moreau','Weiß','Kaya','Nowak','Rossi','Janssen','Hoffmann','Brandt','Dubois','Murphy',
          'Schäfer','Andersen','Kowalski','Yılmaz','Ferrari','Peeters','Vogel','Krüger','Lorenz','Winter','Sommer','Fuchs',
          'Keller','Busch','Pohl','Engel','Horn','Sauer','Arnold','Lenz','Haas','Graf','Roth','Beck','Stein','Jung','Seidel'] AS lasts,
    ARRAY['von ','van der ','de la ','Maria '] AS middles,
    ARRAY['Lindenweg','Am Markt','Rosenstraße','Mühlgasse','Hafenstraße','Schulweg','Birkenallee','Kirchplatz','Gartenweg','Ringstraße'] AS streets,
    ARRAY['Neustadt','Altenburg','Seehausen','Waldheim','Bergfelde','Grünau','Steinbach','Lindow'] AS cities,
    -- ranges of numbers that are kept for films and books
    ARRAY['+49 30 23125 ','+49 69 90009 ','+49 40 66969 ','+49 221 4710 ','+49 89 99998 '] AS phones,
    ARRAY['Copper','Linen','Walnut','Enamel','Wool','Cedar','Clay','Brass','Cotton','Slate','Oak','Glass','Wicker','Steel','Cork','Felt','Ash','Marble','Hemp','Bamboo'] AS made_of,
    ARRAY['Kettle','Blanket','Lamp','Bowl','Basket','Chair','Teapot','Clock','Tray','Vase','Mug','Rug','Shelf','Candle holder','Cutting board',
          'Mirror','Apron','Pitcher','Stool','Brush','Notebook','Bench','Coaster','Napkin ring','Watering can'] AS thing,
    ARRAY['small','large','round','plain','striped','for two','for the garden','for the desk','for the kitchen','limited'] AS kind;

INSERT INTO accounts (id, email, password_hash, full_name, phone, street, postcode, city, born, iban, created_at)
SELECT n,
    -- the first thousand are the customers who come back in the demonstration
    CASE WHEN n <= 1000 THEN 'regular' || n || '@example.com'
         ELSE translate(lower(first || '.' || last), 'äöüßéøıë', 'aouseoie') || n || (ARRAY['@example.com','@example.org','@example.net'])[1 + n % 3] END,
    -- of "corner-shop", made with the least cost there is
    '$2a$04$RBV.EXUHrCnLQhV3nlivGOmCeytyBsq1XJ9ugzi0c5WN53X16pv7.',
    first || ' ' || middle || last,
    CASE WHEN pg_temp.pick(n, 5, 10) < 9 THEN phone || lpad(pg_temp.pick(n, 6, 1000)::text, 3, '0') END,
    street || ' ' || 1 + pg_temp.pick(n, 7, 120),
    lpad((10000 + pg_temp.pick(n, 8, 80000))::text, 5, '0'),
    city,
    CASE WHEN pg_temp.pick(n, 9, 10) < 8 THEN date '1940-01-01' + pg_temp.pick(n, 10, 24000) END,
    CASE WHEN pg_temp.pick(n, 11, 10) < 4 THEN
        'DE' || lpad((98 - (bban || '131400')::numeric % 97)::text, 2, '0') || bban END,
    timestamptz '2026-01-01' - interval '1 minute' * (120000 - n) * 21
FROM generate_series(1, 120000) n, words, LATERAL (SELECT
    words.firsts[1 + pg_temp.pick(n, 1, 30)] AS first,
    words.lasts[1 + pg_temp.pick(n, 2, 40)] AS last,
    CASE WHEN pg_temp.pick(n, 3, 8) = 0 THEN words.middles[1 + pg_temp.pick(n, 4, 4)] ELSE '' END AS middle,
    words.phones[1 + pg_temp.pick(n, 12, 5)] AS phone,
    words.streets[1 + pg_temp.pick(n, 13, 10)] AS street,
    words.cities[1 + pg_temp.pick(n, 14, 8)] AS city,
    '99999999' || lpad(n::text, 10, '0') AS bban) AS person;

INSERT INTO products (id, title, description, price_cents)
SELECT n, made_of[1 + n % 20] || ' ' || lower(thing[1 + n / 20 % 25]) || ', ' || kind[1 + n / 500 % 10],
    'Made of ' || lower(made_of[1 + n % 20]) || ' by people who know how. Lasts if you let it.',
    490 + 10 * pg_temp.pick(n, 1, 2000)
FROM generate_series(1, 5000) n, words;

INSERT INTO orders (id, account_id, status, total_cents, ship_name, ship_street, ship_postcode, ship_city, placed_at)
SELECT n, a.id, 'shipped', p.price_cents + 2 * q.price_cents, a.full_name, a.street, a.postcode, a.city,
    timestamptz '2026-01-01' - interval '1 minute' * (300000 - n) * 8
FROM generate_series(1, 300000) n
JOIN accounts a ON a.id = 1 + pg_temp.pick(n, 21, 120000)
JOIN products p ON p.id = 1 + pg_temp.pick(n, 22, 5000)
JOIN products q ON q.id = 1 + pg_temp.pick(n, 23, 5000)
ORDER BY n;

INSERT INTO order_items (id, order_id, product_id, quantity, price_cents)
SELECT 2 * n - 1 + line, n, p.id, 1 + line, p.price_cents
FROM generate_series(1, 300000) n, generate_series(0, 1) line, products p
WHERE p.id = 1 + pg_temp.pick(n, 22 + line, 5000);

INSERT INTO payments (id, order_id, reference, amount_cents, settled_at)
SELECT id, id, 'SEED' || lpad(id::text, 22, '0'), total_cents, placed_at + interval '2 s' FROM orders ORDER BY id;

SELECT setval(pg_get_serial_sequence('accounts', 'id'), 120000), setval(pg_get_serial_sequence('products', 'id'), 5000),
    setval(pg_get_serial_sequence('orders', 'id'), 300000), setval(pg_get_serial_sequence('order_items', 'id'), 600000),
    setval(pg_get_serial_sequence('payments', 'id'), 300000);
