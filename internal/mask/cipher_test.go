package mask

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func testKey(t testing.TB, secret string) *keyed {
	t.Helper()
	k, err := newKeyed([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const (
	secret  = "0123456789abcdef0123456789abcdef"
	another = "another key of a sufficient length"
)

func TestPermute_IsOneCycleThroughTheWholeDomain(t *testing.T) {
	k := testKey(t, secret)
	long := func(s *symbols) { k.seal(s); k.permuteLong(s) }
	for _, c := range []struct {
		way     string
		permute func(*symbols)
		radices [][]int
	}{
		{"any", k.permute, [][]int{{2}, {3}, {10}, {26}, {999}, {2, 2}, {10, 10}, {26, 10}, {10, 26, 10}, {9, 10, 10, 10}, {16, 16, 16}, {5, 1, 7}, {1, 1, 3}, {256, 256}}},
		{"long", long, [][]int{{2, 2}, {10, 10}, {26, 10}, {10, 26, 10}, {16, 16, 16}, {5, 1, 7}, {256, 256}}},
		{"FF1", k.permute, [][]int{{10, 10, 10, 10, 10, 10}}},
	} {
		for _, radix := range c.radices {
			t.Run(c.way+fmt.Sprint(radix), func(t *testing.T) { goesRound(t, k, c.permute, radix) })
		}
	}
}

// goesRound goes from zero on until it is at zero again.
func goesRound(t *testing.T, k *keyed, permute func(*symbols), radix []int) {
	size := 1
	for _, r := range radix {
		size *= r
	}
	if size > 10*bijectionValues {
		return
	}
	value, steps := make([]uint16, len(radix)), 0
	for zero := make([]uint16, len(radix)); steps == 0 || !slices.Equal(value, zero); steps++ {
		if steps > size {
			t.Fatal("walked further than the domain is large")
		}
		s := k.take("test")
		for i, v := range value {
			s.add(int(v), radix[i])
		}
		permute(s)
		copy(value, s.value)
		k.give(s)
	}
	if len(radix) > 1 && steps != size {
		t.Errorf("returned after %d of %d strings", steps, size)
	}
	if len(radix) == 1 && steps < 2 {
		t.Errorf("a single symbol stayed in its place")
	}
}

func TestPermute_OfASingleSymbolIsABijectionWithoutFixedPoints(t *testing.T) {
	k := testKey(t, secret)
	for _, radix := range []int{2, 3, 7, 10, 26, 64, 11172, 20992} {
		seen := map[uint16]bool{}
		for v := range radix {
			s := k.take("test")
			s.add(v, radix)
			k.permute(s)
			if int(s.value[0]) >= radix || int(s.value[0]) == v || seen[s.value[0]] {
				t.Fatalf("radix %d: %d became %d (out of range, itself, or twice)", radix, v, s.value[0])
			}
			seen[s.value[0]] = true
			k.give(s)
		}
	}
}

func TestPermute_SpreadsNeighbours(t *testing.T) {
	k := testKey(t, secret)
	same, total := 0, 0
	for n := range 2000 {
		a := k.shuffle(nil, "test", fmt.Appendf(nil, "customer%05d", n))
		b := k.shuffle(nil, "test", fmt.Appendf(nil, "customer%05d", n+1))
		for i := range a {
			if a[i] == b[i] {
				same++
			}
			total++
		}
	}
	// By chance 8 letters agree once in 26 and 5 digits once in 10: 6.2 of 100 characters.
	if share := float64(same) / float64(total); share > 0.08 {
		t.Errorf("%.1f %% of characters of neighbours agree, expected about 6.2 %%", 100*share)
	}
}

func TestAlphabets_AreClosedAndKeepLengthAndCase(t *testing.T) {
	all := new(places)
	for r := rune(0); r <= unicode.MaxRune; r++ {
		p := all.of(r)
		if !p.found {
			continue
		}
		a, at, upper := p.alphabet, p.at, p.upper
		back := a.at(at)
		if upper {
			back = unicode.ToUpper(back)
		}
		if back != r {
			t.Fatalf("%U is read as place %d of %U and written %U", r, at, a.first, back)
		}
		// The next one is enough: by it, all of the alphabet are reached.
		next := (at + 1) % a.size
		other := a.at(next)
		if upper {
			other = unicode.ToUpper(other)
		}
		b := all.of(other)
		if !b.found || b.alphabet.first != a.first || b.alphabet.size != a.size || b.at != next || b.upper != upper || utf8.RuneLen(other) != utf8.RuneLen(r) {
			t.Fatalf("%U may become %U, which is not of the same alphabet, case or length", r, other)
		}
	}
}

// testPlaces is shared by the tests; it remembers facts of Unicode.
var testPlaces places

// anyText draws texts as databases hold them, and worse.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[A-Za-z0-9 .,;:@+\-_\\\t\n"'{}]{0,40}`),
		rapid.StringMatching(`[a-z]{1,8}\.[a-z]{1,8}[0-9]{0,3}@[a-z]{1,9}\.(com|de|example)`),
		rapid.StringMatching(`[\x{c0}-\x{17f}А-яא-ת一-龯가-힣ぁ-ゖ]{1,12}`),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 24), func(b []byte) string { return string(b) }),
	)
}

