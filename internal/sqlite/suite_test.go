package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"understudy"
	"understudy/internal/databasetest"
	"understudy/internal/sqlite"
)

func TestSQLiteDoesWhatEveryEngineDoes(t *testing.T) {
	databasetest.Run(t, databasetest.Subject{Engine: databasetest.SQLite, Acts: acts(), Dialect: dialect()})
}

// connected is a pool of one connection to a file.
func connected(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

func run(ctx context.Context, path, statement string) error {
	db, err := connected(path)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}

func rows(ctx context.Context, path, query string) ([]string, error) {
	db, err := connected(path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	result, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	columns, err := result.Columns()
	if err != nil {
		return nil, err
	}
	var all []string
	for result.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := result.Scan(into...); err != nil {
			return nil, err
		}
		texts := make([]string, len(values))
		for i, value := range values {
			switch v := value.(type) {
			case nil:
				texts[i] = "NULL"
			case float64:
				texts[i] = fmt.Sprintf("%.2f", v)
			case []byte:
				texts[i] = fmt.Sprintf("x'%x'", v)
			default:
				texts[i] = fmt.Sprint(v)
			}
		}
		all = append(all, strings.Join(texts, "|"))
	}
	return all, result.Err()
}

func empty(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.db")
	if err := run(t.Context(), path, "PRAGMA journal_mode = WAL"); err != nil {
		t.Fatal(err)
	}
	return path
}

func acts() databasetest.Acts {
	return databasetest.Acts{
		Empty: empty, Run: run, Rows: rows, Columns: sqlite.Columns, Schema: sqlite.Schema, Version: sqlite.ServerVersion, Settings: sqlite.ServerSettings,
		Copy: func(ctx context.Context, source, target string, masks understudy.Masks) (understudy.DatabaseCopy, error) {
			return sqlite.Copy(ctx, sqlite.Spec{Source: source, Target: target, Masks: masks})
		},
		Prints: sqlite.Print,
		Clone: func(t *testing.T, path string) (string, func() error) {
			clone := filepath.Join(t.TempDir(), "clone.db")
			again := func() error { return sqlite.Clone(context.WithoutCancel(t.Context()), path, clone, plainCopy) }
			if err := again(); err != nil {
				t.Fatal(err)
			}
			return clone, again
		},
	}
}

func dialect() databasetest.Dialect {
	return databasetest.Dialect{
		Quote:     func(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` },
		TableName: func(name string) string { return "main." + name },
		Described: []string{`CREATE TABLE described (id INTEGER PRIMARY KEY, mail TEXT NOT NULL UNIQUE, parent INTEGER REFERENCES described,
			twice INTEGER GENERATED ALWAYS AS (id * 2))`},
		Values: map[string][2]string{
			"int": {"INTEGER", "-9223372036854775808"}, "real": {"REAL", "0.1"}, "whole real": {"REAL", "3"}, "empty": {"TEXT", "''"}, "text": {"TEXT", "'a''b\\n\t😀é日本'"},
			"nul": {"TEXT", "'a' || char(0) || 'b'"}, "bytes": {"BLOB", "x'00ff5c27'"}, "no bytes": {"BLOB", "x''"}, "date": {"DATETIME", "'2020-02-30 25:61:61'"}, "bool": {"BOOLEAN", "1"},
			"json": {"JSON", `'{"a": "b\\n", "n": [1, null]}'`}, "number as text": {"", "'007'"}, "text in int": {"INTEGER", "'seven'"}, "real in int": {"INTEGER", "1.5"},
			"big real": {"REAL", "1.7976931348623157e308"}, "infinite": {"REAL", "9e999"}, "bad text": {"TEXT", "CAST(x'ff41' AS TEXT)"}, "decimal": {"DECIMAL(10,2)", "12.30"},
		},
		Everything: everything(),
		Still: []string{
			"SELECT rowid, word FROM loose", "SELECT * FROM sqlite_sequence ORDER BY 1", "SELECT * FROM cheap", "SELECT rowid, head FROM notes WHERE notes MATCH 'milk'",
			"SELECT rowid FROM found WHERE found MATCH 'apple'", "SELECT id, x0, x1 FROM boxes WHERE x0 > 1", "SELECT term FROM terms ORDER BY 1",
			"PRAGMA page_size", "PRAGMA user_version", "PRAGMA application_id", "PRAGMA journal_mode", "PRAGMA auto_vacuum", "PRAGMA integrity_check", "PRAGMA foreign_key_check",
		},
		Refused: []string{
			"INSERT INTO people (mail) VALUES ('ann@example.org')", "INSERT INTO people (mail) VALUES ('ANN@example.org')", "INSERT INTO people (mail, age) VALUES ('x', 300)",
			"INSERT INTO exact VALUES ('text', 'y')", "INSERT INTO orders (buyer) VALUES (99)", "DELETE FROM people WHERE id = 1", "UPDATE orders SET total = -1",
		},
	}
}

func everything() []string {
	return []string{
		"PRAGMA user_version = 42", "PRAGMA application_id = 7",
		`CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, mail TEXT COLLATE NOCASE UNIQUE NOT NULL, age INT CHECK (age < 200), boss INTEGER REFERENCES people(id),
			loud TEXT GENERATED ALWAYS AS (upper(mail)) VIRTUAL, stored TEXT AS (lower(mail)) STORED)`,
		"CREATE TABLE orders (id INTEGER PRIMARY KEY, buyer INT NOT NULL REFERENCES people(id) ON DELETE RESTRICT, total REAL DEFAULT (1.5), last REFERENCES lines(id) DEFERRABLE INITIALLY DEFERRED)",
		"CREATE TABLE lines (id INTEGER PRIMARY KEY, orderid INT REFERENCES orders(id))",
		"CREATE TABLE bare (a TEXT, b INT, c, PRIMARY KEY (a, b)) WITHOUT ROWID", "CREATE TABLE exact (n INT, any_of ANY) STRICT", "CREATE TABLE loose (word TEXT)",
		"CREATE TABLE pairs (x INT, y INT, z TEXT, UNIQUE (x, y), FOREIGN KEY (x, y) REFERENCES pairs(x, y))",
		"CREATE INDEX people_age ON people (age DESC, mail COLLATE BINARY) WHERE age > 18", "CREATE INDEX by_sum ON orders (total * 2)",
		"CREATE VIRTUAL TABLE notes USING fts5(head, body UNINDEXED, tokenize = 'porter')", "CREATE VIRTUAL TABLE found USING fts5(word, content='loose', content_rowid='rowid')",
		"CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1, +label)", "CREATE VIRTUAL TABLE terms USING fts5vocab(found, row)",
		"INSERT INTO people (mail, age, boss) VALUES ('ann@example.org', 30, NULL), ('bob@example.org', NULL, 1), ('cid@example.org', 20, 3)", "DELETE FROM people WHERE id = 2",
		"INSERT INTO people (id, mail) VALUES (100, 'last@example.org')", "DELETE FROM people WHERE id = 100",
		"BEGIN; INSERT INTO orders VALUES (1, 1, 9.75, 1); INSERT INTO lines VALUES (1, 1); COMMIT",
		"INSERT INTO bare VALUES ('a', 1, x'00'), ('', 2, NULL)", "INSERT INTO exact VALUES (1, 'text'), (2, 2), (3, x'ff')",
		"INSERT INTO loose (rowid, word) VALUES (5, 'an apple'), (-7, 'a pear'), (900, NULL)", "INSERT INTO found (found) VALUES ('rebuild')",
		"INSERT INTO pairs VALUES (1, 2, 'a'), (NULL, 3, 'b')", "INSERT INTO notes (rowid, head, body) VALUES (3, 'buy milk', 'soon'), (9, 'sell', 'milk')",
		"INSERT INTO boxes VALUES (1, 0.5, 1.5, 'one'), (2, 1.25, 9.1, 'two')",
		"CREATE VIEW cheap AS SELECT id, total FROM orders WHERE total < 10", "CREATE VIEW over AS SELECT * FROM cheap",
		"CREATE TRIGGER no_less BEFORE UPDATE ON orders WHEN new.total < 0 BEGIN SELECT raise(ABORT, 'less than nothing'); END",
		"CREATE TRIGGER into_view INSTEAD OF INSERT ON cheap BEGIN INSERT INTO loose VALUES (new.total); END",
		"CREATE TRIGGER loose_found AFTER INSERT ON loose BEGIN INSERT INTO found (rowid, word) VALUES (new.rowid, new.word); END",
		"ANALYZE",
	}
}
