package proof_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/leak"
	"understudy/internal/postgres"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/postgrestest"
	"understudy/internal/postgres/proof"
)

// shop is a source with people in several places.
const shop = `
	CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, name text NOT NULL, phone text, birth_date date, postcode text,
		gender text, level text NOT NULL, profile jsonb NOT NULL, shouted text GENERATED ALWAYS AS (upper(email)) STORED);
	INSERT INTO customers SELECT i, 'anna.muller' || i || '@example.org', 'Anna Muller' || chr(97 + i % 26) || chr(97 + i / 26 % 26) || ' Schmidt', '+49151' || 1000000 + i * 7919 % 8000000,
		date '1950-01-01' + i % 9000, lpad((i % 50)::text, 5, '0'), (ARRAY['f','m'])[1 + i % 2], (ARRAY['gold','silver','silver','none'])[1 + i % 4],
		jsonb_build_object('contact', jsonb_build_object('email', 'anna.muller' || i || '@example.org'), 'score', i % 100) FROM generate_series(1, 2000) i;
	CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint NOT NULL REFERENCES customers, note text, data jsonb NOT NULL, raw bytea, total numeric(10,2) NOT NULL CHECK (total > 0));
	INSERT INTO orders SELECT i, 1 + i % 2000, CASE WHEN i % 3 = 0 THEN 'leave it at the door, number ' || i % 7 END,
		jsonb_build_object('path', '/p/' || i % 50, 'session', md5(i::text)), decode(md5(i::text), 'hex'), 1 + i % 400 FROM generate_series(1, 5000) i;
	CREATE INDEX ON orders (customer);
	ANALYZE;`

// room is a file without a name.
func room(t testing.TB) func() (leak.File, error) {
	dir := t.TempDir()
	return func() (leak.File, error) {
		file, err := os.CreateTemp(dir, "")
		if err != nil {
			return nil, err
		}
		return file, os.Remove(file.Name())
	}
}

// moved is a mask for tests: letters and digits move on, everything else stays.
func moved(value []byte) ([]byte, error) {
	out := bytes.Clone(value)
	for i, c := range out {
		switch {
		case c >= '0' && c <= '9':
			out[i] = '0' + (c-'0'+7)%10
		case c >= 'a' && c <= 'z':
			out[i] = 'a' + (c-'a'+11)%26
		case c >= 'A' && c <= 'Z':
			out[i] = 'A' + (c-'A'+11)%26
		}
	}
	return out, nil
}

// document masks the one text in it that is personal.
func document(value []byte) ([]byte, error) {
	at := bytes.Index(value, []byte("anna.muller"))
	end := at + bytes.IndexByte(value[at:], '"')
	mail, err := moved(value[at:end])
	return slices.Concat(value[:at], mail, value[end:]), err
}

func shopMasks(table string, _ []understudy.Column) (understudy.TableMasks, error) {
	if table != "public.customers" {
		return understudy.TableMasks{}, nil
	}
	masks := map[string]understudy.Mask{"profile": {Name: "json", Apply: document}}
	for _, name := range []string{"email", "name", "phone"} {
		masks[name] = understudy.Mask{Name: "moved", Apply: moved, Unique: true, KeepsLength: true}
	}
	return understudy.TableMasks{Columns: masks}, nil
}

type bed struct {
	spec   proof.Spec
	after  string // run on the twin before it is checked
	source *pgx.Conn
	copy   logical.Spec
}

func copying(t *testing.T, fill string) *bed {
	t.Helper()
	c, from := postgrestest.Database(t)
	_, to := postgrestest.Database(t)
	source := postgrestest.Connected(t, c.AdminURL(from))
	postgrestest.Runs(t, source, fill)
	return &bed{
		spec:   proof.Spec{Masks: shopMasks, Room: room(t)},
		source: source,
		copy:   logical.Spec{Source: c.AdminURL(from), Target: c.AdminURL(to), Bin: postgrestest.Bin(t)},
	}
}

