package parity_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/parity"
)

func facts() parity.Facts {
	return parity.Facts{
		Release: "v1 abc", Servers: map[string]string{"shop": "PostgreSQL 15.14"}, Settings: map[string]string{"shop work_mem": "64MB"},
		Schemas: map[string][]string{"shop": {"table users", "column users.mail text", "index users_mail"}},
		Rows:    map[string]int64{"shop public.users": 10_000, "shop public.flags": 3},
		Config:  map[string]string{"URL": "1", "KEY": "2"}, Unique: map[string]bool{"KEY": true},
	}
}

// alike are two environments without an accidental difference.
func alike() (a, b parity.Facts) {
	a, b = facts(), facts()
	a.Environment, b.Environment, b.TwinOf = "production", "staging", "production"
	b.Config["KEY"] = "3"
	return a, b
}

func TestCompare_TwinsAreAlike(t *testing.T) {
	a, b := alike()
	at := time.Now()
	p := parity.Compare(a, b, at)
	if p.Figure != 100 || p.A != "production" || p.B != "staging" || !p.MeasuredAt.Equal(at) || len(p.Measured) == 0 {
		t.Errorf("%+v", p)
	}
	want := []understudy.Gap{{Kind: "credential", Name: "KEY", A: "2", B: "3", Because: "a credential that must differ"}}
	if diff := cmp.Diff(want, p.Gaps); diff != "" || p.Compared != 10 {
		t.Errorf("compared %d: %s", p.Compared, diff)
	}
}

func TestCompare_FindsEveryPlantedDifference(t *testing.T) {
	for _, c := range []struct {
		claim string
		plant func(a, b *parity.Facts)
		want  []string
	}{
		{"release", func(_, b *parity.Facts) { b.Release = "v2" }, []string{"release release: v1 abc | v2"}},
		{"server", func(_, b *parity.Facts) { b.Servers["shop"] = "PostgreSQL 14.1" }, []string{"server shop: PostgreSQL 15.14 | PostgreSQL 14.1"}},
		{"no server", func(_, b *parity.Facts) { b.Servers = nil }, []string{"server shop: PostgreSQL 15.14 | –"}},
		{"setting", func(a, _ *parity.Facts) { a.Settings["shop jit"] = "off" }, []string{"setting shop jit: off | –"}},
		{"line only there", func(_, b *parity.Facts) { b.Schemas["shop"] = append(b.Schemas["shop"], "table extra") }, []string{"schema shop: – | table extra"}},
		{"line gone", func(_, b *parity.Facts) { b.Schemas["shop"] = b.Schemas["shop"][:2] }, []string{"schema shop: index users_mail | –"}},
		{"line twice", func(a, _ *parity.Facts) {
			a.Schemas["shop"] = append(a.Schemas["shop"], "table users", "table users")
		}, []string{"schema shop: table users | –", "schema shop: table users | –"}},
		{"volume", func(_, b *parity.Facts) { b.Rows["shop public.users"] = 200 }, []string{"volume shop public.users: 10000 rows | 200 rows"}},
		{"table gone", func(_, b *parity.Facts) { delete(b.Rows, "shop public.users") }, []string{"volume shop public.users: 10000 rows | 0 rows"}},
		{"value", func(_, b *parity.Facts) { b.Config["URL"] = "9" }, []string{"configuration URL: 1 | 9"}},
		{"key missing", func(_, b *parity.Facts) { delete(b.Config, "URL") }, []string{"configuration URL: 1 | –"}},
		{"key only there", func(_, b *parity.Facts) { b.Config["EXTRA"] = "1" }, []string{"configuration EXTRA: – | 1"}},
		{"credential missing", func(_, b *parity.Facts) { delete(b.Config, "KEY") }, []string{"configuration KEY: 2 | –"}},
		{"credential shared", func(_, b *parity.Facts) { b.Config["KEY"] = "2" }, []string{"credential KEY: 2 | 2 (equal, and must differ)"}},
		{"a name with a space at its end", func(_, b *parity.Facts) { b.Settings["shop odd "] = "on" }, []string{"setting shop odd : – | on"}},
	} {
		a, b := alike()
		c.plant(&a, &b)
		p := parity.Compare(a, b, time.Now())
		var got []string
		for _, g := range p.Gaps {
			if g.Because == "" {
				got = append(got, fmt.Sprintf("%s %s: %s | %s", g.Kind, g.Name, g.A, g.B))
			}
		}
		if !slices.Equal(got, c.want) || p.Figure >= 100 {
			t.Errorf("%s: figure %v, gaps %q, want %q", c.claim, p.Figure, got, c.want)
		}
	}
}

func TestCompare_SmallDifferencesOfVolumeAreNone(t *testing.T) {
	for _, c := range []struct{ a, b int64 }{{10_000, 9_000}, {9_000, 10_000}, {99, 0}, {0, 0}} {
		a, b := alike()
		a.Rows["shop public.users"], b.Rows["shop public.users"] = c.a, c.b
		if p := parity.Compare(a, b, time.Now()); p.Figure != 100 {
			t.Errorf("%d and %d rows: figure %v, %v", c.a, c.b, p.Figure, p.Gaps)
		}
	}
}

func TestCompare_ATableThatWasNeverAnalysedIsNoGapAndIsNamed(t *testing.T) {
	a, b := alike()
	a.Rows["shop public.users"], b.Rows["shop public.users"] = -1, 10_000
	p := parity.Compare(a, b, time.Now())
	if p.Figure != 100 {
		t.Errorf("figure %v, %v", p.Figure, p.Gaps)
	}
	if measured := strings.Join(p.Measured, "\n"); !strings.Contains(measured, "not of shop public.users: never analysed") {
		t.Errorf("measured:\n%s", measured)
	}
}
