package alone

import (
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
