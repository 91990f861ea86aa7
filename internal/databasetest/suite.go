package databasetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"understudy"
)

// claim is one promise about an engine; one that needs an ability is made only of engines
// that have it.
type claim struct {
	name  string
	needs []Ability
	test  func(*testing.T, Subject)
}

// Run holds an engine to every claim that it has the ability for.
func Run(t *testing.T, s Subject) {
	for _, c := range slices.Concat(keeping(), masking(), refusing(), failing(), using()) {
		if slices.ContainsFunc(c.needs, func(a Ability) bool { return !s.Engine.Has(a) }) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, s)
		})
	}
}

// unmasked leaves everything as it is.
func unmasked(string, []understudy.Column) (understudy.TableMasks, error) {
	return understudy.TableMasks{}, nil
}

// identical is a mask on every column that changes nothing, so that every value goes
// through its text form.
func identical(_ string, columns []understudy.Column) (understudy.TableMasks, error) {
	masks := understudy.TableMasks{Columns: map[string]understudy.Mask{}}
	for _, c := range columns {
		if !c.Generated {
			masks.Columns[c.Name] = understudy.Mask{Name: "same", Apply: func(value []byte) ([]byte, error) { return value, nil }}
		}
	}
	return masks, nil
}

// on puts one mask on the columns of a name, in whatever table.
func on(column string, apply understudy.MaskFunc) understudy.Masks {
	return func(_ string, columns []understudy.Column) (understudy.TableMasks, error) {
		masks := understudy.TableMasks{Columns: map[string]understudy.Mask{}}
		for _, c := range columns {
			if c.Name == column {
				masks.Columns[column] = understudy.Mask{Name: "test", Apply: apply}
			}
		}
		return masks, nil
	}
}

// shop is a database that all dialects can write.
func shop() []string {
	return []string{
		"CREATE TABLE people (id integer NOT NULL PRIMARY KEY, mail varchar(60) NOT NULL UNIQUE, name varchar(60), age integer CHECK (age < 200))",
		"CREATE TABLE orders (id integer NOT NULL PRIMARY KEY, buyer varchar(60) NOT NULL, total decimal(10,2) NOT NULL, FOREIGN KEY (buyer) REFERENCES people (mail))",
		"INSERT INTO people VALUES (1, 'ann@example.org', 'Ann', 30), (2, 'bob@example.org', NULL, 40), (3, 'cid@example.org', '', NULL)",
		"INSERT INTO orders VALUES (1, 'ann@example.org', 1.50), (2, 'ann@example.org', 20.25), (3, 'bob@example.org', 300.00)",
	}
}

// filled is a database with these statements run in it.
func (s Subject) filled(t *testing.T, statements []string) string {
	t.Helper()
	url := s.Acts.Empty(t)
	s.run(t, url, statements...)
	return url
}

func (s Subject) run(t *testing.T, url string, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := s.Acts.Run(t.Context(), url, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (s Subject) rows(t *testing.T, url, query string) string {
	t.Helper()
	rows, err := s.Acts.Rows(t.Context(), url, query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return strings.Join(rows, "\n")
}

// copied is a copy of a database.
func (s Subject) copied(t *testing.T, from string, masks understudy.Masks) (string, understudy.DatabaseCopy) {
	t.Helper()
	to := s.Acts.Empty(t)
	made, err := s.Acts.Copy(t.Context(), from, to, masks)
	if err != nil {
		t.Fatalf("copying: %v (hint: %s)", err, understudy.HintOf(err))
	}
	return to, made
}

// notCopied expects a copy to fail with a kind and words, and no other words, and to leave
// the target as empty as it was.
func (s Subject) notCopied(t *testing.T, ctx context.Context, from string, masks understudy.Masks, kind understudy.Kind, words ...string) error {
	t.Helper()
	to := s.Acts.Empty(t)
	_, err := s.Acts.Copy(ctx, from, to, masks)
	expect(t, err, kind, words...)
	if s.Engine.Has(ClearsUp) || kind == understudy.KindRefused {
		s.copiedAfter(t, to)
	}
	return err
}

// copiedAfter shows that a target is empty by copying into it.
func (s Subject) copiedAfter(t *testing.T, to string) {
	t.Helper()
	small := s.filled(t, []string{"CREATE TABLE small (id integer NOT NULL PRIMARY KEY)"})
	if _, err := s.Acts.Copy(t.Context(), small, to, unmasked); err != nil {
		t.Errorf("the target is not as empty as it was: %v", err)
	}
}

// expect holds an error to its kind and to words that it, or its hint, has to say.
func expect(t *testing.T, err error, kind understudy.Kind, words ...string) {
	t.Helper()
	if err == nil || understudy.KindOf(err) != kind {
		t.Fatalf("got %v of kind %q; expected kind %q", err, understudy.KindOf(err), kind)
	}
	said := err.Error() + " / " + understudy.HintOf(err)
	for _, word := range words {
		if !strings.Contains(said, word) {
			t.Errorf("the error does not say %q: %s", word, said)
		}
	}
}

// silent holds an error to not saying a word.
func silent(t *testing.T, err error, word string) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), word) {
			t.Errorf("the error says %q: %v", word, e)
		}
	}
}

// alike compares the fingerprints of two databases.
func (s Subject) alike(t *testing.T, one, other string) {
	t.Helper()
	a, err := s.Acts.Prints(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Acts.Prints(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(maps.Keys(a)); !slices.Equal(names, slices.Sorted(maps.Keys(b))) {
		t.Fatalf("the tables differ: %v and %v", names, slices.Sorted(maps.Keys(b)))
	}
	for name, print := range a {
		if print.Rows != b[name].Rows {
			t.Errorf("%s has %d rows and %d", name, print.Rows, b[name].Rows)
		}
		for column, sum := range print.Columns {
			if sum != b[name].Columns[column] {
				t.Errorf("%s.%s differs", name, column)
			}
		}
	}
}

// prefixed is a mask that keeps what differs different.
func prefixed(value []byte) ([]byte, error) {
	return append([]byte("m-"), bytes.ToLower(value)...), nil
}

// numbered is a table of n rows.
func numbered(n int) []string {
	statements := []string{"CREATE TABLE many (id integer NOT NULL PRIMARY KEY, word varchar(40) NOT NULL)"}
	for from := 0; from < n; from += 500 {
		var rows []string
		for i := from; i < min(n, from+500); i++ {
			rows = append(rows, fmt.Sprintf("(%d, 'word %d')", i, i))
		}
		statements = append(statements, "INSERT INTO many VALUES "+strings.Join(rows, ", "))
	}
	return statements
}
