package heap

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"understudy"
)

// pageOf is a page of tuples with one text and one number each, as the server lays them out.
func pageOf(texts ...string) []byte {
	page := make([]byte, PageSize)
	lower, upper := pageHeader, PageSize
	for i, text := range texts {
		tuple := make([]byte, 24)
		binary.LittleEndian.PutUint16(tuple[18:], 2)
		binary.LittleEndian.PutUint16(tuple[20:], xminCommitted|xmaxInvalid)
		tuple[22] = 24
		if len(text) < 127 {
			tuple = append(tuple, byte(len(text)+1)<<1|1)
		} else {
			tuple = binary.LittleEndian.AppendUint32(tuple, uint32(len(text)+4)<<2)
		}
		tuple = append(tuple, text...)
		for len(tuple)%4 != 0 {
			tuple = append(tuple, 0)
		}
		tuple = binary.LittleEndian.AppendUint32(tuple, uint32(i))
		upper = (upper - len(tuple)) &^ 7
		copy(page[upper:], tuple)
		binary.LittleEndian.PutUint32(page[lower:], uint32(upper)|pointerNormal<<15|uint32(len(tuple))<<17)
		lower += pointerSize
	}
	binary.LittleEndian.PutUint16(page[atLower:], uint16(lower))
	binary.LittleEndian.PutUint16(page[atUpper:], uint16(upper))
	binary.LittleEndian.PutUint16(page[atSpecial:], PageSize)
	binary.LittleEndian.PutUint16(page[atLayout:], PageSize|pageLayout)
	return page
}

// upside turns letters round, and keeps lengths.
func upside(value []byte) ([]byte, error) {
	out := bytes.Clone(value)
	for i, b := range out {
		if b >= 'a' && b <= 'z' {
			out[i] = 'a' + 'z' - b
		}
	}
	return out, nil
}

func textTable(masked bool) *Table {
	t := &Table{Checksums: true, Columns: []Column{{Name: "public.t.a", Length: -1, Align: 'i'}, {Name: "public.t.n", Length: 4, Align: 'i'}}}
	if masked {
		t.Columns[0].Mask = &understudy.Mask{Name: "upside", Apply: upside, KeepsLength: true}
	}
	return t
}

func TestPage_WritesOverTheOriginalsAndEmptiesTheHoles(t *testing.T) {
	page := pageOf("anna", "bert", string(bytes.Repeat([]byte("long"), 50)))
	copy(page[4000:], "what was deleted")
	w := NewWriter(textTable(true))
	changed, err := w.Page(page, 7)
	if err != nil || !changed {
		t.Fatalf("changed: %v, %v", changed, err)
	}
	for _, original := range []string{"anna", "bert", "longlong", "deleted"} {
		if bytes.Contains(page, []byte(original)) {
			t.Errorf("%q is still there", original)
		}
	}
	if !bytes.Contains(page, []byte("zmmz")) {
		t.Error("the masked value is not there")
	}
	if w.Values != 3 || w.Tuples != 3 || w.Certain != 3 {
		t.Errorf("counted %+v", w.Tally)
	}
	if err := Sound(page, 7, true); err != nil {
		t.Error(err)
	}
	if Sound(page, 8, true) == nil {
		t.Error("a page passes for another one")
	}
}

func TestPage_LeavesAWholeTupleWhoseValueNeedsAnotherSize(t *testing.T) {
	page := pageOf("anna", "bert")
	before := bytes.Clone(page)
	table := textTable(true)
	table.Columns[0].Mask.Apply = func(v []byte) ([]byte, error) { return append(bytes.Clone(v), '!'), nil }
	w := NewWriter(table)
	var left []uint16
	w.OnLeft = func(_ uint32, pointer uint16) { left = append(left, pointer) }
	if changed, err := w.Page(page, 0); err != nil || changed || !bytes.Equal(page, before) {
		t.Errorf("changed: %v, %v", changed, err)
	}
	if fmt.Sprint(left) != "[2 1]" || w.Left != 2 || w.Values != 0 {
		t.Errorf("left %v, counted %+v", left, w.Tally)
	}
}

func TestPage_NeverPanicsOnADamagedPage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	table := &Table{}
	for _, name := range []string{"text", "numeric", "jsonb", "inet", "date", "bytea"} {
		form, _ := FormOf(name, "")
		table.Columns = append(table.Columns, Column{Name: name, Length: -1, Align: 'i', Form: form, Mask: &understudy.Mask{
			Name: "upside", Apply: upside, Leaf: func([]string) understudy.MaskFunc { return upside }}})
	}
	array, _ := FormOf("_text", "text")
	table.Columns = append(table.Columns, Column{Name: "array", Length: -1, Align: 'i', Form: array, Mask: table.Columns[0].Mask}, Column{Length: -2, Align: 'c', Dropped: true})
	for range 20000 {
		page := pageOf("anna", "bert")
		for range 1 + random.IntN(60) {
			at := random.IntN(40)
			if random.IntN(2) == 0 {
				at = PageSize - 1 - random.IntN(80)
			}
			page[at] = byte(random.IntN(256))
		}
		binary.LittleEndian.PutUint16(page[len(page)-62:], uint16(1+random.IntN(8))) // about where the last tuple counts its fields
		w := NewWriter(table)
		_, _ = w.Page(page, 0) // an error is right, a panic is not
	}
}

func TestNumeric_ReadsAndWritesWhatTheServerStores(t *testing.T) {
	for _, text := range []string{"0", "0.00", "1", "-1", "9999", "10000", "123456789.0123", "-0.0001", "100000000", "0.5", "99999999999999999999.99"} {
		d := storedNumber(t, text)
		back, ok := numericText(nil, d)
		if !ok || string(back) != text {
			t.Errorf("%s came back as %s", text, back)
		}
	}
}

func storedNumber(t *testing.T, text string) []byte {
	t.Helper()
	digits := bytes.TrimPrefix([]byte(text), []byte("-"))
	whole, part, _ := bytes.Cut(digits, []byte("."))
	list, ok := numerals(whole, part)
	if !ok {
		t.Fatalf("%s is no number", text)
	}
	d := decimal{negative: text[0] == '-', scale: len(part), numerals: list, weight: (len(whole)+3)/4 - 1}
	return d.appendTo(nil)
}

func TestArray_IsReadAsTheServerWritesIt(t *testing.T) {
	list, ok := parseArray([]byte(`{plain,"two words",NULL,"NULL","q\"\\"}`))
	if !ok || len(list) != 5 || string(list[1].text) != "two words" || !list[2].null || list[3].null || string(list[4].text) != `q"\` {
		t.Errorf("%v %v", ok, list)
	}
	for _, bad := range []string{"", "{", "{a", `{"a}`, "{a,}", "{{a},{b}}"} {
		if _, ok := parseArray([]byte(bad)); ok {
			t.Errorf("%s passes for an array", bad)
		}
	}
}

func BenchmarkPage(b *testing.B) {
	var texts []string
	for i := range 120 {
		texts = append(texts, "somebody.or.other"+strconv.Itoa(i)+"@example.org")
	}
	page := pageOf(texts...)
	w := NewWriter(textTable(true))
	b.SetBytes(PageSize)
	for b.Loop() {
		if _, err := w.Page(page, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChecksum(b *testing.B) {
	page := pageOf("anna")
	b.SetBytes(PageSize)
	for b.Loop() {
		Checksum(page, 1)
	}
}
