package logical_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/postgres"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
)

const largeObjects = `
	CREATE ROLE lo_reader; SELECT lo_from_bytea(4711, decode(repeat('00ff5c', 700000), 'hex')), lo_from_bytea(4712, 'secret'), lo_create(4713);
	COMMENT ON LARGE OBJECT 4711 IS 'it''s large'; GRANT SELECT ON LARGE OBJECT 4712 TO lo_reader WITH GRANT OPTION; ALTER LARGE OBJECT 4713 OWNER TO lo_reader`

func TestCopy_LargeObjectsFollowTheirRule(t *testing.T) {
	t.Parallel()
	const state = `SELECT concat_ws(' ', oid, lomowner::regrole, (SELECT string_agg(concat_ws('/', grantee::regrole, privilege_type, is_grantable), ',' ORDER BY grantee::regrole::text, privilege_type) FROM aclexplode(lomacl) a(grantor, grantee, privilege_type, is_grantable)),
		obj_description(oid, 'pg_largeobject'), md5(lo_get(oid))) FROM pg_largeobject_metadata ORDER BY oid`
	spec, source, target := pair(t, largeObjects)
	t.Cleanup(func() { runsAfter(t, spec.Source, `DROP OWNED BY lo_reader; DROP ROLE lo_reader`) })
	t.Cleanup(func() { runsAfter(t, spec.Target, `DROP OWNED BY lo_reader`) })
	rule := func(mask understudy.Mask) {
		spec.Masks = func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
			if table == postgres.LargeObjects && columns[0].Type == "bytea" {
				return understudy.TableMasks{Columns: map[string]understudy.Mask{postgres.LargeObjectData: mask}}, nil
			}
			return understudy.TableMasks{}, nil
		}
	}
	spec.Masks = func(string, []understudy.Column) (understudy.TableMasks, error) { return understudy.TableMasks{}, nil } // keep
	copied(t, spec)
	if here, there := postgrestest.Answer(t, source, state), postgrestest.Answer(t, target, state); here != there {
		t.Errorf("production has\n%s\nthe twin\n%s", here, there)
	}
	const sizes = `SELECT string_agg(length(lo_get(oid))::text, ' ' ORDER BY oid) FROM pg_largeobject_metadata`
	again := func() {
		postgrestest.Runs(t, target, `SELECT lo_unlink(oid) FROM pg_largeobject_metadata`)
		copied(t, spec)
	}
	rule(understudy.Mask{Name: "null"})
	if again(); postgrestest.Answer(t, target, sizes) != "0 0 0" {
		t.Error("large objects that should be empty are not")
	}
	rule(understudy.Mask{Name: "hash", Apply: func(value []byte) ([]byte, error) { return fmt.Appendf(nil, `\x%08x`, len(value)), nil }})
	if again(); postgrestest.Answer(t, target, `SELECT lo_get(4712)::text`) != fmt.Sprintf(`\x%08x`, 2+2*len("secret")) {
		t.Error("a large object is not what the mask made of it")
	}
}

func TestCopy_ADatabaseThatKnowsNoEncodingComesAsItIs(t *testing.T) {
	t.Parallel()
	c := postgrestest.Started(t, postgrestest.Spec(postgrestest.Folder(t), 0))
	admin := postgrestest.Connected(t, c.AdminURL("postgres"))
	for _, name := range []string{"raw", "twin"} {
		postgrestest.Runs(t, admin, `CREATE DATABASE `+name+` ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0`)
	}
	spec := logical.Spec{Source: c.AdminURL("raw"), Target: c.AdminURL("twin"), Bin: postgrestest.Bin(t)}
	source, target := postgrestest.Connected(t, spec.Source), postgrestest.Connected(t, spec.Target)
	postgrestest.Runs(t, source, `CREATE TABLE mixed (id int, masked text, kept text, listed text[]);
		INSERT INTO mixed SELECT i, E'Gr\xfc\xdfe', E'\xff\xfe\xc3', ARRAY[E'\xe4'] FROM generate_series(1, 3) i; COMMENT ON TABLE mixed IS E'f\xfcr alle'`)
	spec.Masks = func(string, []understudy.Column) (understudy.TableMasks, error) {
		return masking("masked", func(value []byte) ([]byte, error) { return bytes.ReplaceAll(value, []byte{0xfc}, []byte{0xf6}), nil }), nil
	}
	copied(t, spec)
	const query = `SELECT encode(textsend(%s || kept || listed[1] || obj_description('mixed'::regclass)), 'hex') FROM mixed`
	if here, there := postgrestest.Answer(t, source, fmt.Sprintf(query, `replace(masked, E'\xfc', E'\xf6')`)), postgrestest.Answer(t, target, fmt.Sprintf(query, "masked")); here != there || here == "" {
		t.Errorf("production has\n%s\nthe twin\n%s", here, there)
	}
}

