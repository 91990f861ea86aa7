package logical_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
)

// pair is a source and an empty target in one cluster, with what copies from one to the other.
func pair(t *testing.T, fill string) (spec logical.Spec, source, target *pgx.Conn) {
	t.Helper()
	c, from := postgrestest.Database(t)
	_, to := postgrestest.Database(t)
	source, target = postgrestest.Connected(t, c.AdminURL(from)), postgrestest.Connected(t, c.AdminURL(to))
	postgrestest.Runs(t, source, fill)
	return logical.Spec{Source: c.AdminURL(from), Target: c.AdminURL(to), Bin: postgrestest.Bin(t), Masks: noMasks}, source, target
}

func noMasks(string, []understudy.Column) (understudy.TableMasks, error) {
	return understudy.TableMasks{}, nil
}

// masking masks one column.
func masking(column string, apply understudy.MaskFunc) understudy.TableMasks {
	return understudy.TableMasks{Columns: map[string]understudy.Mask{column: {Apply: apply}}}
}

func copied(t *testing.T, spec logical.Spec) understudy.DatabaseCopy {
	t.Helper()
	got, err := logical.Copy(t.Context(), spec)
	if err != nil {
		t.Fatalf("copying: %v (hint: %s)", err, understudy.HintOf(err))
	}
	return got
}

func TestCopy_IsWhatProductionIs(t *testing.T) {
	t.Parallel()
	spec, source, target := pair(t, postgrestest.EveryKindOfObject)
	got := copied(t, spec)

	if changes := postgrestest.Inspected(t, source).Diff(postgrestest.Inspected(t, target)); len(changes) > 0 {
		t.Errorf("the schemas differ: %+v", changes)
	}
	if diff := cmp.Diff(postgrestest.Inspected(t, source).Order, postgrestest.Inspected(t, target).Order); diff != "" {
		t.Errorf("the order of columns differs: %s", diff)
	}
	before, err := postgres.Print(t.Context(), spec.Source, 2)
	if err != nil {
		t.Fatal(err)
	}
	after, err := postgres.Print(t.Context(), spec.Target, 2)
	if err != nil {
		t.Fatal(err)
	}
	if changes := before.Diff(after); len(changes) > 0 {
		t.Errorf("the rows differ: %v", changes)
	}
	for _, query := range []string{
		`SELECT p::text FROM people p ORDER BY id`, `SELECT e::text || tableoid::regclass FROM events e ORDER BY 1`, `SELECT b::text || tableoid::regclass FROM base b ORDER BY 1`,
		`SELECT t::text FROM totals t ORDER BY 1`, `SELECT o::text FROM orders o ORDER BY ctid`,
	} {
		if diff := cmp.Diff(postgrestest.Answer(t, source, query), postgrestest.Answer(t, target, query)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	if rows := got.Rows(); rows != 1016 || got.Bytes == 0 || !strings.HasPrefix(got.Server, "postgres ") {
		t.Errorf("the copy says %d rows, %d bytes, server %q; expected 1016 rows", rows, got.Bytes, got.Server)
	}
	var names []string
	for _, table := range got.Tables {
		names = append(names, table.Table)
	}
	want := []string{`"odd Schema"."Table "" of: odds"`, "public.base", "public.child", "public.events_2025", "public.events_rest",
		"public.nothing", "public.orders", "public.people", "public.scratch", "public.user"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("tables: %s", diff)
	}
}

func TestCopy_SequencesGoOnWhereProductionStands(t *testing.T) {
	t.Parallel()
	spec, _, target := pair(t, postgrestest.EveryKindOfObject+`SELECT setval('people_id_seq', 500)`)
	copied(t, spec)
	got := postgrestest.Answer(t, target, `INSERT INTO people (email) VALUES ('new@example.org') RETURNING id::text`) +
		postgrestest.Answer(t, target, `SELECT ' ' || nextval('orders_id_seq') || ' ' || nextval('spare')`)
	if got != "501 1001 17" {
		t.Errorf("the next numbers are %s; expected 501 1001 17", got)
	}
}

func TestCopy_MasksExactlyTheColumnsOfTheRules(t *testing.T) {
	t.Parallel()
	spec, source, target := pair(t, postgrestest.EveryKindOfObject)
	reverse := func(value []byte) ([]byte, error) {
		out := []rune(string(value))
		for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
			out[i], out[j] = out[j], out[i]
		}
		return []byte(string(out)), nil
	}
	spec.Masks = func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		switch table {
		case "public.people":
			return masking("name", reverse), nil
		case "public.events":
			return masking("what", func([]byte) ([]byte, error) { return []byte("\\N\t\n\r\\."), nil }), nil
		}
		return understudy.TableMasks{}, nil
	}
	got := copied(t, spec)
	masked := `SELECT COALESCE(name, 'NULL') FROM people ORDER BY id`
	want := strings.Split(postgrestest.Answer(t, source, `SELECT COALESCE(reverse(name), 'NULL') FROM people ORDER BY id`), "")
	if diff := cmp.Diff(strings.Join(want, ""), postgrestest.Answer(t, target, masked)); diff != "" {
		t.Errorf("masked names: %s", diff)
	}
	untouched := `SELECT (id, email, feeling, age, home, tags, extra, raw)::text FROM people ORDER BY id`
	if diff := cmp.Diff(postgrestest.Answer(t, source, untouched), postgrestest.Answer(t, target, untouched)); diff != "" {
		t.Errorf("columns without a mask: %s", diff)
	}
	if what := postgrestest.Answer(t, target, `SELECT DISTINCT what FROM events`); what != "\\N\t\n\r\\." {
		t.Errorf("a mask's answer arrived as %q", what)
	}
	for _, table := range got.Tables {
		switch table.Table {
		case "public.people":
			if diff := cmp.Diff([]string{"name"}, table.Masked); diff != "" {
				t.Error(diff)
			}
		case "public.events_2025", "public.events_rest":
			if diff := cmp.Diff([]string{"what"}, table.Masked); diff != "" {
				t.Error(diff)
			}
		default:
			if len(table.Masked) > 0 {
				t.Errorf("%s is said to have masked columns %v", table.Table, table.Masked)
			}
		}
	}
}

