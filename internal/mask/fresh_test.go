package mask

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
)

func TestMasks_GiveResultsThatNothingTouchesAgain(t *testing.T) {
	made, err := compile(testKey(t, secret), parseType("text"), Rule{Mask: "text"})
	if err != nil {
		t.Fatal(err)
	}
	var results, copies [][]byte
	for n := range 5000 {
		masked, err := made(fmt.Appendf(nil, "Anna %d wrote to anna%d@moser.de, %s", n, n, bytes.Repeat([]byte("x"), n%100)))
		if err != nil {
			t.Fatal(err)
		}
		results, copies = append(results, masked), append(copies, bytes.Clone(masked))
		_ = append(masked, "behind it"...) // as a caller may
	}
	for n := range results {
		if !bytes.Equal(results[n], copies[n]) {
			t.Fatalf("result %d was %q and became %q", n, copies[n], results[n])
		}
	}
}

func TestMasks_AreTheSameInEveryGoroutine(t *testing.T) {
	k := testKey(t, secret)
	for _, c := range []struct {
		rule Rule
		typ  string
		form string
	}{
		{Rule{Mask: "name"}, "text", "Anna%d Müller"}, {Rule{Mask: "email"}, "text", "anna%d@moser%[1]d.de"}, {Rule{Mask: "phone"}, "text", "+49 151 %08d"},
		{Rule{Mask: "text"}, "jsonb", `{"a": "Anna %d", "b": {"c": ["x@y.de"]}}`},
	} {
		made, err := compile(k, parseType(c.typ), c.rule)
		if err != nil {
			t.Fatal(err)
		}
		const goroutines, values = 4, 500
		var all sync.WaitGroup
		var results [goroutines][values]string
		for g := range goroutines {
			all.Go(func() {
				for n := range values {
					masked, err := made(fmt.Appendf(nil, c.form, n%50)) // comes again, so it is remembered
					if err != nil {
						t.Error(err)
					}
					results[g][n] = string(masked)
				}
			})
		}
		all.Wait()
		for g := range goroutines {
			for n := range values {
				if results[g][n] != results[0][n%50] {
					t.Fatalf("%s gave %q and %q", c.rule.Mask, results[g][n], results[0][n%50])
				}
			}
		}
	}
}