func TestCopy_LargeRowsPass(t *testing.T) {
	t.Parallel()
	spec, source, target := pair(t, `CREATE TABLE wide (id int, masked text, bytes bytea, list text[]); ALTER TABLE wide ALTER masked SET STORAGE EXTERNAL, ALTER bytes SET STORAGE EXTERNAL;
		INSERT INTO wide VALUES (1, 'a', 'b', '{c}'), (2, repeat('0123456789abcde'||chr(9), 1 << 19), decode(repeat('00ff5c0a', 1 << 21), 'hex'), '{d}'), (3, 'e', 'f', '{g}')`)
	spec.Masks = func(string, []understudy.Column) (understudy.TableMasks, error) {
		return masking("masked", func(value []byte) ([]byte, error) { return bytes.ToUpper(value), nil }), nil
	}
	for _, column := range []string{"list", ""} { // with a column of text form only, and without
		copied(t, spec)
		const query = `SELECT concat_ws(' ', id, length(masked), md5(upper(masked)), md5(bytes)) FROM wide ORDER BY id`
		if here, there := postgrestest.Answer(t, source, query), postgrestest.Answer(t, target, query); here != there {
			t.Errorf("production has\n%s\nthe twin\n%s", here, there)
		}
		if column != "" {
			postgrestest.Runs(t, source, `ALTER TABLE wide DROP COLUMN `+column)
			postgrestest.Runs(t, target, `DROP TABLE wide`)
		}
	}
}

func TestCopy_NamesEveryMaskThatDoesNotFitBeforeTheRowsAreCopied(t *testing.T) {
	t.Parallel()
	spec, _, target := pair(t, postgrestest.EveryKindOfObject+`CREATE TABLE sized (code varchar(3)); INSERT INTO sized SELECT 'abc' FROM generate_series(1, 300000)`)
	spec.Masks = func(table string, _ []understudy.Column) (understudy.TableMasks, error) {
		long := func([]byte) ([]byte, error) { return []byte("longer"), nil }
		switch table {
		case "public.people":
			return masking("feeling", long), nil
		case "public.sized":
			return masking("code", long), nil
		case "public.orders":
			return masking("total", func([]byte) ([]byte, error) { return []byte("-1"), nil }), nil
		}
		return understudy.TableMasks{}, nil
	}
	_, err := logical.Copy(t.Context(), spec)
	postgrestest.Refused(t, err, understudy.KindInvalid, "nothing was copied", "public.people, row 1, column feeling", "public.sized, row 1, column code", "orders_total_check")
	if strings.Contains(err.Error(), "longer") {
		t.Errorf("the error shows a value: %v", err)
	}
	if rows := postgrestest.Answer(t, target, `SELECT count(*)::text FROM orders`); rows != "0" {
		t.Errorf("%s orders were copied", rows)
	}
}

func TestCopy_HundredsOfTables(t *testing.T) {
	t.Parallel()
	spec, _, target := pair(t, "")
	for at := range 2 { // each in a transaction of its own: one would want more locks than there are
		postgrestest.Exec(t, postgrestest.Cluster(t), databaseOf(spec.Source), fmt.Sprintf(
			`DO $$ BEGIN FOR i IN 1..100 LOOP EXECUTE format('CREATE TABLE t%%s_%d (id int PRIMARY KEY, x text)', i); EXECUTE format('INSERT INTO t%%s_%d VALUES (1, ''x'')', i); END LOOP; END $$`, at, at))
	}
	got := copied(t, spec)
	if got.Rows() != 200 || postgrestest.Answer(t, target, `SELECT count(*)::text FROM pg_constraint WHERE contype = 'p' AND conrelid >= 16384`) != "200" {
		t.Errorf("%d rows were copied", got.Rows())
	}
}

// databaseOf is the name of the database that an address leads to.
func databaseOf(address string) string {
	path, _, _ := strings.Cut(address, "?")
	return path[strings.LastIndex(path, "/")+1:]
}
