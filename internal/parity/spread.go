package parity

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Spread is how the values of a column are spread: the bounds of the server's histogram. They
// are values. They can be held against those of another side, and nothing shows or
// writes them: not printing, not logging, not JSON.
type Spread struct {
	numbers []float64
	texts   []string
}

// SpreadOf takes bounds in the order that fits the type: numbers by size, everything else by
// its bytes.
func SpreadOf(columnType string, bounds []string) Spread {
	if numeric(columnType) {
		if numbers, all := parsed(bounds); all {
			return Spread{numbers: numbers}
		}
	}
	return Spread{texts: slices.Sorted(slices.Values(bounds))}
}

// LengthsOf takes the lengths of values in their place.
func LengthsOf(lengths []int32) Spread {
	numbers := make([]float64, len(lengths))
	for i, length := range lengths {
		numbers[i] = float64(length)
	}
	slices.Sort(numbers)
	return Spread{numbers: numbers}
}

// Apart is the Kolmogorov–Smirnov distance of two spreads: the greatest difference between the
// shares of values up to any point. It is not known of fewer than two bounds, or of
// numbers and texts.
func (s Spread) Apart(t Spread) (distance float64, known bool) {
	switch {
	case len(s.numbers) > 1 && len(t.numbers) > 1:
		return furthest(s.numbers, t.numbers), true
	case len(s.texts) > 1 && len(t.texts) > 1:
		return furthest(s.texts, t.texts), true
	}
	return 0, false
}

// String says how much is known.
func (s Spread) String() string { return strconv.Itoa(len(s.numbers)+len(s.texts)) + " bounds" }

// Format writes String for every verb.
func (s Spread) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalJSON writes String.
func (s Spread) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(s.String())), nil }

func numeric(columnType string) bool {
	return slices.ContainsFunc([]string{"smallint", "integer", "bigint", "numeric", "real", "double", "oid"}, func(prefix string) bool {
		return strings.HasPrefix(columnType, prefix)
	})
}

func parsed(texts []string) (numbers []float64, all bool) {
	for _, text := range texts {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers, true
}

// furthest holds two sorted lists against each other.
func furthest[T float64 | string](a, b []T) float64 {
	var greatest float64
	for i, j := 0, 0; i < len(a) && j < len(b); {
		at := min(a[i], b[j])
		for i < len(a) && a[i] == at {
			i++
		}
		for j < len(b) && b[j] == at {
			j++
		}
		greatest = max(greatest, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return greatest
}

// ByRank is half of the sum of differences by rank: the total variation of two lists of shares.
func ByRank(a, b []float64) float64 {
	var sum float64
	for i := range max(len(a), len(b)) {
		var x, y float64
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		sum += math.Abs(x - y)
	}
	return min(sum/2, 1)
}
