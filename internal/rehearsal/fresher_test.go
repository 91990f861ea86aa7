package rehearsal

import (
	"strings"
	"testing"
)

func TestFresher_TellsNewFailuresFromNoise(t *testing.T) {
	heard := func(requests int, classes map[string]int) Heard { return Heard{Requests: requests, Classes: classes} }
	for _, c := range []struct {
		claim         string
		before, after Heard
		many, single  string
	}{
		{"nothing fails", heard(80, nil), heard(80, nil), "", ""},
		{"a new class", heard(80, nil), heard(80, map[string]int{"GET / → 500": 7}), "GET / → 500 (7)", ""},
		{"once is chance", heard(80, nil), heard(80, map[string]int{"GET / → 500": 1}), "", "GET / → 500 (1)"},
		{"twice is not", heard(80, nil), heard(80, map[string]int{"GET / → 500": 2}), "GET / → 500 (2)", ""},
		{"once in each of two classes is not", heard(80, nil), heard(80, map[string]int{"GET / → 500": 1, "GET /a → 500": 1}), "GET / → 500 (1), GET /a → 500 (1)", ""},
		{"as often as before", heard(80, map[string]int{"timeout": 4}), heard(80, map[string]int{"timeout": 4}), "", ""},
		{"somewhat more often", heard(80, map[string]int{"timeout": 4}), heard(80, map[string]int{"timeout": 12}), "", ""},
		{"far more often", heard(80, map[string]int{"timeout": 4}), heard(80, map[string]int{"timeout": 13}), "timeout (13)", ""},
		{"as often, in a longer window", heard(80, map[string]int{"timeout": 4}), heard(800, map[string]int{"timeout": 40}), "", ""},
		{"as often, in a window a little shorter", heard(80, map[string]int{"timeout": 1}), heard(79, map[string]int{"timeout": 2}), "", ""},
		{"once, as before, in a window a little shorter", heard(80, map[string]int{"timeout": 1}), heard(79, map[string]int{"timeout": 1}), "", ""},
		{"nothing was heard before", heard(0, nil), heard(80, map[string]int{"timeout": 2}), "timeout (2)", ""},
	} {
		many, single := fresher(c.before, c.after)
		if strings.Join(many, ", ") != c.many || strings.Join(single, ", ") != c.single {
			t.Errorf("%s: many %q single %q, want %q and %q", c.claim, many, single, c.many, c.single)
		}
	}
}

func TestLostOnly_KeepsWhatNoServiceAnswered(t *testing.T) {
	h := Heard{Failed: 100, Requests: 200, Classes: map[string]int{
		"GET / → connection refused": 1, "GET / → connection reset": 2, "GET / → timeout": 3, "GET / → connection closed": 4,
		"GET / → no answer": 5, "GET / → 502": 6, "GET / → 503": 7, "GET / → 504": 8, "GET / → 500": 30, "POST /orders → 404": 34,
	}}
	lost := lostOnly(h)
	if lost.Failed != 36 || len(lost.Classes) != 8 || lost.Requests != 200 {
		t.Errorf("lost %+v", lost)
	}
	if h.Failed != 100 || len(h.Classes) != 10 {
		t.Errorf("what was heard is changed: %+v", h)
	}
}

func TestNumber_IsReadable(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := number(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}
