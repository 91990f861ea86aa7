package daemon

import (
	"testing"

	"understudy"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
)

func TestNarrow_CopiesThePartThatWasAskedForAndNothingDangles(t *testing.T) {
	c, source := postgrestest.Database(t)
	_, target := postgrestest.Database(t)
	postgrestest.Exec(t, c, source, `
		CREATE TABLE customers (id int PRIMARY KEY, country text);
		CREATE TABLE orders (id int, at date, customer int REFERENCES customers, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
		CREATE TABLE orders_old PARTITION OF orders FOR VALUES FROM (MINVALUE) TO ('2025-01-01');
		CREATE TABLE orders_new PARTITION OF orders FOR VALUES FROM ('2025-01-01') TO (MAXVALUE);
		CREATE TABLE versions (v int);
		INSERT INTO customers SELECT g, (ARRAY['at', 'de'])[1 + g % 2] FROM generate_series(1, 1000) g;
		INSERT INTO orders SELECT g, CASE WHEN g % 3 = 0 THEN '2024-05-05' ELSE '2025-05-05' END::date, 1 + g % 1000 FROM generate_series(1, 5000) g;
		INSERT INTO versions VALUES (7)`)
	spec := logical.Spec{
		Source: c.AdminURL(source), Target: c.AdminURL(target), Bin: postgrestest.Bin(t), Notice: func(string) {},
		Masks: func(string, []understudy.Column) (understudy.TableMasks, error) { return understudy.TableMasks{}, nil },
	}
	end, err := narrow(t.Context(), understudy.Subset{
		Roots: map[string]understudy.SubsetRoot{"public.customers": {Share: 0.1, By: "country"}}, Children: []string{understudy.EveryTable},
	}, []byte("key"), &spec)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := logical.Copy(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	got := postgrestest.Answer(t, postgrestest.Connected(t, c.AdminURL(target)), `SELECT concat_ws(' ', (SELECT count(*) FROM customers),
		(SELECT count(*) FROM customers WHERE country = 'at'), (SELECT count(*) FROM orders), (SELECT count(*) FROM orders_old) > 0, (SELECT count(*) FROM versions))`)
	if got != "100 50 500 t 1" {
		t.Errorf("the twin has %s", got)
	}
	if part := isPart(spec); !part("public.orders") || part("public.versions") {
		t.Error("it is not known which tables are whole")
	}
}
