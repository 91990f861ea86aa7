package physical_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/postgres/physical"
	"understudy/internal/postgres/postgrestest"
)

// longer is a mask that keeps no length.
func longer() understudy.Mask {
	return understudy.Mask{Name: "longer", Apply: func(value []byte) ([]byte, error) {
		out, err := shifted(value)
		return append(out, "-masked"...), err
	}}
}

func TestCopy_MasksByRowsWhatCannotBeWrittenOver(t *testing.T) {
	c, name := postgrestest.Database(t)
	source := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, source, postgrestest.EveryKindOfObject)
	postgrestest.Runs(t, source, `
		CREATE TABLE numbered (n int UNIQUE, v text); INSERT INTO numbered SELECT i, 'v' || i FROM generate_series(1, 9) i;
		CREATE TABLE mixed (a text, b text); INSERT INTO mixed SELECT 'a' || i, 'b' || i FROM generate_series(1, 25) i;
		CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.v := 'a trigger fired'; RETURN NEW; END $$;
		CREATE TRIGGER always BEFORE UPDATE ON numbered FOR EACH ROW EXECUTE FUNCTION stamp(); ALTER TABLE numbered ENABLE ALWAYS TRIGGER always;`)
	masks := by(map[string]understudy.Mask{
		"public.people.email": shift(), "public.people.name": longer(), "public.people.extra": longer(), // its type would refuse it: see below
		"public.events.what": longer(), "public.numbered.n": digits(), "public.numbered.v": longer(), "public.child.b": shift(),
	})
	var batches []int
	with := func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		chosen, err := masks(table, columns)
		delete(chosen.Columns, "extra")
		if table == "public.mixed" {
			chosen.Batches = []understudy.BatchMask{{Name: "reverse", Columns: []string{"b"}, Rows: 10, Apply: func(_ context.Context, rows [][][]byte) error {
				batches = append(batches, len(rows))
				for i := range len(rows) / 2 {
					rows[i][0], rows[len(rows)-1-i][0] = bytes.Clone(rows[len(rows)-1-i][0]), bytes.Clone(rows[i][0])
				}
				return nil
			}}}
		}
		return chosen, err
	}
	scan := &scanner{planted: []string{"Ann@Example", "line\nand"}}
	result, twin := copied(t, physical.Spec{Source: c.AdminURL(name), Masks: with, Scan: scan.scan})
	if len(scan.found) > 0 {
		t.Errorf("originals were found: %s", strings.Join(scan.found, ", "))
	}
	for query, want := range map[string]string{
		`SELECT string_agg(email, ' ' ORDER BY id) FROM people`:                                            "Boo@Fybnqmf.psh c@fybnqmf.psh d@fybnqmf.psh e@fybnqmf.psh f@fybnqmf.psh g@fybnqmf.psh",
		`SELECT count(*) FROM people WHERE name IS NULL OR name LIKE '%-masked' AND shouted = upper(name)`: "6",
		`SELECT string_agg(n || v, ' ' ORDER BY n) FROM numbered`:                                          "1w1-masked 2w2-masked 3w3-masked 4w4-masked 5w5-masked 6w6-masked 7w7-masked 8w8-masked 9w9-masked",
		`SELECT string_agg(what, ' ' ORDER BY what) FROM events`:                                           "bgufs-masked cfgpsf-masked jo-masked",
		`SELECT string_agg(b, ' ' ORDER BY substr(a, 2)::int) FROM mixed`:                                  "b10 b9 b8 b7 b6 b5 b4 b3 b2 b1 b20 b19 b18 b17 b16 b15 b14 b13 b12 b11 b25 b24 b23 b22 b21",
		`SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'always'`:                                   "A",
		`SELECT count(*) FROM pg_index WHERE NOT indisvalid`:                                               "0",
		`SELECT count(*) FROM totals`:                                                                      "6",
		`SELECT b FROM child`:                                                                              "uxp",
		`SELECT string_agg(relname, ' ') FROM pg_class WHERE relname LIKE 'masked%'`:                       "NULL",
	} {
		if got := postgrestest.Answer(t, twin, query); got != want {
			t.Errorf("%s: %s instead of %s", query, got, want)
		}
	}
	if len(batches) != 3 || batches[0] != 10 || batches[2] != 5 {
		t.Errorf("batches of %v rows", batches)
	}
	t.Logf("%+v", result.Masked)
}

func TestCopy_LeavesNothingWhenAMaskMakesTwoValuesEqual(t *testing.T) {
	c, name := postgrestest.Database(t)
	source := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, source, `CREATE TABLE people (mail text UNIQUE); INSERT INTO people SELECT 'p' || i FROM generate_series(10, 20) i`)
	same := understudy.Mask{Name: "same", KeepsLength: true, Apply: func(v []byte) ([]byte, error) { return bytes.Repeat([]byte("x"), len(v)), nil }}
	folder := postgrestest.Folder(t)
	_, err := physical.Copy(t.Context(), physical.Spec{Source: c.AdminURL(name), Dir: filepath.Join(folder, "data"), Masks: by(map[string]understudy.Mask{"public.people.mail": same})})
	postgrestest.Refused(t, err, understudy.KindInvalid, "people_mail_key", "unique")
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("something was left behind: %v (%v)", left, err)
	}
}

func TestCopy_LeavesNothingWhenItIsEnded(t *testing.T) {
	c, name := postgrestest.Database(t)
	folder := postgrestest.Folder(t)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	_, err := physical.Copy(ctx, physical.Spec{Source: c.AdminURL(name), Dir: filepath.Join(folder, "data"), Masks: shifting(), Progress: func(p physical.Progress) {
		if p.Phase == "strip" {
			end()
		}
	}})
	postgrestest.Refused(t, err, understudy.KindUnavailable, "ended before it was done")
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("something was left behind: %v (%v)", left, err)
	}
}

func TestCopy_RefusesBeforeAnythingIsCopied(t *testing.T) {
	c, name := postgrestest.Database(t)
	source := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, source, `CREATE TABLE a (x text); CREATE TABLE b (y text); DROP ROLE IF EXISTS us_reader; CREATE ROLE us_reader LOGIN PASSWORD 'p'`)
	defer postgrestest.Exec(t, c, "postgres", "DROP ROLE us_reader")
	folder := postgrestest.Folder(t)
	spec := physical.Spec{Source: c.AdminURL(name), Dir: filepath.Join(folder, "data"), Masks: func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		return understudy.TableMasks{}, understudy.Errorf(understudy.KindRefused, "column %s has no rule", columns[0])
	}}
	if err := os.MkdirAll(spec.Dir+".making/base", 0o755); err != nil { // as a crash leaves it
		t.Fatal(err)
	}
	_, err := physical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindRefused, "public.a.x", "public.b.y")
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("what a crash left is still there: %v (%v)", left, err)
	}

	spec.Source = c.URL("us_reader", "p", name)
	_, err = physical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindRefused, "ALTER ROLE us_reader REPLICATION")

	if err := os.MkdirAll(filepath.Join(spec.Dir, "something"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = physical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindConflict, "nothing was touched")
}
