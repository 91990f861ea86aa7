package leak

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The vectors are those of the reference implementation of SipHash-2-4: key 00..0f, input
// 00, 01, … of a growing length.
func TestSip_AnswersTheOfficialVectors(t *testing.T) {
	t.Parallel()
	k := key{0x0706050403020100, 0x0f0e0d0c0b0a0908}
	for length, want := range map[int]string{0: "310e0edd47db6f72", 1: "fd67dc93c539f874", 2: "5a4fa9d909806c0d", 15: "e545be4961ca29a1"} {
		input := make([]byte, length)
		for i := range input {
			input[i] = byte(i)
		}
		sum := k.sip(input)
		var raw [8]byte
		for i := range raw {
			raw[i] = byte(sum >> (8 * i))
		}
		if got := hex.EncodeToString(raw[:]); got != want {
			t.Errorf("%d bytes: %s, expected %s", length, got, want)
		}
	}
}

func TestFold_LeavesLettersAndDigitsWithTheEdgesOfWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Anna.Schmidt@Example.org": "|anna|schmidt|example|org",
		"+49 (151) 2":              "|49|151|2",
		"Tel0151x":                 "|tel|0151|x",
		"ÄRGER élan":               "|ärger|élan",
		"a%40b":                    "|a|b",
		`x\nAnna`:                  "|x|n|anna",
		"山田a":                      "|山|田|a",
		"a\xffb":                   "|a|b",
		"a1b2 3f0c9d1e x1":         "|a1b2|3f0c9d1e|x|1",
		"":                         "",
	} {
		var s skeleton
		s.fold([]byte(text))
		var got []byte
		for i, c := range s.bytes {
			if s.edges[i] {
				got = append(got, '|')
			}
			got = append(got, c)
		}
		if string(got) != want {
			t.Errorf("%q: %s, expected %s", text, got, want)
		}
	}
}

func TestLeaves_AreTheTextsKeysAndNumbersOfADocument(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		form  Form
		value string
		want  []string
	}{
		{JSON, `{"a b": ["x\"y", 12.5e3, null], "ü": {"\u00fc\n": ""}}`, []string{"a b", `x"y`, "12.5e3", "null", "ü", "ü ", ""}},
		{Array, `{a b,"c,\"d",NULL,{e}}`, []string{"a b", `c,"d`, "NULL", "e"}},
		{Array, `"k"=>"v w", "n"=>NULL`, []string{"k", "v w", "n", "NULL"}},
		{Array, `("Main St",12,)`, []string{"Main St", "12"}},
		{JSON, `"no end \`, []string{`no end \`}},
		{Text, `{"a"}`, []string{`{"a"}`}},
	} {
		var l leaves
		l.start(c.form, []byte(c.value))
		var got []string
		for leaf, more := l.next(); more; leaf, more = l.next() {
			got = append(got, string(leaf))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.value, diff)
		}
	}
}

func TestWeak_FollowsTheRule(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"rosa": true, "12345678": true, "123456789": false, "schneidea": true, "annaschmidt": false, "00000000000000": true,
		"4915177778888": false, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": true, "山田太": true, "山田太郎": false, "": true,
	} {
		if weak([]byte(text)) != want {
			t.Errorf("weak(%s) is %v", text, !want)
		}
	}
}

func TestScanner_AllocatesNothingForAValue(t *testing.T) {
	w, err := New(func() (File, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	w.lengths.note([]byte("annaschmidt"))
	set := &Set{watch: w, bloom: newBloom(1), candidates: newSpill(nil, 3)}
	scanner, text, doc := set.Scanner(), set.Column("a.b.c", Text), set.Column("a.b.d", JSON)
	note, people := []byte("Anna Schmidt lives in 12 of the places, 0123456789"), []byte(`{"a": "Anna\nSchmidt", "b": [1, 2]}`)
	look := func() {
		if err := scanner.Value(text, note); err != nil {
			t.Fatal(err)
		}
		if err := scanner.Value(doc, people); err != nil {
			t.Fatal(err)
		}
	}
	if allocated := testing.AllocsPerRun(100, look); allocated > 0 {
		t.Errorf("%v allocations for two values", allocated)
	}
}
