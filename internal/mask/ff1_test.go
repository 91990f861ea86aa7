package mask

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"understudy"
)

// The samples that NIST publishes for FF1 (SP 800-38G, examples with intermediate values).
func TestFF1_AgreesWithTheSamplesOfNIST(t *testing.T) {
	const (
		key128 = "2B7E151628AED2A6ABF7158809CF4F3C"
		key192 = key128 + "EF4359D8D580AA4F"
		key256 = key192 + "7F036D6F04FC6A94"
		ten    = "0123456789"
		long   = "0123456789abcdefghi"
		tweak1 = "39383736353433323130"
		tweak2 = "3737373770717273373737"
	)
	for i, sample := range []struct {
		key, tweak   string
		radix        int
		plain, after string
	}{
		{key128, "", 10, ten, "2433477484"}, {key128, tweak1, 10, ten, "6124200773"}, {key128, tweak2, 36, long, "a9tv40mll9kdu509eum"},
		{key192, "", 10, ten, "2830668132"}, {key192, tweak1, 10, ten, "2496655549"}, {key192, tweak2, 36, long, "xbj3kv35jrawxv32ysr"},
		{key256, "", 10, ten, "6657667009"}, {key256, tweak1, 10, ten, "1001623463"}, {key256, tweak2, 36, long, "xs8a0azh2avyalyzuwd"},
	} {
		cipher, err := newFF1(unhex(t, sample.key), sample.radix)
		if err != nil {
			t.Fatal(err)
		}
		value, tweak := numerals(sample.plain), unhex(t, sample.tweak)
		if err := cipher.encrypt(value, tweak); err != nil || !slices.Equal(value, numerals(sample.after)) {
			t.Errorf("sample %d: %v, %v", i+1, value, err)
		}
		if err := cipher.decrypt(value, tweak); err != nil || !slices.Equal(value, numerals(sample.plain)) {
			t.Errorf("sample %d does not come back: %v, %v", i+1, value, err)
		}
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func numerals(text string) []uint16 {
	var out []uint16
	for _, r := range text {
		out = append(out, uint16(strings.IndexRune("0123456789abcdefghijklmnopqrstuvwxyz", r)))
	}
	return out
}

func TestFF1_ComesBackForEveryRadixAndTweak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		radix := rapid.OneOf(rapid.SampledFrom([]int{2, 3, 10, 16, 26, 36, 255, 256, 257, 65535, 65536}), rapid.IntRange(2, ff1MaxRadix)).Draw(t, "radix")
		cipher, err := newFF1(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key"), radix)
		if err != nil {
			t.Fatal(err)
		}
		value := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, radix-1), func(n int) uint16 { return uint16(n) }), 0, 70).Draw(t, "value")
		tweak := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "tweak")
		before := slices.Clone(value)
		if err := cipher.encrypt(value, tweak); err != nil {
			if !slices.Equal(value, before) || understudy.KindOf(err) != understudy.KindInvalid {
				t.Fatalf("%v left %v", err, value)
			}
			return
		}
		for _, v := range value {
			if int(v) >= radix {
				t.Fatalf("%v has a symbol outside of radix %d", value, radix)
			}
		}
		if err := cipher.decrypt(value, tweak); err != nil || !slices.Equal(value, before) {
			t.Fatalf("%v came back as %v, %v", before, value, err)
		}
	})
}

func TestFF1_RefusesWhatTheStandardDoes(t *testing.T) {
	key := make([]byte, 16)
	for _, radix := range []int{-1, 0, 1, ff1MaxRadix + 1} {
		if _, err := newFF1(key, radix); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("radix %d: %v", radix, err)
		}
	}
	if _, err := newFF1(key[:15], 10); understudy.KindOf(err) != understudy.KindInvalid {
		t.Errorf("a key of 15 bytes: %v", err)
	}
	digits, err := newFF1(key, 10)
	if err != nil {
		t.Fatal(err)
	}
	for length, valid := range map[int]bool{0: false, 1: false, 5: false, 6: true, 38: true, 39: false} {
		if err := digits.encrypt(make([]uint16, length), nil); (err == nil) != valid {
			t.Errorf("%d digits: %v", length, err)
		}
	}
}
