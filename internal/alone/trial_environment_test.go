package alone

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/cli"
)

func TestEnvironment_HandsOnLittleAndNothingThatLeadsToTheDatabaseItself(t *testing.T) {
	caller := []string{
		"PATH=/bin", "HOME=/home/a", "TZ=UTC", "SECRET=s", "RAILS_ENV=test", "PGHOST=db.internal", "PRODUCTION=postgres://app:pw@db.internal:5432/shop?sslmode=require",
		"DSN=host=db.internal user=app dbname=shop", "REPLICA=postgres://db.internal/shop_archive",
	}
	var told []string
	order := cli.MigrationOrder{Database: "postgres://reader@db.internal/shop", URLEnv: "DATABASE_URL", Env: []string{"RAILS_ENV", "LEVEL=debug", "PRODUCTION", "REPLICA"}}
	given, err := environment(order, caller, func(text string) { told = append(told, text) })
	if want := []string{"PATH=/bin", "HOME=/home/a", "TZ=UTC", "RAILS_ENV=test", "LEVEL=debug", "REPLICA=postgres://db.internal/shop_archive"}; err != nil || !slices.Equal(given, want) {
		t.Errorf("given are %q, %v", given, err)
	}
	if len(told) != 1 || !strings.HasSuffix(told[0], ": DSN, PRODUCTION") {
		t.Errorf("told was %q", told)
	}
	for entry, why := range map[string]string{
		"NOWHERE": "no such variable", "PGHOST": "it leads to the copy", "DATABASE_URL=x": "it leads to the copy", "a b=c": "expected NAME",
		"LINK=tcp(db.internal:5432)/shop": "leads to the database itself",
	} {
		order.Env = []string{entry}
		if _, err := environment(order, caller, func(string) {}); understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "tcp(") {
			t.Errorf("%s: %v", entry, err)
		}
	}
}

func TestEnvironment_RefusesACommandThatNamesTheDatabaseItself(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	for _, c := range []struct {
		database string
		args     []string
		refused  bool
	}{
		{"sqlite://" + file, []string{"sqlite3", file, ".read up.sql"}, true},
		{"sqlite://" + file, []string{"sh", "-c", "sqlite3 " + file + " <up.sql"}, true},
		{"sqlite://" + file, []string{"sqlite3", "{path}", ".read up.sql"}, false},
		{"postgres://reader@db/shop?sslmode=require", []string{"goose", "postgres", "postgres://reader@db/shop", "up"}, true},
		{"postgres://reader@db/shop", []string{"goose", "postgres", "{url}", "up"}, false},
		{"postgres://reader@db/shop", []string{"sh", "-c", "bin/migrate --url='postgresql://owner:word@db:5432/shop?sslmode=disable' up"}, true},
		{"mysql://reader@db/shop", []string{"flyway", "-url=jdbc:mariadb://db/shop", "migrate"}, true},
		{"postgres://reader@db/shop", []string{"sh", "-c", "bin/migrate postgres://db/other && curl http://db/shop"}, false},
		{"postgres://reader@db/shop", []string{"bin/migrate-shop", "up"}, false},
		{"postgres://reader@db/shop", []string{"bin/migrate", "--shadow", "postgres://reader@db/shop_shadow", "{url}"}, false},
		{"postgres://reader@db/shop", []string{"bin/migrate", "--shadow=postgresql://shop:word@db/shop_shadow", "{url}"}, false},
		{"postgres://reader@db/shop", []string{"sh", "-c", "(bin/migrate postgresql://shop:word@db:5432/shop; true)"}, true},
		{"postgres://reader@db/shop", []string{"bin/migrate", "postgresql://shop:a%zz@db/shop"}, true},
		{"postgres://shop@db", []string{"bin/migrate", "postgres://shop@db:5432/other"}, false},
		{"postgres://shop@db", []string{"bin/migrate", "postgres://owner@db/shop"}, true},
		{"mysql://reader@db/shop", []string{"bin/migrate", "mysql://reader@db/shop2"}, false},
		{"sqlite://" + file, []string{file + "-app/bin/migrate", "{path}"}, false},
	} {
		for _, order := range []cli.MigrationOrder{{Command: c.args}, {Command: []string{"true"}, Down: c.args}, {Command: []string{"true"}, Status: c.args}} {
			order.Database, order.URLEnv = c.database, "DATABASE_URL"
			if _, err := environment(order, nil, func(string) {}); (understudy.KindOf(err) == understudy.KindInvalid) != c.refused {
				t.Errorf("%s of %q: %v", c.database, c.args, err)
			}
		}
	}
}