func structure(value []byte) string {
	var out []rune
	all := &testPlaces
	for at := 0; at < len(value); {
		r, n := utf8.DecodeRune(value[at:])
		switch p := all.of(r); {
		case r == utf8.RuneError && n == 1:
			out = append(out, 0xf0000+rune(value[at]))
		case p.found && p.upper:
			out = append(out, 'U', p.alphabet.first)
		case p.found:
			out = append(out, 'l', p.alphabet.first)
		default:
			out = append(out, 'k', r)
		}
		at += n
	}
	return string(out)
}

func significant(value []byte) int {
	n := 0
	for _, r := range string(value) {
		if testPlaces.of(r).found {
			n++
		}
	}
	return n
}

func TestShuffle_KeepsStructureAndLengthAndChangesTheValue(t *testing.T) {
	k, twin, other := testKey(t, secret), testKey(t, secret), testKey(t, another)
	rapid.Check(t, func(t *rapid.T) {
		value := []byte(anyText().Draw(t, "value"))
		original := bytes.Clone(value)
		masked := k.shuffle(nil, "test", value)
		if !bytes.Equal(value, original) {
			t.Fatalf("the value was written to")
		}
		if structure(masked) != structure(value) || len(masked) != len(value) {
			t.Fatalf("%q became %q, of another structure", value, masked)
		}
		if !bytes.Equal(masked, k.shuffle(nil, "test", value)) || !bytes.Equal(masked, twin.shuffle(nil, "test", value)) {
			t.Fatalf("%q is not masked the same every time", value)
		}
		n := significant(value)
		if n >= 1 && !onlyLonely(value) && bytes.Equal(masked, value) {
			t.Fatalf("%q stayed", value)
		}
		if n >= 12 && !onlyLonely(value) && bytes.Equal(masked, other.shuffle(nil, "test", value)) {
			t.Fatalf("%q is masked alike under two keys", value)
		}
	})
}

// onlyLonely tells whether all letters are the only ones of their alphabet.
func onlyLonely(value []byte) bool {
	for _, r := range string(value) {
		if p := testPlaces.of(r); p.found && p.alphabet.size > 1 {
			return false
		}
	}
	return true
}

func TestShuffle_CommutesWithCase(t *testing.T) {
	k := testKey(t, secret)
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[A-Za-zÄÖÜäöüÉéŁłЖжΩω0-9 .\-]{0,30}`).Draw(t, "value")
		lowered := k.shuffle(nil, "test", bytes.ToLower([]byte(value)))
		if got := bytes.ToLower(k.shuffle(nil, "test", []byte(value))); !bytes.Equal(got, lowered) {
			t.Fatalf("lower(mask(%q)) is %q, mask(lower()) is %q", value, got, lowered)
		}
	})
}

func TestNewKeyed_RefusesAShortKey(t *testing.T) {
	if _, err := newKeyed([]byte("short")); err == nil {
		t.Fatal("a key of 5 bytes was accepted")
	}
}

func TestPermute_LeavesNoMorePlacesAsTheyWereThanChanceDoes(t *testing.T) {
	k := testKey(t, secret)
	for _, radix := range [][]int{{10, 10, 10, 10, 10, 10, 10}, {26, 26, 26, 26}, {156, 156, 10, 10}, {26, 10, 26, 10, 10}, {256, 256, 256, 256}} {
		const values = 20_000
		same := make([]int, len(radix))
		random := rand.New(rand.NewPCG(7, 11))
		for range values {
			s := k.take("test")
			var before []uint16
			for i, r := range radix {
				before = append(before, uint16(random.IntN(r)))
				s.add(int(before[i]), r)
			}
			k.permute(s)
			for i, v := range s.value {
				if v == before[i] {
					same[i]++
				}
			}
			k.give(s)
		}
		for i, r := range radix {
			expected := float64(values) / float64(r)
			if d := float64(same[i]) - expected; d*d > 25*expected { // five standard deviations
				t.Errorf("of %v, place %d stayed %d times in %d, by chance it would %.0f times", radix, i, same[i], values, expected)
			}
		}
	}
}