func TestCopy_StopsAtAColumnThatLooksPersonalBeforeARowIsWritten(t *testing.T) {
	t.Parallel()
	spec, _, target := pair(t, postgrestest.EveryKindOfObject)
	var asked []string
	spec.Masks = func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		asked = append(asked, table)
		if table == "public.people" || table == "public.user" {
			return understudy.TableMasks{}, understudy.Errorf(understudy.KindRefused, "%s looks personal and has no rule", columns[0])
		}
		return understudy.TableMasks{}, nil
	}
	_, err := logical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindRefused, "nothing was copied", "public.people.id", "public.user.order", "understudy mask plan")
	if want := []string{`"odd Schema"."Table "" of: odds"`, "public.base", "public.child", "public.events", "public.nothing",
		"public.orders", "public.people", "public.scratch", "public.user"}; !cmp.Equal(want, asked) {
		t.Errorf("asked about %v", asked)
	}
	if left := postgrestest.Answer(t, target, `SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public'`); left != "" {
		t.Errorf("the target holds %s", left)
	}
}

func TestCopy_ShowsMasksTheColumnsWithSamples(t *testing.T) {
	t.Parallel()
	spec, _, _ := pair(t, postgrestest.EveryKindOfObject)
	columns := map[string]understudy.Column{}
	spec.Masks = func(table string, list []understudy.Column) (understudy.TableMasks, error) {
		for _, c := range list {
			columns[c.String()] = c
		}
		return understudy.TableMasks{}, understudy.Errorf(understudy.KindRefused, "enough")
	}
	_, err := logical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindRefused)
	email := columns["public.people.email"]
	if email.Type != "public.citext" || !email.Unique || email.Nullable || email.Comment == "" || len(email.Samples) != 6 {
		t.Errorf("email is described as %+v with %d samples", email, len(email.Samples))
	}
	if person := columns["public.orders.person"]; person.References != "public.people.id" || person.Unique {
		t.Errorf("orders.person is described as %+v", person)
	}
	if shouted := columns["public.people.shouted"]; !shouted.Generated || !shouted.Nullable {
		t.Errorf("shouted is described as %+v", shouted)
	}
	if what := columns["public.events.what"]; len(what.Samples) != 3 {
		t.Errorf("a partitioned table's column has samples %q", what.Samples)
	}
	if total := columns["public.orders.total"]; len(total.Samples) != 100 {
		t.Errorf("orders.total has %d samples; expected 100 distinct ones", len(total.Samples))
	}
}