func TestLeads_KnowsADatabaseInManyForms(t *testing.T) {
	for _, c := range []struct {
		database, value string
		leads           bool
	}{
		{"postgres://a:b@db/shop", "postgres://a:b@db/shop", true},
		{"postgres://a:b@db/shop", "jdbc:postgresql://DB:5432/shop?user=x", true},
		{"postgres://a:b@db/shop", "postgres://db2/shop", false},
		{"postgres://a:b@db/shop", "postgres://db/shopping", false},
		{"postgres://a@db1,db2/shop", "postgres://db2/shop", true},
		{"postgres://localhost/shop", "postgres://127.0.0.1:5432/shop", true},
		{"postgres://localhost/shop", "postgres:///shop?user=x", true},
		{"postgres:///shop?host=/run/pg", "host=/run/pg dbname=shop", true},
		{"postgres://localhost/shop", "host=/run/pg dbname=shop", true},
		{"postgres://localhost/shop", "user=app dbname=shop", true},
		{"postgres:///shop", "postgres://app@%2Frun%2Fpg/shop", true},
		{"postgres:///shop", "postgres://app@/shop?host=/run/pg", true},
		{"postgres:///shop", "postgres://app@db/shop?user=dbname", false},
		{"postgres://db/shop", "user=app dbname=shop", false},
		{"postgres://localhost/shop", "user=app dbname=other", false},
		{"mysql://a@localhost/shop", "a:b@unix(/run/mysqld.sock)/shop", true},
		{"mysql://a@localhost/shop", "a:b@/shop", true},
		{"mysql://a@localhost/shop", "mysql2://a@db/shop", false},
		{"postgres://db/shop", "/home/shop", false},
		{"mysql://a:b@db:3306/shop", "a:b@tcp(db:3306)/shop", true},
		{"mysql://a:b@db:3306/shop", "mysql://db/other", false},
		{"sqlite:///srv/shop.db", "file:/srv/shop.db?mode=ro", true},
		{"/srv/shop.db", "sqlite:///srv/shop.db", true},
		{"sqlite:///srv/shop.db", "/srv", false},
	} {
		from, err := originOf(c.database)
		if err != nil {
			t.Fatal(err)
		}
		if is := from.in(c.value); is != c.leads {
			t.Errorf("of %s, %s: %t", c.database, c.value, is)
		}
	}
}

func TestLeads_KnowsAFileByEveryPathToIt(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(os.WriteFile("shop.db", nil, 0o600), os.Symlink("shop.db", "now.db"), os.WriteFile("other.db", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	from, err := originOf("sqlite://" + filepath.Join(here, "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	for value, leads := range map[string]bool{
		"shop.db": true, "./shop.db": true, "sqlite:shop.db": true, "sqlite://shop.db": true, "file:shop.db?mode=rw": true, "jdbc:sqlite:shop.db": true, "--db=now.db": true, "Data Source=shop.db;Mode=ReadWrite": true,
		"sqlite3 shop.db<up.sql": true, "(sqlite3 now.db|cat)": true, "sqlite3 `echo shop.db`": true,
		"other.db": false, "shop.db.old": false, ".": false, "": false, "/usr/bin:/bin": false,
	} {
		if from.in(value) != leads {
			t.Errorf("%q: %t", value, !leads)
		}
	}
}
