package mysql_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"understudy"
	"understudy/internal/databasetest"
	"understudy/internal/mysql"
	"understudy/internal/mysql/mysqltest"
)

func TestMySQLDoesWhatEveryEngineDoes(t *testing.T) {
	databasetest.Run(t, databasetest.Subject{Engine: databasetest.MySQL, Acts: acts(), Dialect: dialect()})
}

// connected is a pool of one connection to where a URL of a private server leads.
func connected(at string) (*sql.DB, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	config := driver.NewConfig()
	config.User, config.Net, config.Addr, config.DBName = u.User.Username(), "unix", u.Query().Get("socket"), u.Path[1:]
	config.MultiStatements, config.Logger, config.Collation = true, &driver.NopLogger{}, "utf8mb4_general_ci"
	connector, err := driver.NewConnector(config)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db, nil
}

func run(ctx context.Context, at, statement string) error {
	db, err := connected(at)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}

func rows(ctx context.Context, at, query string) ([]string, error) {
	db, err := connected(at)
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
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := result.Scan(into...); err != nil {
			return nil, err
		}
		texts := make([]string, len(values))
		for i, value := range values {
			texts[i] = value.String
			if !value.Valid {
				texts[i] = "NULL"
			}
		}
		all = append(all, strings.Join(texts, "|"))
	}
	return all, result.Err()
}

func empty(t *testing.T) string {
	t.Helper()
	at, _ := mysqltest.Database(t)
	return at
}

func acts() databasetest.Acts {
	return databasetest.Acts{
		Empty: empty, Run: run, Rows: rows, Columns: mysql.Columns, Schema: mysql.Schema, Version: mysql.ServerVersion, Settings: mysql.ServerSettings,
		Copy: func(ctx context.Context, source, target string, masks understudy.Masks) (understudy.DatabaseCopy, error) {
			return mysql.Copy(ctx, mysql.Spec{Source: source, Target: target, Masks: masks})
		},
		Prints: mysql.Print,
		Clone:  clone, Cut: cut, Stranger: stranger,
	}
}

// clone copies the database into a server of its own, whose clone is another server.
func clone(t *testing.T, at string) (string, func() error) {
	t.Helper()
	folder := mysqltest.Folder(t)
	golden, copied := mysqltest.New(folder, "golden"), mysqltest.New(folder, "clone")
	if err := golden.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := golden.EnsureDatabase(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := mysql.Copy(t.Context(), mysql.Spec{Source: at, Target: golden.URL("shop"), Masks: unmasked}); err != nil {
		t.Fatal(err)
	}
	again := func() error {
		if err := golden.Clone(t.Context(), copied, true, copyTree); err != nil {
			return err
		}
		return copied.Start(t.Context())
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
	return copied.URL("shop"), again
}

// cut ends all connections to the server that use the database.
func cut(ctx context.Context, at string) error {
	ids, err := rows(ctx, at, "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()")
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := run(ctx, at, "KILL "+id); err != nil && !strings.Contains(err.Error(), "1094") { // gone already
			return err
		}
	}
	return nil
}

// stranger is an account that may read one table only.
func stranger(t *testing.T, at string) (string, string) {
	t.Helper()
	database := strings.TrimPrefix(mustParse(t, at).Path, "/")
	for _, statement := range []string{"CREATE USER 'stranger'@'localhost'", "GRANT SELECT ON `" + database + "`.people TO 'stranger'@'localhost'"} {
		if err := run(t.Context(), at, statement); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := run(context.Background(), at, "DROP USER 'stranger'@'localhost'"); err != nil {
			t.Error(err)
		}
	})
	return strings.Replace(at, "root@", "stranger@", 1), fmt.Sprintf("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `%s`.* TO 'stranger'@'localhost'", database)
}

