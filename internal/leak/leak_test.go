package leak_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/leak"
)

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

// rotated is a mask for tests: letters and digits move on, everything else stays.
func rotated(value []byte) ([]byte, error) {
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

// columnTypes of the one table that tests mask; column "kept" has no mask.
func columnTypes() map[string]string {
	return map[string]string{"email": "text", "name": "text", "phone": "text", "iban": "text", "born": "date", "doc": "jsonb", "tags": "text[]", "raw": "bytea"}
}

type bench struct {
	watch *leak.Watch
	masks understudy.TableMasks
}

func watching(t testing.TB, mask understudy.MaskFunc) bench {
	t.Helper()
	watch, err := leak.New(room(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := watch.Close(); err != nil {
			t.Error(err)
		}
	})
	var columns []understudy.Column
	chosen := understudy.TableMasks{Columns: map[string]understudy.Mask{}}
	for name, of := range columnTypes() {
		columns = append(columns, understudy.Column{Name: name, Type: of})
		chosen.Columns[name] = understudy.Mask{Name: "rotated", Apply: mask}
	}
	masks, err := watch.Masks(func(string, []understudy.Column) (understudy.TableMasks, error) { return chosen, nil })("public.people", columns)
	if err != nil {
		t.Fatal(err)
	}
	return bench{watch, masks}
}

func (b bench) masked(t testing.TB, column, value string) string {
	t.Helper()
	result, err := b.masks.Columns[column].Apply([]byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return string(result)
}

type cell struct{ column, of, value string }

func (b bench) finds(t testing.TB, cells ...cell) leak.Finds {
	t.Helper()
	set, err := b.watch.Seal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	scanner := set.Scanner()
	for _, c := range cells {
		if err := scanner.Value(set.Column(c.column, leak.FormOf(c.of)), []byte(c.value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := scanner.Flush(); err != nil {
		t.Fatal(err)
	}
	return judged(t, set)
}

func judged(t testing.TB, set *leak.Set) leak.Finds {
	t.Helper()
	finds, err := set.Judge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return finds
}

func people(t *testing.T) bench {
	b := watching(t, rotated)
	for column, value := range map[string]string{
		"email": "Anna.Schmidt@example.org", "name": "Anna Schmidtbauer", "phone": "+49 151 2345678", "iban": "DE89370400440532013000",
		"born": "1980-05-12 10:11:12", "doc": `{"who": {"mail": "klara@example.net", "n\u00fcmber": 4915177778888}, "kind": "x"}`,
		"tags": `{"Otto Waldemeister",NULL,"b\"c"}`, "raw": `\x` + fmt.Sprintf("%x", "Secret token 9981726354"),
	} {
		b.masked(t, column, value)
	}
	b.masked(t, "name", "Rosa")
	b.masked(t, "phone", "12345")
	return b
}

func TestScanner_FindsAnOriginalWhereverItStands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]cell{
		"as a number":               {"public.notes.number", "bigint", "4915177778888"},
		"as it is":                  {"public.notes.kept", "text", "Anna.Schmidt@example.org"},
		"in another case":           {"public.notes.kept", "text", "ANNA.SCHMIDT@EXAMPLE.ORG"},
		"in a sentence":             {"public.notes.kept", "text", "Please write to anna.schmidt@example.org, thanks"},
		"of a phone, other spacing": {"public.notes.kept", "text", "ring (+49) 151/23 45 678 now"},
		"of a phone, in letters":    {"public.notes.kept", "text", "tel49151 2345678x"},
		"of an account in groups":   {"public.notes.kept", "text", "IBAN: DE89 3704 0044 0532 0130 00."},
		"of a name turned round":    {"public.notes.kept", "text", "for Anna\nSchmidtbauer"},
		"in a URL":                  {"public.notes.kept", "text", "https://x.test/?m=anna.schmidt%40example.org&x=1"},
		"in JSON":                   {"public.notes.data", "jsonb", `{"a": [1, {"b": "q"}, "anna.schmidt@example.org"]}`},
		"in JSON, escaped":          {"public.notes.data", "json", `{"a": "hi\nanna.schmidt\u0040example.org\t"}`},
		"as a key of JSON":          {"public.notes.data", "jsonb", `{"anna.schmidt@example.org": 1}`},
		"as a number of JSON":       {"public.notes.data", "jsonb", `{"q": 4915177778888}`},
		"from inside JSON":          {"public.notes.kept", "text", "klara@example.net"},
		"from inside an array":      {"public.notes.kept", "text", "Otto Waldemeister"},
		"from inside bytes":         {"public.notes.kept", "text", "SECRET-TOKEN 9981726354"},
		"in an array":               {"public.notes.list", "text[]", `{a,"x \"Anna Schmidtbauer\" y"}`},
		"in hstore":                 {"public.notes.pairs", "hstore", `"a"=>"anna.schmidt@example.org"`},
		"in XML":                    {"public.notes.page", "xml", `<p><b>anna.schmidt@example.org</b></p>`},
		"in bytes":                  {"public.notes.blob", "bytea", "\x00\xff\x31Anna.Schmidt@example.org7\x01"},
		"in a masked column":        {"public.people.name", "text", "Anna Schmidtbauer"},
		"in masked JSON":            {"public.people.doc", "jsonb", `{"z": "Anna Schmidtbauer"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			finds := people(t).finds(t, cell{"public.notes.kept", "text", "nothing here, Rosa and other 123456789012"}, c)
			if len(finds) != 1 || finds[0].Kind != understudy.LeakFound || finds[0].Count != 1 || finds[0].Place != c.column {
				t.Errorf("found %+v; expected one leak at %s", finds, c.column)
			}
		})
	}
}

func TestScanner_CallsWhatSaysLittleCommon(t *testing.T) {
	t.Parallel()
	finds := people(t).finds(t, cell{"public.notes.kept", "text", "Rosa"}, cell{"public.notes.kept", "text", "1980-05-12 10:11:12"},
		cell{"public.notes.number", "bigint", "12345"})
	if len(finds) != 2 || slices.ContainsFunc(finds, func(l understudy.Leak) bool { return l.Kind != understudy.LeakCommon }) {
		t.Errorf("found %+v; expected two common values", finds)
	}
}

func TestScanner_CallsAWordThatManyShareCommon(t *testing.T) {
	t.Parallel()
	b := watching(t, rotated)
	for range 300 {
		b.masked(t, "name", "Saarbruecken")
	}
	finds := b.finds(t, cell{"public.places.town", "text", "Saarbruecken"})
	if len(finds) != 1 || finds[0].Kind != understudy.LeakCommon {
		t.Errorf("found %+v; expected one common value", finds)
	}
}

func TestScanner_CallsAResultOfTheMaskACoincidence(t *testing.T) {
	t.Parallel()
	b := watching(t, rotated)
	one := "+49 151 2345678"
	other := b.masked(t, "phone", one) // becomes somebody else's original
	b.masked(t, "phone", other)
	finds := b.finds(t, cell{"public.people.phone", "text", other}, cell{"public.people.tags", "text[]", "{x," + other + "}"},
		cell{"public.notes.kept", "text", other}, cell{"public.people.phone", "text", one})
	kinds := map[string]string{}
	for _, f := range finds {
		kinds[f.Place+" "+f.Where] = kinds[f.Place+" "+f.Where] + f.Kind + " "
	}
	want := map[string]string{"public.people.phone whole value": "leak coincidence ", "public.people.tags inside a value": "coincidence ", "public.notes.kept whole value": "leak "}
	if fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("found %v; expected %v", kinds, want)
	}
}

func TestScanner_FindsWhatAMaskLetThrough(t *testing.T) {
	t.Parallel()
	sweep := func(value []byte) ([]byte, error) { // masks nothing but one word
		return bytes.ReplaceAll(value, []byte("hello"), []byte("adieu")), nil
	}
	b := watching(t, sweep)
	b.masked(t, "phone", "+49 151 2345678") // not masked at all
	note := b.masked(t, "name", "hello, this is +49 151 2345678")
	finds := b.finds(t, cell{"public.people.name", "text", note}, cell{"public.people.phone", "text", "+49 151 2345678"})
	if len(finds) != 2 || finds[0].Kind != understudy.LeakFound || finds[1].Kind != understudy.LeakFound {
		t.Errorf("found %+v; expected two leaks", finds)
	}
}

func TestScanner_LeavesAddressesOfEveryMachineAlone(t *testing.T) {
	t.Parallel()
	b := watching(t, func(value []byte) ([]byte, error) { return value, nil })
	for _, own := range []string{"127.10.237.155", "::1", "0.0.0.0", "127.0.0.1/8"} {
		b.masked(t, "name", own)
		if finds := b.finds(t, cell{"public.people.name", "text", own}); len(finds) > 0 {
			t.Errorf("found %+v of %s", finds, own)
		}
	}
}

func TestWatch_SeesValuesThatChangePlaces(t *testing.T) {
	t.Parallel()
	watch, err := leak.New(room(t))
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	turn := understudy.BatchMask{Name: "shuffle", Columns: []string{"name"}, Apply: func(_ context.Context, rows [][][]byte) error {
		rows[0], rows[1] = rows[1], rows[0]
		return nil
	}}
	masks, err := watch.Masks(func(string, []understudy.Column) (understudy.TableMasks, error) {
		return understudy.TableMasks{Batches: []understudy.BatchMask{turn}}, nil
	})("public.people", []understudy.Column{{Name: "name", Type: "text"}})
	if err != nil {
		t.Fatal(err)
	}
	rows := [][][]byte{{[]byte("Anna Schmidtbauer")}, {[]byte("Otto Waldemeister")}}
	if err := masks.Batches[0].Apply(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	finds := bench{watch: watch}.finds(t, cell{"public.people.name", "text", "Anna Schmidtbauer"}, cell{"public.notes.kept", "text", "Anna Schmidtbauer"})
	if len(finds) != 2 || finds[0].Kind != understudy.LeakFound || finds[0].Place != "public.notes.kept" || finds[1].Kind != understudy.LeakCoincidence {
		t.Errorf("found %+v; expected a leak in the kept column and a coincidence in the shuffled one", finds)
	}
}

func TestRaw_FindsOriginalsInPages(t *testing.T) {
	t.Parallel()
	b := people(t)
	set, err := b.watch.Seal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	source := rand.New(rand.NewPCG(1, 2))
	file := make([]byte, 3<<20)
	for i := 0; i+8 <= len(file); i += 8 {
		binary.LittleEndian.PutUint64(file[i:], source.Uint64())
	}
	seam := 256<<10 + 256 - 10
	for i, at := range []int{0, 8192*3 + 17, seam, 2<<20 + 5, len(file) - 25} {
		copy(file[at:], []string{"1Anna.Schmidt@example.orgK", "3klara@example.netA"}[i%2])
	}
	if err := set.Raw(t.Context(), "base/1/2", bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	var mail int64
	for _, f := range judged(t, set) {
		if f.Kind != understudy.LeakFound || f.Place != "base/1/2" {
			t.Errorf("found %+v", f)
		}
		mail += f.Count
	}
	if mail < 5 {
		t.Errorf("found %d originals, expected all 5", mail)
	}
}

func TestScanner_FindsAnyOriginalAmongAnyWords(t *testing.T) {
	t.Parallel()
	source := rand.New(rand.NewPCG(7, 7))
	b := watching(t, rotated)
	var originals []string
	for range 2000 {
		value := words(source, 1+source.IntN(5))
		originals = append(originals, value)
		b.masked(t, "name", value)
	}
	var cells []cell
	for i, value := range originals {
		around := value
		if i%2 == 0 {
			around = words(source, 4) + ", " + strings.ToUpper(value) + "; " + words(source, 4)
		}
		cells = append(cells, cell{"public.notes.kept", "text", around})
	}
	var found int64
	for _, f := range b.finds(t, cells...) {
		if f.Kind == understudy.LeakFound {
			found += f.Count
		}
	}
	if found != int64(len(originals)) {
		t.Errorf("found %d of %d", found, len(originals))
	}
}

// words are n words that together say something.
func words(source *rand.Rand, n int) string {
	var out []string
	for range n {
		word := make([]rune, 10+source.IntN(4))
		for i := range word {
			word[i] = []rune("abcdefghijklmnopqrstuvwxyzäöüß0123456789")[source.IntN(40)]
		}
		out = append(out, string(word))
	}
	return strings.Join(out, []string{" ", "-", "@", ", ", " (", "_"}[source.IntN(6)])
}