func TestCopy_AMaskThatBreaksARuleIsNamedWithoutTheValue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		column, value string
		words         []string
	}{
		"not null and type": {"age", "secret value", []string{"public.people", "row 1", "column age", "masked here: age"}},
		"check":             {"name", strings.Repeat("x", 200), []string{"public.people", "row 1", "people_name_check"}},
		"unique":            {"email", "secret value", []string{"people_email_key", "keeps them so"}},
		"foreign key":       {"id", "", []string{"foreign key", "the same rule"}},
	} {
		t.Run(name, func(t *testing.T) {
			spec, _, _ := pair(t, postgrestest.EveryKindOfObject)
			next := 1000
			spec.Masks = func(table string, _ []understudy.Column) (understudy.TableMasks, error) {
				if table != "public.people" {
					return understudy.TableMasks{}, nil
				}
				return masking(c.column, func([]byte) ([]byte, error) {
					if c.column == "id" {
						next++
						return fmt.Append(nil, next), nil
					}
					return []byte(c.value), nil
				}), nil
			}
			_, err := logical.Copy(t.Context(), spec)
			postgrestest.Refused(t, err, understudy.KindInvalid, c.words...)
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "xxx") || strings.Contains(err.Error(), "100") {
				t.Errorf("the error shows a value: %v", err)
			}
		})
	}
}

func TestCopy_AMaskThatFailsStopsTheCopy(t *testing.T) {
	t.Parallel()
	spec, _, _ := pair(t, postgrestest.EveryKindOfObject)
	spec.Masks = func(table string, _ []understudy.Column) (understudy.TableMasks, error) {
		if table != "public.people" {
			return understudy.TableMasks{}, nil
		}
		return masking("name", func(value []byte) ([]byte, error) {
			if bytes.Contains(value, []byte("slash")) {
				return nil, understudy.Errorf(understudy.KindInvalid, "the value has no known form")
			}
			return value, nil
		}), nil
	}
	_, err := logical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindInvalid, "masking public.people.name", "nothing was copied")
}

func TestCopy_RefusesLargeObjects(t *testing.T) {
	t.Parallel()
	spec, source, _ := pair(t, `SELECT lo_from_bytea(0, 'x'), lo_from_bytea(0, 'y')`)
	spec.Masks = func(table string, _ []understudy.Column) (understudy.TableMasks, error) {
		return understudy.TableMasks{}, understudy.Errorf(understudy.KindRefused, "%s: no rule", table)
	}
	_, err := logical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindRefused, "large objects (2)", "bytea")
	postgrestest.Runs(t, source, `SELECT lo_unlink(oid) FROM pg_largeobject_metadata`)
}

func TestCopy_RefusesATargetThatIsNotEmpty(t *testing.T) {
	t.Parallel()
	spec, _, target := pair(t, `CREATE TABLE a (b text)`)
	postgrestest.Runs(t, target, `CREATE TABLE precious (b text)`)
	_, err := logical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindConflict, "not empty")
}

func TestCopy_NeedsMasks(t *testing.T) {
	t.Parallel()
	_, err := logical.Copy(t.Context(), logical.Spec{})
	postgrestest.Refused(t, err, understudy.KindInvalid, "masks")
}
