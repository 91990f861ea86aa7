package physical_test

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/physical"
	"understudy/internal/postgres/postgrestest"
)

// shifted is a mask for tests that keeps lengths and differences: each letter becomes the
// next one, and each digit but zero.
func shifted(value []byte) ([]byte, error) {
	out := bytes.Clone(value)
	for i, b := range out {
		switch {
		case b >= 'a' && b <= 'z':
			out[i] = 'a' + (b-'a'+1)%26
		case b >= 'A' && b <= 'Z':
			out[i] = 'A' + (b-'A'+1)%26
		case b >= '1' && b <= '9':
			out[i] = '1' + (b-'1'+1)%9
		}
	}
	return out, nil
}

// shift is the mask of a column, which at any path of a document masks texts.
func shift() understudy.Mask {
	return understudy.Mask{
		Name: "shift", Apply: shifted, KeepsLength: true, Unique: true,
		Leaf: func([]string) understudy.MaskFunc { return shifted },
	}
}

// digits is a mask that shifts digits alone.
func digits() understudy.Mask {
	m := shift()
	m.Apply = func(value []byte) ([]byte, error) {
		out, err := shifted(value)
		for i, b := range value {
			if b > '9' {
				out[i] = b
			}
		}
		return out, err
	}
	return m
}

// by masks the columns named schema.table.column.
func by(masks map[string]understudy.Mask) understudy.Masks {
	return func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		chosen := understudy.TableMasks{Columns: map[string]understudy.Mask{}}
		for _, c := range columns {
			if m, found := masks[c.String()]; found {
				chosen.Columns[c.Name] = m
			}
		}
		return chosen, nil
	}
}

func shifting(columns ...string) understudy.Masks {
	masks := map[string]understudy.Mask{}
	for _, name := range columns {
		masks[name] = shift()
	}
	return by(masks)
}

// scanner finds planted originals in files.
type scanner struct {
	mu       sync.Mutex
	planted  []string
	found    []string
	files    int
	notFound error
}

func (s *scanner) scan(file string, content io.Reader) error {
	all, err := io.ReadAll(content)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files++
	for _, original := range s.planted {
		if bytes.Contains(all, []byte(original)) {
			s.found = append(s.found, file+": "+original)
		}
	}
	return err
}

// copied makes a copy of a database of the tests' cluster and starts it.
func copied(t *testing.T, spec physical.Spec) (physical.Result, *pgx.Conn) {
	t.Helper()
	folder := postgrestest.Folder(t)
	spec.Dir = filepath.Join(folder, "data")
	spec.Verify = true
	result, err := physical.Copy(t.Context(), spec)
	if err != nil {
		t.Fatalf("copying: %v (hint: %s)", err, understudy.HintOf(err))
	}
	c := postgrestest.Started(t, cluster.Spec{Dir: spec.Dir, SocketDir: filepath.Join(folder, "s"), Settings: map[string]string{"fsync": "off"}})
	return result, postgrestest.Connected(t, c.AdminURL(result.Copy.Database))
}

func TestCopy_MasksEveryFormInPlace(t *testing.T) {
	c, name := postgrestest.Database(t)
	source := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, source, `
		CREATE EXTENSION citext;
		CREATE DOMAIN handle AS text CHECK (VALUE <> '');
		CREATE TABLE people (id bigint PRIMARY KEY, gone text, mail citext UNIQUE, name varchar(40), code char(5), born date, seen timestamptz, at timestamp,
			ref uuid, small int2, number int4, big int8, total numeric(12,2), host inet, net cidr, raw bytea, tags text[], handle handle, doc jsonb, plain json, free text);
		INSERT INTO people SELECT i, 'gone-Gertrude' || i, 'Person' || i || '@example.org', CASE WHEN i % 7 <> 0 THEN 'Änne Müller ' || i END, 'c' || i % 10, date '1970-01-01' + i, timestamptz '2001-02-03 04:05:06.789+00' + i * interval '1 hour',
			timestamp '2001-02-03 04:05:06' + i * interval '1 day', md5(i::text)::uuid, i % 1000, i * 1000, i::bigint * 100000000000, i * 1.25 - 100, '10.1.2.3'::inet + i, '10.2.0.0/16',
			decode(md5(i::text), 'hex'), ARRAY['tag ' || i, NULL, 'x"y', 'plain'], 'handle' || i, jsonb_build_object('mail', 'person' || i || '@example.org', 'list', jsonb_build_array('one' || i, i, i + 0.5, NULL, true, jsonb_build_object('deep', 'Zeep ' || i)), 'n', i), json_build_object('a', 'b'), 'kept ' || i
			FROM generate_series(1, 3000) i;
		ALTER TABLE people DROP COLUMN gone;
		CREATE INDEX ON people (lower(name)) WHERE born > '1971-01-01';
		CREATE INDEX people_free ON people (free);
		ANALYZE;
		DELETE FROM people WHERE id % 10 = 3;
		UPDATE people SET free = free || '!' WHERE id % 10 = 4;`)
	columns := []string{"mail", "name", "code", "ref", "small", "number", "big", "total", "raw", "tags", "handle", "doc", "plain"}
	masks := map[string]understudy.Mask{}
	for _, one := range columns {
		masks["public.people."+one] = shift()
	}
	for _, one := range []string{"ref", "raw", "tags"} {
		masks["public.people."+one] = digits()
	}
	scan := &scanner{planted: []string{"gone-Gertrude", "Person1@example", "Person13@example", "Änne Müller", "deep\": \"Deep"}}
	result, twin := copied(t, physical.Spec{Source: c.AdminURL(name), Masks: by(masks), Scan: scan.scan})
	if len(scan.found) > 0 {
		t.Errorf("originals were found: %s", strings.Join(scan.found, ", "))
	}
	for _, one := range columns {
		rows, err := source.Query(context.Background(), "SELECT id::text, "+one+"::text FROM people ORDER BY people.id")
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		var id string
		var value *string
		if _, err := pgx.ForEachRow(rows, []any{&id, &value}, func() error {
			line := id + " NULL"
			if value != nil {
				line = id + " " + expected(t, masks["public.people."+one], one, *value)
			}
			want = append(want, line)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if got := postgrestest.Answer(t, twin, "SELECT id::text || ' ' || coalesce("+one+"::text, 'NULL') FROM people ORDER BY people.id"); got != strings.Join(want, "\n") {
			t.Errorf("column %s is not what its mask makes of it: %.200s … instead of %.200s", one, got, strings.Join(want, "\n"))
		}
	}
	if got, want := postgrestest.Answer(t, twin, "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM (SELECT id, born, seen, at, host, net, free FROM people) t"),
		postgrestest.Answer(t, source, "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM (SELECT id, born, seen, at, host, net, free FROM people) t"); got != want {
		t.Error("columns without a mask changed")
	}
	t.Logf("%+v", result.Masked)
	for _, p := range result.Phases {
		t.Log(p.Name, p.Took)
	}
}

// expected is what a mask makes of a value in its text form.
func expected(t *testing.T, mask understudy.Mask, column, value string) string {
	t.Helper()
	if column == "doc" {
		return strings.NewReplacer("nbjm", "mail", "mjtu", "list", "effq", "deep", "usvf", "true", "ovmm", "null", `"o":`, `"n":`).Replace(expected(t, mask, "", value))
	}
	out, err := mask.Apply([]byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
