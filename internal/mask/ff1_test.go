package mask

import (
	"bytes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"math/big"
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
		made, err := newFF1(unhex(t, sample.key), sample.radix)
		if err != nil {
			t.Fatal(err)
		}
		value, tweak := numerals(sample.plain), unhex(t, sample.tweak)
		if err := made.encrypt(value, tweak); err != nil || !slices.Equal(value, numerals(sample.after)) {
			t.Errorf("sample %d: %v, %v", i+1, value, err)
		}
		if err := made.decrypt(value, tweak); err != nil || !slices.Equal(value, numerals(sample.plain)) {
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
		made, err := newFF1(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key"), radix)
		if err != nil {
			t.Fatal(err)
		}
		value := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, radix-1), func(n int) uint16 { return uint16(n) }), 0, 70).Draw(t, "value")
		tweak := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "tweak")
		before := slices.Clone(value)
		if err := made.encrypt(value, tweak); err != nil {
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
		if err := made.decrypt(value, tweak); err != nil || !slices.Equal(value, before) {
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

// standardFF1 is algorithm 7 of SP 800-38G written down as it stands there.
func standardFF1(block cipher.Block, radix int, tweak []byte, x []uint16) []uint16 {
	n, t := len(x), len(tweak)
	u := n / 2
	v := n - u
	number := func(part []uint16) *big.Int {
		sum := new(big.Int)
		for _, s := range part {
			sum.Add(sum.Mul(sum, big.NewInt(int64(radix))), big.NewInt(int64(s)))
		}
		return sum
	}
	power := func(m int) *big.Int { return new(big.Int).Exp(big.NewInt(int64(radix)), big.NewInt(int64(m)), nil) }
	bits := new(big.Int).Sub(power(v), big.NewInt(1)).BitLen()
	b := (bits + 7) / 8
	d := 4*((b+3)/4) + 4
	p := []byte{1, 2, 1, byte(radix >> 16), byte(radix >> 8), byte(radix), 10, byte(u)}
	p = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(p, uint32(n)), uint32(t))
	left, right := slices.Clone(x[:u]), slices.Clone(x[u:])
	for i := range 10 {
		q := append(slices.Clone(tweak), make([]byte, ((-t-b-1)%16+16)%16)...)
		q = append(append(q, byte(i)), number(right).FillBytes(make([]byte, b))...)
		r := make([]byte, 16)
		for all := append(slices.Clone(p), q...); len(all) > 0; all = all[16:] {
			subtle.XORBytes(r, r, all[:16])
			block.Encrypt(r, r)
		}
		m := u
		if i%2 == 1 {
			m = v
		}
		c := new(big.Int).Add(number(left), new(big.Int).SetBytes(r[:d]))
		c.Mod(c, power(m))
		spelled := make([]uint16, m)
		for j := m - 1; j >= 0; j-- {
			digit := new(big.Int)
			c.DivMod(c, big.NewInt(int64(radix)), digit)
			spelled[j] = uint16(digit.Int64())
		}
		left, right = right, spelled
	}
	return append(left, right...)
}

func TestFF1_IsTheStandardsAlgorithmForEveryRadixLengthAndTweak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		radix := rapid.OneOf(rapid.SampledFrom([]int{2, 10, 16, 26, 36, 256, 65535, 65536}), rapid.IntRange(2, ff1MaxRadix)).Draw(t, "radix")
		key := rapid.SampledFrom([]int{16, 24, 32}).Draw(t, "key")
		tweak := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "tweak")
		value := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, radix-1), func(n int) uint16 { return uint16(n) }), 2, 60).Draw(t, "value")
		c, err := newFF1(bytes.Repeat([]byte{7}, key), radix)
		if err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(value)
		if err := c.encrypt(value, tweak); err != nil {
			return // too few strings, or too many
		}
		if want := standardFF1(c.block, radix, tweak, before); !slices.Equal(value, want) {
			t.Fatalf("%v became %v, by the standard %v", before, value, want)
		}
	})
}
