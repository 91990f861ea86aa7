package databasetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"understudy"
)

// keeping are claims about what arrives.
func keeping() []claim {
	return []claim{
		{"one of everything arrives as it was", nil, everythingArrives},
		{"every value survives unmasked and through its text form", nil, valuesSurvive},
		{"odd names are names", nil, oddNames},
		{"the copy is of one moment while writers go on", nil, oneMoment},
		{"big rows arrive whole", nil, bigRows},
		{"an empty database gives an empty copy", nil, emptyCopy},
	}
}

func everythingArrives(t *testing.T, s Subject) {
	from := s.filled(t, s.Dialect.Everything)
	for name, masks := range map[string]understudy.Masks{"unmasked": unmasked, "through text forms": identical} {
		t.Run(name, func(t *testing.T) {
			to, _ := s.copied(t, from, masks)
			s.alike(t, from, to)
			one, err := s.Acts.Schema(t.Context(), from)
			if err != nil {
				t.Fatal(err)
			}
			other, err := s.Acts.Schema(t.Context(), to)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range one {
				if !slices.Contains(other, line) {
					t.Errorf("the copy lacks %s\nit has %s", line, strings.Join(other, "\n"))
				}
			}
			if len(one) != len(other) {
				t.Errorf("the schema has %d lines and %d", len(one), len(other))
			}
			for _, query := range s.Dialect.Still {
				if a, b := s.rows(t, from, query), s.rows(t, to, query); a != b {
					t.Errorf("%s: %q in production, %q in the copy", query, a, b)
				}
			}
			for _, statement := range s.Dialect.Refused {
				for place, url := range map[string]string{"production": from, "the copy": to} {
					if s.Acts.Run(t.Context(), url, statement) == nil {
						t.Errorf("%s was taken by %s", statement, place)
					}
				}
			}
		})
	}
}

func valuesSurvive(t *testing.T, s Subject) {
	var columns, values, list []string
	for name, value := range s.Dialect.Values {
		columns = append(columns, s.Dialect.Quote(name)+" "+value[0])
		values = append(values, value[1])
		list = append(list, s.Dialect.Quote(name))
	}
	nulls := strings.TrimSuffix(strings.Repeat("NULL, ", len(list)), ", ")
	from := s.filled(t, []string{
		"CREATE TABLE vals (" + strings.Join(columns, ", ") + ")",
		"INSERT INTO vals (" + strings.Join(list, ", ") + ") VALUES (" + strings.Join(values, ", ") + "), (" + nulls + ")",
	})
	for _, masks := range []understudy.Masks{unmasked, identical} {
		to, _ := s.copied(t, from, masks)
		s.alike(t, from, to)
		for _, column := range list {
			query := "SELECT " + column + " FROM vals WHERE " + column + " IS NOT NULL"
			if a, b := s.rows(t, from, query), s.rows(t, to, query); a != b {
				t.Errorf("%s: %q became %q", column, a, b)
			}
		}
	}
}

func oddNames(t *testing.T, s Subject) {
	q := s.Dialect.Quote
	from := s.Acts.Empty(t)
	for _, name := range []string{"select", "two words", `qu"ote`, "back`tick", "do.t", "apo'strophe", "日本語", "UPPER", "semi;colon", `back\slash`} {
		s.run(t, from, "CREATE TABLE "+q(name)+" ("+q(name+" id")+" integer NOT NULL PRIMARY KEY, "+q("key")+" varchar(20))",
			"CREATE INDEX "+q("index "+name)+" ON "+q(name)+" ("+q("key")+")", "INSERT INTO "+q(name)+" VALUES (1, 'x')")
	}
	to, made := s.copied(t, from, on("key", prefixed))
	if len(made.Tables) != 10 || made.Rows() != 10 {
		t.Errorf("copied %d tables and %d rows", len(made.Tables), made.Rows())
	}
	if got := s.rows(t, to, "SELECT "+q("key")+" FROM "+q("back`tick")); got != "m-x" {
		t.Errorf("found %q", got)
	}
}

func oneMoment(t *testing.T, s Subject) {
	from := s.filled(t, append(numbered(3000),
		"CREATE TABLE left_side (id integer NOT NULL PRIMARY KEY, worth integer NOT NULL)", "CREATE TABLE right_side (id integer NOT NULL PRIMARY KEY, worth integer NOT NULL)",
		"INSERT INTO left_side VALUES (1, 0)", "INSERT INTO right_side VALUES (1, 0)"))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	moved := make(chan struct{})
	var writer errgroup.Group
	writer.Go(func() error {
		for ctx.Err() == nil {
			if err := s.Acts.Run(context.WithoutCancel(ctx), from, "BEGIN; UPDATE left_side SET worth = worth + 1; UPDATE right_side SET worth = worth - 1; COMMIT"); err != nil {
				stop()
				return err
			}
			select {
			case moved <- struct{}{}:
			default: // nobody waits for it
			}
		}
		return nil
	})
	first := atomic.Bool{}
	slow := on("word", func(value []byte) ([]byte, error) { // until others have written meanwhile
		if first.CompareAndSwap(true, false) {
			for range 3 {
				select {
				case <-moved:
				case <-ctx.Done():
				}
			}
		}
		return value, nil
	})
	for range 3 {
		first.Store(true)
		to, _ := s.copied(t, from, slow)
		if got := s.rows(t, to, "SELECT l.worth + r.worth FROM left_side l, right_side r"); got != "0" {
			t.Errorf("the two sides add up to %s: they are of different moments", got)
		}
	}
	stop()
	if err := writer.Wait(); err != nil {
		t.Errorf("a writer was hindered: %v", err)
	}
}

