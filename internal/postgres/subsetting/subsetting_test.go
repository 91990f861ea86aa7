package subsetting_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/postgrestest"
	"understudy/internal/postgres/subsetting"
)

// chosen chooses in a moment that ends with the test.
func chosen(t *testing.T, c *postgrestest.Server, database string, rules understudy.Subset) (*subsetting.Chosen, *postgres.Moment) {
	t.Helper()
	m := moment(t, c, database)
	out, err := subsetting.Choose(t.Context(), m, rules, []byte("key"), func(string) {})
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, understudy.HintOf(err))
	}
	return out, m
}

func moment(t *testing.T, c *postgrestest.Server, database string) *postgres.Moment {
	t.Helper()
	m, err := postgres.OpenMoment(t.Context(), c.AdminURL(database), "subset")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close(t.Context()) })
	return m
}

// rows is what a column of the chosen rows of a table holds, in order.
func rows(t *testing.T, m *postgres.Moment, chosen *subsetting.Chosen, table, column string) []string {
	t.Helper()
	where, some := chosen.Where(table)
	if !some {
		where = "true"
	}
	found, err := m.Tx.Query(t.Context(), "SELECT "+column+"::text FROM "+table+" WHERE "+where+" ORDER BY 1", pgx.QueryExecModeExec)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const shop = `
	CREATE TABLE customers (id int PRIMARY KEY, country text NOT NULL, boss int REFERENCES customers);
	CREATE TABLE products (sku text PRIMARY KEY, best_with text REFERENCES products);
	CREATE TABLE orders (id int, at date, customer int REFERENCES customers, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
	CREATE TABLE orders_old PARTITION OF orders FOR VALUES FROM (MINVALUE) TO ('2025-01-01');
	CREATE TABLE orders_new PARTITION OF orders FOR VALUES FROM ('2025-01-01') TO (MAXVALUE);
	CREATE TABLE items (id int, at date, sku text REFERENCES products, n int, FOREIGN KEY (id, at) REFERENCES orders);
	CREATE TABLE notes (about int, text text);
	CREATE TABLE versions (v int);
	INSERT INTO customers SELECT g, CASE WHEN g % 10 = 0 THEN 'at' ELSE 'de' END, nullif(g - 1, 0) / 2 FROM generate_series(0, 0) g;
	INSERT INTO customers SELECT g, CASE WHEN g % 10 = 0 THEN 'at' ELSE 'de' END, g / 2 FROM generate_series(1, 1000) g;
	INSERT INTO products SELECT 'p' || g, CASE WHEN g > 0 THEN 'p' || g - 1 END FROM generate_series(0, 50) g;
	INSERT INTO orders SELECT g, CASE WHEN g % 2 = 0 THEN '2024-05-05' ELSE '2025-05-05' END::date, g % 1000 + 1 FROM generate_series(1, 3000) g;
	INSERT INTO items SELECT id, at, 'p' || id % 51, 1 FROM orders;
	INSERT INTO notes SELECT g, 'x' FROM generate_series(1, 1000) g;
	INSERT INTO versions VALUES (1), (2)`

func shopped(t *testing.T) (*postgrestest.Server, string) {
	t.Helper()
	c, database := postgrestest.Database(t)
	postgrestest.Exec(t, c, database, shop)
	return c, database
}

func TestChoose_TakesTheChildrenOfTheChosenAndTheParentsOfAll(t *testing.T) {
	c, database := shopped(t)
	got, m := chosen(t, c, database, understudy.Subset{
		Roots:    map[string]understudy.SubsetRoot{"public.customers": {Share: 1, Where: "id = 7 -- the one"}},
		Children: []string{"public.orders", "public.items"},
		Keys:     []understudy.VirtualKey{{Table: "public.notes", Columns: []string{"about"}, References: "public.customers", To: []string{"id"}}},
	})
	for table, expected := range map[string]string{
		"public.customers": "0 1 3 7",     // with the bosses, who bring no orders
		"public.orders":    "1006 2006 6", // in two partitions
		"public.items":     "1006 2006 6", // by a key of two columns
		"public.versions":  "1 2",         // joined to nothing: whole
		"public.notes":     "",            // joined by a declared key, and not asked for
	} {
		column := map[string]string{"public.notes": "about", "public.versions": "v"}[table]
		if column == "" {
			column = "id"
		}
		if ids := strings.Join(rows(t, m, got, table, column), " "); ids != expected {
			t.Errorf("%s: got %q, expected %q", table, ids, expected)
		}
	}
	if n := len(rows(t, m, got, "public.products", "sku")); n != 38 { // 6 mod 51, 1006 mod 51 = 37 and 2006 mod 51 = 17, each with all below
		t.Errorf("%d products", n)
	}
	for _, one := range got.Tables() {
		if one.Table == "public.orders" && (one.Rows != 3 || one.Whole) || one.Table == "public.versions" && !one.Whole {
			t.Errorf("described as %+v", one)
		}
	}
}

func TestChoose_GivesEveryValueOfAColumnItsShareAndChoosesTheSameAgain(t *testing.T) {
	c, database := shopped(t)
	rules := understudy.Subset{Roots: map[string]understudy.SubsetRoot{"public.customers": {Share: 0.2, By: "country"}}}
	first, m := chosen(t, c, database, rules)
	bosses := understudy.Subset{Roots: map[string]understudy.SubsetRoot{"public.notes": {Share: 0.2, By: "text"}}}
	notes, _ := chosen(t, c, database, bosses)
	if n := len(rows(t, m, notes, "public.notes", "about")); n != 200 {
		t.Errorf("%d of 1000 notes", n)
	}
	again, m2 := chosen(t, c, database, rules)
	if a, b := rows(t, m, first, "public.customers", "id"), rows(t, m2, again, "public.customers", "id"); !slices.Equal(a, b) || len(a) < 200 {
		t.Errorf("chose %d rows, then %d others", len(a), len(b))
	}
	other, err := subsetting.Choose(t.Context(), m, rules, []byte("another key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(rows(t, m, first, "public.customers", "id"), rows(t, m, other, "public.customers", "id")) {
		t.Error("another key chooses the same")
	}
}

func TestChoose_SaysWhatDoesNotFit(t *testing.T) {
	c, database := shopped(t)
	m := moment(t, c, database)
	for word, rules := range map[string]understudy.Subset{
		"at least one root":  {},
		"no table public.no": {Roots: map[string]understudy.SubsetRoot{"public.no": {Share: 1}}},
		"more than 0":        {Roots: map[string]understudy.SubsetRoot{"public.customers": {Share: 1.5}}},
		"come along":         {Roots: map[string]understudy.SubsetRoot{"public.customers": {Share: 1}}, Children: []string{"public.none"}},
		"as many columns": {Roots: map[string]understudy.SubsetRoot{"public.customers": {Share: 1}},
			Keys: []understudy.VirtualKey{{Table: "public.notes", Columns: []string{"about"}, References: "public.customers"}}},
	} {
		_, err := subsetting.Choose(t.Context(), m, rules, []byte("key"), nil)
		postgrestest.Refused(t, err, understudy.KindInvalid, word)
	}
}

// world is a random database, as the oracle sees it.
type world struct {
	tables int
	links  []wlink
	rows   [][][]int // by table and row, by link of the table: which row it refers to, -1 for none
}

type wlink struct{ from, to int }

func randomWorld(r *rand.Rand) world {
	w := world{tables: 2 + r.IntN(5)}
	for range w.tables + r.IntN(4) {
		w.links = append(w.links, wlink{r.IntN(w.tables), r.IntN(w.tables)})
	}
	sizes := make([]int, w.tables)
	for i := range sizes {
		sizes[i] = 1 + r.IntN(60)
	}
	for table := range w.tables {
		var rows [][]int
		for range sizes[table] {
			refers := make([]int, len(w.links))
			for i, l := range w.links {
				refers[i] = -1
				if l.from == table && r.IntN(3) > 0 {
					refers[i] = r.IntN(sizes[l.to])
				}
			}
			rows = append(rows, refers)
		}
		w.rows = append(w.rows, rows)
	}
	return w
}

// sql makes the world: every third table is partitioned, every fourth has no primary key.
func (w world) sql(r *rand.Rand) string {
	var out strings.Builder
	for table := range w.tables {
		columns := []string{"id int"}
		for i, l := range w.links {
			if l.from == table {
				columns = append(columns, fmt.Sprintf("l%d int", i))
			}
		}
		fmt.Fprintf(&out, "CREATE TABLE t%d (%s, UNIQUE (id))", table, strings.Join(columns, ", "))
		if table%3 == 2 {
			fmt.Fprintf(&out, " PARTITION BY HASH (id); CREATE TABLE t%[1]d_a PARTITION OF t%[1]d FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE t%[1]d_b PARTITION OF t%[1]d FOR VALUES WITH (MODULUS 2, REMAINDER 1)", table)
		}
		out.WriteString(";\n")
		if table%4 != 3 {
			fmt.Fprintf(&out, "ALTER TABLE t%d ADD PRIMARY KEY (id);\n", table)
		}
		for _, row := range r.Perm(len(w.rows[table])) {
			values := []string{fmt.Sprint(row)}
			for i, l := range w.links {
				if l.from == table {
					values = append(values, strings.Replace(fmt.Sprint(w.rows[table][row][i]), "-1", "NULL", 1))
				}
			}
			fmt.Fprintf(&out, "INSERT INTO t%d VALUES (%s);\n", table, strings.Join(values, ", "))
		}
	}
	for i, l := range w.links {
		fmt.Fprintf(&out, "ALTER TABLE t%d ADD FOREIGN KEY (l%d) REFERENCES t%d (id);\n", l.from, i, l.to)
	}
	return out.String()
}

// least is the least subset, found in the most simple way: by trying every rule on every
// row until nothing changes.
func (w world) least(seeds func(table, row int) bool, asked func(table int) bool) (all map[[2]int]bool) {
	core := map[[2]int]bool{}
	all = map[[2]int]bool{}
	for changed := true; changed; {
		changed = false
		put := func(set map[[2]int]bool, at [2]int) {
			changed = changed || !set[at]
			set[at] = true
		}
		for table := range w.tables {
			for row, refers := range w.rows[table] {
				at := [2]int{table, row}
				if seeds(table, row) {
					put(core, at)
				}
				for i, to := range refers {
					if to < 0 {
						continue
					}
					parent := [2]int{w.links[i].to, to}
					if asked(table) && core[parent] {
						put(core, at)
					}
					if all[at] || core[at] {
						put(all, parent)
					}
				}
				if core[at] {
					put(all, at)
				}
			}
		}
	}
	return all
}

func TestChoose_IsTheLeastSetThatNothingDanglesFromWhateverTheSchema(t *testing.T) {
	for seed := range uint64(15) {
		r := rand.New(rand.NewPCG(seed, 3))
		w := randomWorld(r)
		c, database := postgrestest.Database(t)
		postgrestest.Exec(t, c, database, w.sql(r))
		root, pick, ask := r.IntN(w.tables), 1+r.IntN(20), r.IntN(4)
		rules := understudy.Subset{Roots: map[string]understudy.SubsetRoot{fmt.Sprintf("public.t%d", root): {Share: 1, Where: fmt.Sprintf("id %% %d = 0", pick)}}}
		asked := func(table int) bool { return ask == 3 || ask != 0 && table%2 == ask%2 }
		for table := range w.tables {
			if asked(table) {
				rules.Children = append(rules.Children, fmt.Sprintf("public.t%d", table))
			}
		}
		got, m := chosen(t, c, database, rules)
		expected := w.least(func(table, row int) bool { return table == root && row%pick == 0 }, asked)
		whole := map[string]bool{}
		for _, one := range got.Tables() {
			whole[one.Table] = one.Whole
		}
		for table := range w.tables {
			name := fmt.Sprintf("public.t%d", table)
			found := rows(t, m, got, name, "id")
			var should []string
			for row := range w.rows[table] {
				if expected[[2]int{table, row}] || whole[name] {
					should = append(should, fmt.Sprint(row))
				}
			}
			slices.Sort(should)
			slices.Sort(found)
			if !slices.Equal(found, should) {
				t.Errorf("seed %d, %s: got %v, expected %v", seed, name, found, should)
			}
		}
		copied(t, c, database, w, got)
	}
}

// copied lets PostgreSQL itself say that nothing dangles: the subset takes the foreign keys.
func copied(t *testing.T, c *postgrestest.Server, database string, w world, got *subsetting.Chosen) {
	t.Helper()
	statements := []string{"CREATE SCHEMA sub"}
	for table := range w.tables {
		where, some := got.Where(fmt.Sprintf("public.t%d", table))
		if !some {
			where = "true"
		}
		statements = append(statements, fmt.Sprintf("CREATE TABLE sub.t%[1]d AS SELECT * FROM public.t%[1]d WHERE %[2]s; ALTER TABLE sub.t%[1]d ADD UNIQUE (id)", table, where))
	}
	for i, l := range w.links {
		statements = append(statements, fmt.Sprintf("ALTER TABLE sub.t%d ADD FOREIGN KEY (l%d) REFERENCES sub.t%d (id)", l.from, i, l.to))
	}
	postgrestest.Exec(t, c, database, strings.Join(statements, ";\n"))
}
