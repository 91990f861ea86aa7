-- Fills Miniflux's schema 104 as a well used server has it: 11 users, 220 feeds, 250,000
-- articles with text that is searched, enclosures, web sessions. Deterministic.
\set ON_ERROR_STOP on
SELECT setseed(0.5) \g /dev/null
INSERT INTO users (username, password, is_admin, language, timezone)
  SELECT 'reader' || n, 'not a hash', n = 1, 'en_US', 'UTC' FROM generate_series(1, 11) n;
INSERT INTO categories (user_id, title) SELECT u.id, 'Category ' || n FROM users u, generate_series(1, 5) n;
INSERT INTO feeds (user_id, category_id, title, feed_url, site_url)
  SELECT u.id, (SELECT min(c.id) + n % 5 FROM categories c WHERE c.user_id = u.id), 'Feed ' || n, 'http://feeds.example/' || n, 'http://feeds.example/'
  FROM users u, generate_series(1, 20) n;
CREATE TEMP TABLE words AS SELECT row_number() OVER () AS n, w FROM unnest(string_to_array(
  'river stone market winter engine letter garden silver bridge harbour music paper window forest signal copper island teacher summer meadow', ' ')) w;
INSERT INTO entries (user_id, feed_id, hash, published_at, title, url, author, content, status, starred, document_vectors, changed_at, reading_time, tags)
  SELECT f.user_id, f.id, md5(f.id || '/' || n), now() - n * interval '37 minutes', t.title, 'http://feeds.example/' || f.id || '/' || n, 'somebody',
         text, CASE WHEN n % 3 = 0 THEN 'unread' ELSE 'read' END::entry_status, n % 40 = 0,
         setweight(to_tsvector(t.title), 'A') || setweight(to_tsvector(text), 'B'), now() - n * interval '30 minutes', 3, '{}'
  FROM feeds f, generate_series(1, 1137) n,
       LATERAL (SELECT string_agg(w, ' ') AS title FROM words WHERE (words.n + n + f.id) % 5 = 0) t,
       LATERAL (SELECT repeat(string_agg(w, ' '), 12) AS text FROM words WHERE (words.n * n + f.id) % 3 = 0) c;
INSERT INTO enclosures (user_id, entry_id, url, size, mime_type)
  SELECT user_id, id, url || '/sound.mp3', 1000, 'audio/mpeg' FROM entries WHERE id % 5 = 0;
INSERT INTO sessions (id, data, created_at)
  SELECT md5('session' || n), jsonb_build_object('csrf', md5(n::text), 'language', 'en_US', 'theme', 'light_serif'), now() FROM generate_series(1, 2000) n;
INSERT INTO user_sessions (user_id, token, created_at, user_agent, ip)
  SELECT 1 + n % 11, md5('token' || n), now(), 'a browser', '192.0.2.1' FROM generate_series(1, 500) n;
ANALYZE users, categories, feeds, entries, enclosures, sessions, user_sessions;