func mustParse(t *testing.T, at string) *url.URL {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func dialect() databasetest.Dialect {
	return databasetest.Dialect{
		Quote:      func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" },
		TableName:  func(name string) string { return "main." + name },
		Wrong:      "mysql://shop:hunter2@127.0.0.1:1/shop",
		Everything: everything(), Values: values(),
		Described: []string{`CREATE TABLE described (id int AUTO_INCREMENT PRIMARY KEY, mail varchar(80) NOT NULL UNIQUE COMMENT 'where to write: it''s theirs',
			parent int, word int, twice int GENERATED ALWAYS AS (word * 2), FOREIGN KEY (parent) REFERENCES described (id))`},
		Still: []string{
			"SELECT TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1", "SELECT * FROM zz_first", "SELECT * FROM aa_over",
			"SELECT shout('a')", "SELECT id FROM people WHERE MATCH (about) AGAINST ('gardens')", "SELECT ST_AsText(home) FROM people WHERE home IS NOT NULL",
			"SELECT EVENT_NAME, STATUS, EVENT_DEFINITION, SQL_MODE FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()",
			"SELECT id, day FROM odd_dates ORDER BY id", "SELECT @@collation_database",
		},
		Refused: []string{
			"INSERT INTO people (mail, age) VALUES ('ann@example.org', 1)", "INSERT INTO people (mail, age) VALUES ('ANN@example.org', 1)", "INSERT INTO people (mail, age) VALUES ('x', 300)",
			"INSERT INTO orders (buyer) VALUES (99)", "UPDATE people SET boss = 77 WHERE id = 1", "UPDATE orders SET total = -1",
			"INSERT INTO codes VALUES ('a', 1)", "INSERT INTO wide VALUES (1, 2, 'c')",
		},
	}
}

func values() map[string][2]string {
	return map[string][2]string{
		"tiny": {"tinyint", "-128"}, "big": {"bigint unsigned", "18446744073709551615"}, "exact": {"decimal(65,30)", "12345678901234567890123456789012345.000000000000000000000000000001"},
		"single": {"float", "1.17549435e-38"}, "third": {"float", "0.333333343"}, "dbl": {"double", "0.1"}, "huge": {"double", "1.7976931348623157e308"},
		"bits": {"bit(64)", "b'1000000000000000000000000000000000000000000000000000000000000001'"}, "one bit": {"bit(1)", "b'1'"}, "truth": {"boolean", "true"},
		"words": {"varchar(200)", `'a''b\\n\t"😀é日本\0 \Z'`}, "empty": {"varchar(10)", "''"}, "padded": {"char(10)", "'ab '"}, "trailing": {"varchar(10)", "'ab  '"},
		"latin": {"varchar(20) CHARACTER SET latin1", "'äß€'"}, "japanese": {"varchar(20) CHARACTER SET sjis", "'日本'"}, "wide": {"varchar(20) CHARACTER SET utf16", "'😀a'"},
		"raw": {"varbinary(20)", "x'00ff5c270a1a'"}, "no raw": {"varbinary(20)", "''"}, "fixed": {"binary(6)", "x'61'"}, "blob": {"longblob", "x'89504e470d0a1a0a00'"},
		"day": {"date", "'2024-02-29'"}, "moment": {"datetime(6)", "'9999-12-31 23:59:59.999999'"}, "stamp": {"timestamp NULL", "'2024-03-31 02:30:00'"}, "span": {"time(3)", "'-838:59:59.000'"}, "anno": {"year", "1901"},
		"choice": {"enum('a', 'b''c', '😀')", `'b''c'`}, "several": {"set('x', 'y', 'z')", "'x,z'"}, "doc": {"json", `'{"a": "b\\\\n 😀", "n": [1, null, 1.50]}'`},
		"place": {"point", "ST_GeomFromText('POINT(1.5 -2)', 4326)"}, "area": {"geometry", "ST_GeomFromText('POLYGON((0 0,0 1,1 1,0 0))')"},
		"address": {"inet6", "'2001:db8::ff00:42:8329'"}, "ident": {"uuid", "'123e4567-e89b-12d3-a456-426655440000'"}, "select": {"int", "1"},
	}
}

func everything() []string {
	return []string{
		"ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_german2_ci",
		`CREATE TABLE people (id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, mail varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL COMMENT 'where: it''s
theirs, KEY (x)', age tinyint unsigned, boss int unsigned, about text, home point, loud varchar(80) GENERATED ALWAYS AS (upper(mail)) VIRTUAL, low varchar(80) AS (lower(mail)) STORED,
			seen timestamp NULL DEFAULT current_timestamp ON UPDATE current_timestamp, secret int INVISIBLE DEFAULT 7, tag char(3) DEFAULT 'a,b',
			UNIQUE KEY mails (mail), KEY age_down (age, mail(10)), FULLTEXT KEY words (about), CONSTRAINT grown CHECK (age < 200), CONSTRAINT bosses FOREIGN KEY (boss) REFERENCES people (id)) AUTO_INCREMENT = 1000`,
		"CREATE TABLE `lines` (id int PRIMARY KEY, `order` int)",
		`CREATE TABLE orders (id int PRIMARY KEY AUTO_INCREMENT, buyer int unsigned NOT NULL, total decimal(10,2) NOT NULL DEFAULT 1.5, last int,
			CONSTRAINT buyers FOREIGN KEY (buyer) REFERENCES people (id) ON DELETE CASCADE ON UPDATE SET DEFAULT, CONSTRAINT last_line FOREIGN KEY (last) REFERENCES ` + "`lines`" + ` (id) ON DELETE SET NULL)`,
		"ALTER TABLE `lines` ADD CONSTRAINT of_order FOREIGN KEY (`order`) REFERENCES orders (id)",
		"CREATE TABLE codes (code varchar(5) COLLATE latin1_bin NOT NULL, n int, UNIQUE KEY code (code), KEY n (n DESC)) ENGINE=InnoDB ROW_FORMAT=COMPRESSED COMMENT='codes; `really`'",
		"CREATE TABLE wide (a int, b int, c varchar(9), PRIMARY KEY (a, b), KEY c (c)) PARTITION BY RANGE (b) (PARTITION low VALUES LESS THAN (10), PARTITION rest VALUES LESS THAN MAXVALUE)",
		"CREATE TABLE later (part int NOT NULL, id int NOT NULL AUTO_INCREMENT, word varchar(9), PRIMARY KEY (part), KEY id (id), KEY word (word))",
		"CREATE TABLE old (id int PRIMARY KEY, place point NOT NULL, SPATIAL KEY place (place), word text, FULLTEXT KEY w (word)) ENGINE=MyISAM", "CREATE TABLE nothing (x int)",
		"CREATE TABLE odd_dates (id int PRIMARY KEY, day date, at datetime NOT NULL DEFAULT '0000-00-00 00:00:00')",
		"CREATE TABLE kept (id int PRIMARY KEY, word varchar(9)) WITH SYSTEM VERSIONING",
		"CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 3 CACHE 10", "SELECT NEXTVAL(numbers)",
		"SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'; INSERT INTO people (id, mail, age, boss, about, home) VALUES (0, 'zero@example.org', 1, NULL, NULL, NULL), (1, 'ann@example.org', 30, NULL, 'roses and gardens', point(1, 2)), (5, 'bob@example.org', NULL, 5, '', NULL)",
		"INSERT INTO orders VALUES (1, 1, 9.75, NULL), (7, 5, 10, NULL); INSERT INTO `lines` VALUES (1, 1), (2, 7); UPDATE orders SET last = 1 WHERE id = 1",
		"INSERT INTO codes VALUES ('a', 1), ('A', NULL); INSERT INTO wide VALUES (1, 2, 'x'), (1, 20, NULL); INSERT INTO later VALUES (1, 8, 'x'); INSERT INTO kept VALUES (1, 'one')",
		"INSERT INTO old VALUES (1, point(1, 1), 'word'); INSERT INTO nothing VALUES (NULL), (1), (1)",
		"SET sql_mode = 'ALLOW_INVALID_DATES'; INSERT INTO odd_dates VALUES (1, '0000-00-00', '0000-00-00 00:00:00'), (2, '2024-02-31', '2024-00-15 00:00:00')",
		"CREATE VIEW zz_first AS SELECT id, total FROM orders WHERE total < 10", "CREATE SQL SECURITY INVOKER VIEW aa_over AS SELECT z.*, shouted.x FROM zz_first z, (SELECT 'a' AS x) shouted WITH CASCADED CHECK OPTION",
		"CREATE DEFINER = 'gone'@'elsewhere' FUNCTION unused() RETURNS int RETURN 1",
		"CREATE FUNCTION shout(t text) RETURNS text DETERMINISTIC COMMENT 'loud' RETURN concat(upper(t), '\\n;')",
		"SET sql_mode = 'ANSI_QUOTES'; CREATE PROCEDURE \"two words\" (IN a int, OUT b int) MODIFIES SQL DATA BEGIN SET b = a; INSERT INTO nothing VALUES (b); END",
		"CREATE TRIGGER second BEFORE UPDATE ON orders FOR EACH ROW SET NEW.total = NEW.total", "CREATE TRIGGER first BEFORE UPDATE ON orders FOR EACH ROW PRECEDES second BEGIN IF NEW.total < 0 THEN SIGNAL SQLSTATE '45000'; END IF; END",
		"CREATE TRIGGER never BEFORE INSERT ON wide FOR EACH ROW SIGNAL SQLSTATE '45000'",
		"CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE COMMENT 'daily' DO DELETE FROM nothing",
	}
}
