package mask

import (
	"fmt"
	"testing"

	"understudy"
	"understudy/internal/postgres/postgrestest"
)

// What PostgreSQL keeps: types, domains, checks and unique keys of a table of people.
const peopleTable = `
create extension hstore;
create domain address as text check (value ~* '^[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z0-9]{2,}$');
create domain plate as varchar(12) check (value ~ '^[A-Z]{1,3}-[A-Z]{1,2} [0-9]{1,4}$');
create table people (
  n int primary key, mail address not null unique, plate plate unique, name varchar(40) check (length(name) > 2), phone text check (phone ~ '^\+[0-9 ]+$'),
  born date, seen timestamptz, token uuid unique, ip inet, net cidr, mac macaddr, code char(7), pin int check (pin between 0 and 99999), total numeric(10,2), tall real,
  mails text[], profile jsonb check (jsonb_typeof(profile) = 'object'), old json, doc xml, pairs hstore, iban varchar(34) check (length(iban) = 22));
insert into people select n, 'Anna.' || n || (array['@gmail.com', '@Moser.de', '@kanzlei-lang.co.at', '@x.museum'])[1 + n % 4],
  'KA-' || chr(65 + n % 26) || ' ' || n, 'Jörg Müller ' || n, '+49 151 ' || 1000000 + n, date '1980-01-01' + n, timestamptz '2024-02-29 10:00:00.5+01' + n * interval '1 hour',
  md5(n::text)::uuid, ('10.' || n % 200 || '.0.' || n % 250)::inet + n % 5, ('10.' || n % 256 || '.0.0/16')::cidr, '08:00:2b:01:02:03'::macaddr, 'ab' || lpad(n::text, 5, '0'),
  n, n * 1.25, n * 0.5, array['a' || n || '@b.de', null, 'say "hi", ' || n], jsonb_build_object('mail', 'a' || n || '@gmail.com', 'tags', jsonb_build_array('t' || n), 'n', n),
  '{"mail": "a@b.de"}', xmlelement(name a, xmlattributes('x@y.de' as b), 'Anna & ' || n), hstore('mail', 'a"' || n || '@b.de') || 'gone=>NULL',
  'DE89' || lpad(n::text, 18, '3') from generate_series(1, 200) n;
insert into people(n, mail) values (0, 'info@moser.de');
create table masked (like people including all);
`

const peopleRules = `columns:
  public.people.n: keep
  public.people.mail: email
  public.people.plate: token
  public.people.name: name
  public.people.phone: phone
  public.people.born: date
  public.people.seen: date
  public.people.token: uuid
  public.people.ip: ip
  public.people.net: ip
  public.people.mac: token
  public.people.code: token
  public.people.pin: number
  public.people.total: rank
  public.people.tall: number
  public.people.mails: text
  public.people.profile: {json: {mail: email, tags: text, n: keep}}
  public.people.old: text
  public.people.doc: text
  public.people.pairs: {hstore: {mail: email}}
  public.people.iban: iban
`

func TestMasks_AreTakenBackByPostgreSQLAtTheSizeThatTheySay(t *testing.T) {
	c, name := postgrestest.Database(t)
	conn := postgrestest.Connected(t, c.AdminURL(name))
	postgrestest.Runs(t, conn, peopleTable)
	var columns []understudy.Column
	rows, err := conn.Query(t.Context(), `select attname, format_type(atttypid, atttypmod), not attnotnull from pg_attribute where attrelid = 'people'::regclass and attnum > 0 order by attnum`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		column := understudy.Column{Table: "public.people"}
		if err := rows.Scan(&column.Name, &column.Type, &column.Nullable); err != nil {
			t.Fatal(err)
		}
		columns = append(columns, column)
	}
	masks, err := mustParse(t, peopleRules).Masks([]byte(secret))("public.people", columns)
	if err != nil {
		t.Fatal(err)
	}
	postgrestest.Runs(t, conn, "insert into masked select * from people")
	kept := 0
	for _, column := range columns {
		m, masked := masks.Columns[column.Name]
		if !masked {
			continue
		}
		before := map[int]string{}
		rows, err := conn.Query(t.Context(), fmt.Sprintf("select n, %s::text from people where %[1]s is not null", column.Name))
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var n int
			var value string
			if err := rows.Scan(&n, &value); err != nil {
				t.Fatal(err)
			}
			before[n] = value
		}
		var numbers []int
		var texts []string
		for n, value := range before {
			to, err := m.Apply([]byte(value))
			if err != nil {
				t.Fatalf("%s of %s: %v", m.Name, column.Name, err)
			}
			numbers, texts = append(numbers, n), append(texts, string(to))
		}
		if _, err := conn.Exec(t.Context(), fmt.Sprintf("update masked set %s = v.x::%s from unnest($1::int[], $2::text[]) v(n, x) where masked.n = v.n", column.Name, column.Type), numbers, texts); err != nil {
			t.Fatalf("%s masked by %s: %v", column.Name, m.Name, err)
		}
		if m.KeepsLength {
			kept++
			if got := postgrestest.Answer(t, conn, fmt.Sprintf(`select format('%%s became %%s', a.%[1]s, b.%[1]s) from people a join masked b using (n) where pg_column_size(a.%[1]s) <> pg_column_size(b.%[1]s) limit 1`, column.Name)); got != "" {
				t.Errorf("%s says of %s that it keeps length: %s", m.Name, column.Name, got)
			}
		}
		if got := postgrestest.Answer(t, conn, fmt.Sprintf(`select format('%%s became %%s', a.%[1]s, b.%[1]s) from people a join masked b using (n) where a.%[1]s::text = b.%[1]s::text limit 1`, column.Name)); got != "" && m.Name != "rank" && m.Name != "number" {
			t.Errorf("%s of %s: %s", m.Name, column.Name, got)
		}
	}
	if kept < 13 {
		t.Errorf("only %d columns keep their length", kept)
	}
}
