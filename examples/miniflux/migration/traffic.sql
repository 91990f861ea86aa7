-- What Miniflux 2.2.6 asks its database while it is used, in short: lists of unread
-- articles, one article, marking, searching, sessions of pages, refreshing a feed.

-- name: unread articles
-- weight: 4
-- args: int 1 11
SELECT e.id, e.title, e.url, e.published_at, f.title FROM entries e JOIN feeds f ON f.id = e.feed_id
WHERE e.user_id = $1 AND e.status = 'unread' ORDER BY e.published_at DESC LIMIT 20;

-- name: one article
-- weight: 4
-- args: int 1 250000
SELECT id, user_id, feed_id, hash, published_at, title, url, comments_url, author, share_code, content, status, starred, reading_time, created_at, changed_at, tags
FROM entries WHERE id = $1;

-- name: counters
-- weight: 2
-- args: int 1 11
SELECT feed_id, count(*) FROM entries WHERE user_id = $1 AND status = 'unread' GROUP BY feed_id;

-- name: search
-- args: text river stone copper island
SELECT id FROM entries WHERE user_id = 1 AND document_vectors @@ plainto_tsquery($1) LIMIT 10;

-- name: mark as read
-- weight: 3
-- args: int 1 250000
UPDATE entries SET status = 'read', changed_at = now() WHERE id = $1;

-- name: begin a session
-- undo: yes
INSERT INTO sessions (id, data) VALUES (md5(random()::text), '{}');

-- name: look at a session
-- weight: 2
SELECT data FROM sessions WHERE id = md5('session7');

-- name: refresh, a new enclosure
-- undo: yes
-- args: int 1 250000
INSERT INTO enclosures (url, size, mime_type, entry_id, user_id, media_progression) VALUES ('http://feeds.example/new.mp3', 1, 'audio/mpeg', $1, 1, 0)
ON CONFLICT (user_id, entry_id, md5(url)) DO NOTHING;