func (b *bed) proven(t *testing.T) understudy.CopyProof {
	t.Helper()
	p, err := proof.New(b.spec)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	b.copy.Masks = p.Masks
	b.copy.While = func(ctx context.Context, m *postgres.Moment, target *pgx.Conn) error {
		if _, err := target.Exec(ctx, "SET search_path = public; "+b.after+"; RESET search_path"); err != nil {
			return fmt.Errorf("spoiling the twin: %w", err)
		}
		return p.Check(ctx, m, target)
	}
	if _, err := logical.Copy(t.Context(), b.copy); err != nil {
		t.Fatalf("copying: %v (hint: %s)", err, understudy.HintOf(err))
	}
	got, err := p.Finish(t.Context(), b.copy.Target)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestProof_FindsNothingWrongWithACleanCopy(t *testing.T) {
	t.Parallel()
	got := copying(t, shop).proven(t)
	if why := got.Refusals(); len(why) > 0 {
		t.Fatalf("refused: %v", why)
	}
	if got.TablesEqual != 2 || got.TablesPrinted != 2 || got.Leaked != 0 || got.Invalid != 0 || got.Digest == "" {
		t.Errorf("summary: %+v", got.ProofSummary)
	}
	if got.Originals < 4676 || got.Values < 20000 || got.Likeness < 0.95 {
		t.Errorf("%d originals, %d values searched, likeness %.3f", got.Originals, got.Values, got.Likeness)
	}
	if got.Objects.Constraints != 5 || got.Objects.Indexes != 4 {
		t.Errorf("objects: %+v", got.Objects)
	}
	distinct := map[string][2]float64{}
	for _, c := range got.Columns {
		if c.DistinctExact {
			distinct[c.Column] = c.Distinct
		}
	}
	if diff := cmp.Diff(map[string][2]float64{"public.customers.name": {676, 676}, "public.customers.phone": {2000, 2000}}, distinct); diff != "" {
		t.Errorf("distinct: %s", diff)
	}
	want := []understudy.GroupProof{{Table: "public.customers", Columns: []string{"birth_date", "postcode", "gender"}, K: 5, Groups: 2000, Small: 2000, Rows: 2000, Guessed: true}}
	if diff := cmp.Diff(want, got.Groups); diff != "" {
		t.Errorf("groups: %s", diff)
	}
}

func TestProof_FindsOneOriginalWhereverItIsPlanted(t *testing.T) {
	t.Parallel()
	b := copying(t, shop)
	b.spec.Compare = proof.Off
	b.after = `
		UPDATE orders SET note = 'anna.muller77@example.org' WHERE id = 4000;
		UPDATE orders SET note = 'ring +49 151 1007919, please' WHERE id = 17;
		UPDATE orders SET note = (SELECT string_agg(md5(i::text), ' ') FROM generate_series(1, 5000) i) || ' anna.muller80@example.org' WHERE id = 5;
		UPDATE orders SET data = jsonb_set(data, '{who}', '["x", {"mail": "Anna.Muller78@example.org"}]') WHERE id = 1;
		UPDATE orders SET raw = '\x00ff'::bytea || convert_to('anna.muller79@example.org', 'UTF8') WHERE id = 3;
		UPDATE customers SET phone = '+491511015838' WHERE id = 5;
		UPDATE customers SET profile = jsonb_set(profile, '{x}', '"anna.muller81@example.org"') WHERE id = 9;
		SELECT lo_from_bytea(0, 'for anna.muller80@example.org')`
	got := b.proven(t)
	places := map[string]int64{}
	for _, leak := range got.Leaks {
		if leak.Kind == understudy.LeakFound {
			places[leak.Place] += leak.Count
		}
	}
	want := map[string]int64{
		"public.orders.note": 3, "public.orders.data": 1, "public.orders.raw": 1, "public.customers.phone": 1,
		"public.customers.profile": 1, "pg_catalog.pg_largeobject.data": 1,
	}
	if diff := cmp.Diff(want, places); diff != "" || got.Leaked != 8 {
		t.Errorf("leaks: %s; %+v", diff, got.Leaks)
	}
}

func TestProof_NamesWhatDiffersFromTheSource(t *testing.T) {
	t.Parallel()
	b := copying(t, shop)
	b.after = `UPDATE orders SET total = 9 WHERE id = 7; DELETE FROM customers WHERE id = 2000 AND NOT EXISTS (SELECT FROM orders WHERE customer = 2000);
		INSERT INTO customers (id, email, name, level, profile) VALUES (9999, 'x', 'y', 'z', '{}'); DROP INDEX orders_customer_idx; UPDATE customers SET name = 'same' WHERE id < 30`
	got := b.proven(t)
	said := strings.Join(got.Refusals(), "\n")
	for _, part := range []string{`unmasked columns of public.orders differ from the source: ["total"]`, "public.customers has 2001 rows, and its source 2000",
		"index orders_customer_idx of public.orders is missing", "public.customers.name has"} {
		if !strings.Contains(said, part) {
			t.Errorf("not said: %s in\n%s", part, said)
		}
	}
}

func TestProof_AcceptsOriginalsOnlyWhereTheTeamDid(t *testing.T) {
	t.Parallel()
	b := copying(t, shop)
	b.spec.Accepted = []string{"public.orders.note"}
	b.after = `UPDATE orders SET note = 'anna.muller77@example.org' WHERE id < 3; UPDATE orders SET data = '"anna.muller77@example.org"' WHERE id = 9`
	b.spec.Compare = proof.Off
	got := b.proven(t)
	if got.Accepted != 2 || got.Leaked != 1 || len(got.Refusals()) != 1 {
		t.Errorf("summary %+v, refusals %v", got.ProofSummary, got.Refusals())
	}
}

func TestProof_SaysWhatItCouldNotShow(t *testing.T) {
	t.Parallel()
	b := copying(t, `CREATE TABLE plain (id int); INSERT INTO plain VALUES (1)`)
	b.spec.Compare = proof.Off
	b.spec.Groups = []proof.Group{{Table: "public.none", Columns: []string{"x"}}, {Table: "public.plain", Columns: []string{"y"}}}
	got := b.proven(t)
	said := strings.Join(got.NotShown, "\n")
	for _, part := range []string{"fingerprints were not compared", "1 columns have no statistics", "no pg_stat_statements", "no such table", "it has no column y"} {
		if !strings.Contains(said, part) {
			t.Errorf("not said: %s in\n%s", part, said)
		}
	}
}

func TestProof_SearchesTheFilesItIsShown(t *testing.T) {
	t.Parallel()
	b := copying(t, shop)
	b.spec.Compare = proof.Off
	b.spec.Files = func(_ context.Context, show func(string, io.Reader) error) error {
		return show("base/1/1234", strings.NewReader("\x00\x00\x1danna.muller1234@example.org\x00"))
	}
	got := b.proven(t)
	if got.Leaked != 1 || got.Leaks[0].Place != "base/1/1234" {
		t.Errorf("leaks: %+v", got.Leaks)
	}
}

func TestProof_HandlesEveryKindOfObject(t *testing.T) {
	t.Parallel()
	b := copying(t, postgrestest.EveryKindOfObject)
	got := b.proven(t)
	if why := got.Refusals(); len(why) > 0 {
		t.Errorf("refused: %v", why)
	}
}

func TestFinish_AloneStillFindsOriginals(t *testing.T) {
	t.Parallel()
	b := copying(t, shop)
	p, err := proof.New(b.spec)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	b.copy.Masks = p.Masks
	if _, err := logical.Copy(t.Context(), b.copy); err != nil {
		t.Fatal(err)
	}
	target := postgrestest.Connected(t, b.copy.Target)
	postgrestest.Runs(t, target, `UPDATE orders SET note = 'anna.muller77@example.org' WHERE id = 4000`)
	got, err := p.Finish(t.Context(), b.copy.Target)
	if err != nil {
		t.Fatal(err)
	}
	if got.Leaked != 1 || got.Took > time.Hour || got.At.IsZero() || len(got.Groups) != 1 || !strings.Contains(got.NotShown[0], "nothing was compared") {
		t.Errorf("summary %+v after %s; not shown: %q", got.ProofSummary, got.Took, got.NotShown)
	}
}
