package logical_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/databasetest"
	"understudy/internal/postgres"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
)

func TestPostgresDoesWhatEveryEngineDoes(t *testing.T) {
	t.Parallel()
	databasetest.Run(t, databasetest.Subject{Engine: databasetest.Postgres, Acts: suiteActs(postgrestest.Bin(t)), Dialect: suiteDialect()})
}

// session lends act a connection of its own.
func session(ctx context.Context, at string, act func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, at)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return act(conn)
}

func suiteRun(ctx context.Context, at, statement string) error {
	return session(ctx, at, func(conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, statement).ReadAll()
		return err
	})
}

func suiteRows(ctx context.Context, at, query string) (all []string, err error) {
	err = session(ctx, at, func(conn *pgx.Conn) error {
		results, err := conn.PgConn().Exec(ctx, query).ReadAll()
		if err != nil {
			return err
		}
		for _, row := range results[0].Rows {
			texts := make([]string, len(row))
			for i, value := range row {
				texts[i] = string(value)
				if value == nil {
					texts[i] = "NULL"
				}
			}
			all = append(all, strings.Join(texts, "|"))
		}
		return nil
	})
	return all, err
}

func suiteActs(bin string) databasetest.Acts {
	return databasetest.Acts{
		Empty: func(t *testing.T) string {
			c, name := postgrestest.Database(t)
			return c.AdminURL(name)
		},
		Run: suiteRun, Rows: suiteRows,
		Columns: func(ctx context.Context, at string, samples int) (columns map[string][]understudy.Column, err error) {
			err = session(ctx, at, func(conn *pgx.Conn) error {
				columns, err = postgres.Columns(ctx, conn, samples)
				return err
			})
			return columns, err
		},
		Copy: func(ctx context.Context, source, target string, masks understudy.Masks) (understudy.DatabaseCopy, error) {
			return logical.Copy(ctx, logical.Spec{Source: source, Target: target, Bin: bin, Masks: masks})
		},
		Schema: func(ctx context.Context, at string) (lines []string, err error) {
			err = session(ctx, at, func(conn *pgx.Conn) error {
				schema, err := postgres.Inspect(ctx, conn)
				lines = schema.Lines
				return err
			})
			return lines, err
		},
		Prints: suitePrints,
		Version: func(ctx context.Context, at string) (version string, err error) {
			err = session(ctx, at, func(conn *pgx.Conn) error {
				version, err = postgres.ServerVersion(ctx, conn)
				return err
			})
			return version, err
		},
		Settings: func(ctx context.Context, at string) (settings map[string]string, err error) {
			err = session(ctx, at, func(conn *pgx.Conn) error {
				settings, err = postgres.ServerSettings(ctx, conn)
				return err
			})
			return settings, err
		},
		Clone: suiteClone,
		Cut: func(ctx context.Context, at string) error {
			return suiteRun(ctx, at, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		},
		Stranger: suiteStranger,
	}
}

func suitePrints(ctx context.Context, at string) (understudy.DataPrint, error) {
	return postgres.Print(ctx, at, 1)
}

func suiteClone(t *testing.T, at string) (string, func() error) {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	c := postgrestest.Cluster(t)
	template, clone := strings.TrimPrefix(u.Path, "/"), strings.TrimPrefix(u.Path, "/")+"_clone"
	ctx := context.WithoutCancel(t.Context())
	again := func() error {
		if err := c.Drop(ctx, clone); err != nil {
			return err
		}
		_, err := c.Clone(ctx, template, clone, "")
		return err
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Drop(ctx, clone); err != nil {
			t.Error(err)
		}
	})
	return c.AdminURL(clone), again
}

// suiteStranger is an account that may read one table only.
func suiteStranger(t *testing.T, at string) (string, string) {
	t.Helper()
	name := "stranger_" + strings.TrimPrefix(mustParse(t, at).Path, "/t_")
	if err := suiteRun(t.Context(), at, "CREATE ROLE "+name+" LOGIN; GRANT SELECT ON people TO "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := suiteRun(context.Background(), at, "DROP OWNED BY "+name+"; DROP ROLE "+name); err != nil {
			t.Error(err)
		}
	})
	u := mustParse(t, at)
	query := u.Query()
	query.Set("user", name)
	u.RawQuery = query.Encode()
	return u.String(), "GRANT SELECT ON"
}

func mustParse(t *testing.T, at string) *url.URL {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func suiteDialect() databasetest.Dialect {
	return databasetest.Dialect{
		Quote:      func(name string) string { return pgx.Identifier{name}.Sanitize() },
		TableName:  func(name string) string { return "public." + name },
		Wrong:      "postgres://shop:hunter2@127.0.0.1:1/shop",
		Everything: []string{postgrestest.EveryKindOfObject},
		Described: []string{`CREATE TABLE described (id bigint PRIMARY KEY, mail text NOT NULL UNIQUE, parent bigint REFERENCES described, twice bigint GENERATED ALWAYS AS (id * 2) STORED);
			COMMENT ON COLUMN described.mail IS 'where to write: it''s theirs'`},
		Still: []string{"SELECT * FROM cheap ORDER BY id", "SELECT * FROM totals ORDER BY person", "SELECT last_value FROM spare", "SELECT last_value FROM people_id_seq", "SELECT shout('a')"},
		Refused: []string{
			"INSERT INTO people (email) VALUES ('ann@example.org')", "INSERT INTO orders (person, total) VALUES (1, 1)", "INSERT INTO events VALUES ('2025-01-01', '')",
		},
		Values: map[string][2]string{
			"small": {"smallint", "-32768"}, "big": {"bigint", "9223372036854775807"}, "exact": {"numeric", "1e-100"}, "not a number": {"numeric", "'NaN'"}, "single": {"real", "1.1"}, "double": {"double precision", "'-infinity'"},
			"text": {"text", `E'a''b\\n\t😀é日本\u0001'`}, "empty": {"text", "''"}, "padded": {"character(5)", "'ab'"}, "bytes": {"bytea", `'\x00ff5c27'`}, "day": {"date", "'4713-01-01 BC'"},
			"moment": {"timestamptz", "'2024-03-31 02:30:00.123456+02'"}, "span": {"interval", "'1 year -2 days 00:00:00.5'"}, "list": {"text[]", `ARRAY['x,y', NULL, 'q"\']`}, "doc": {"jsonb", `'{"a": "b\\n😀", "n": [1, null, 1.50]}'`},
			"plain doc": {"json", `'{"b":  1, "b": 2}'`}, "ident": {"uuid", "'123e4567-e89b-12d3-a456-426655440000'"}, "place": {"point", "'(1.5,-2)'"}, "range": {"int4range", "'[1,5)'"}, "net": {"cidr", "'2001:db8::/32'"},
			"words": {"tsvector", "'fat:1A cat'::tsvector"}, "truth": {"boolean", "true"}, "bits": {"bit(3)", "B'101'"}, "markup": {"xml", "'<a>&amp;</a>'::xml"}, "cash": {"money", "1.50::money"},
		},
	}
}