func bigRows(t *testing.T, s Subject) {
	big := strings.Repeat("0123456789abcdef", 1<<17) // 2 MB
	kind := "text"
	if s.Engine == MySQL {
		kind = "longtext"
	}
	from := s.filled(t, []string{"CREATE TABLE big (id integer NOT NULL PRIMARY KEY, body " + kind + ")", "INSERT INTO big VALUES (1, '" + big + "'), (2, 'small'), (3, '" + big + "')"})
	to, _ := s.copied(t, from, on("body", prefixed))
	if got := s.rows(t, to, "SELECT length(body) FROM big ORDER BY id"); got != "2097154\n7\n2097154" {
		t.Errorf("the lengths are %s", got)
	}
}

func emptyCopy(t *testing.T, s Subject) {
	_, made := s.copied(t, s.Acts.Empty(t), unmasked)
	if len(made.Tables) != 0 {
		t.Errorf("copied %v", made.Tables)
	}
}

// using are claims about what else an engine does.
func using() []claim {
	return []claim{
		{"columns are described with what rules need", nil, columnsDescribed},
		{"the comment of a column is shown", []Ability{Comments}, commentShown},
		{"a clone is whole and apart, and is made anew at a reset", nil, cloneIsApart},
		{"version and settings are told", nil, versionTold},
		{"fingerprints tell a changed value", nil, printsTell},
	}
}

func columnsDescribed(t *testing.T, s Subject) {
	url := s.filled(t, append(slices.Clone(s.Dialect.Described), "INSERT INTO described (id, mail, parent) VALUES (1, 'ann@example.org', NULL), (2, 'bob@example.org', 1)"))
	all, err := s.Acts.Columns(t.Context(), url, 10)
	if err != nil {
		t.Fatal(err)
	}
	table := s.Dialect.TableName("described")
	columns := map[string]understudy.Column{}
	for _, c := range all[table] {
		columns[c.Name] = c
	}
	for name, right := range map[string]bool{
		"id is unique":           columns["id"].Unique && !columns["id"].Nullable,
		"mail is unique":         columns["mail"].Unique && columns["mail"].Type != "",
		"mail has samples":       slices.Contains(columns["mail"].Samples, "ann@example.org") && len(columns["mail"].Samples) == 2,
		"parent may be missing":  columns["parent"].Nullable && !columns["parent"].Unique,
		"parent leads to id":     columns["parent"].References == table+".id",
		"twice is generated":     columns["twice"].Generated && !columns["id"].Generated,
		"columns name the table": columns["id"].Table == table,
	} {
		if !right {
			t.Errorf("it is not so that %s: %+v", name, all)
		}
	}
}

func commentShown(t *testing.T, s Subject) {
	url := s.filled(t, s.Dialect.Described)
	all, err := s.Acts.Columns(t.Context(), url, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all[s.Dialect.TableName("described")] {
		if c.Name == "mail" && c.Comment != "where to write: it's theirs" {
			t.Errorf("the comment is %q", c.Comment)
		}
	}
}

func cloneIsApart(t *testing.T, s Subject) {
	url := s.filled(t, shop())
	clone, reset := s.Acts.Clone(t, url)
	s.alike(t, url, clone)
	s.run(t, clone, "DELETE FROM orders", "CREATE TABLE more (id integer NOT NULL PRIMARY KEY)")
	if got := s.rows(t, url, "SELECT count(*) FROM orders"); got != "3" {
		t.Errorf("the original has %s orders", got)
	}
	if err := reset(); err != nil {
		t.Fatal(err)
	}
	s.alike(t, url, clone)
}

func versionTold(t *testing.T, s Subject) {
	url := s.Acts.Empty(t)
	version, err := s.Acts.Version(t.Context(), url)
	if err != nil || !strings.ContainsAny(version, "0123456789") {
		t.Errorf("the version is %q: %v", version, err)
	}
	settings, err := s.Acts.Settings(t.Context(), url)
	if err != nil || len(settings) == 0 {
		t.Errorf("the settings are %v: %v", settings, err)
	}
}

func printsTell(t *testing.T, s Subject) {
	url := s.filled(t, shop())
	before, err := s.Acts.Prints(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	s.run(t, url, "UPDATE people SET name = 'Anna' WHERE id = 1")
	after, err := s.Acts.Prints(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	table := s.Dialect.TableName("people")
	for _, column := range []string{"id", "mail", "name", "age"} {
		if changed := before[table].Columns[column] != after[table].Columns[column]; changed != (column == "name") {
			t.Errorf("%s differs: %v, although the name was changed (%s)", column, changed, fmt.Sprint(before[table].Rows))
		}
	}
}
