package parity_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"understudy"
	"understudy/internal/parity"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func facts() parity.Facts {
	return parity.Facts{
		Release: "v1 abc", Components: map[string]string{"artifact": "a1"}, Runtime: map[string]string{"kernel": "6.1"},
		Instances: map[string]int{"web": 2}, Limits: map[string]string{"body": "1 GB"},
		Machine: parity.Machine{Processors: 4, Memory: 16e9, Disk: 100e9, Free: 50e9},
		Config:  map[string]string{"URL": "1", "KEY": "2"}, Unique: map[string]bool{"KEY": true},
		Flags: map[string]string{"checkout": "f1"}, Integrations: map[string]string{"mail": "i1"},
		Certificates: map[string]parity.Certificate{"shop.example": {Hosts: "shop.example", Issuer: "CA", Until: now.Add(60 * 24 * time.Hour)}},
		Databases:    map[string]parity.Database{"shop": database()},
	}
}

func database() parity.Database {
	return parity.Database{
		Server: "15.14", Settings: map[string]parity.Setting{
			"work_mem": {Value: "64MB", Category: "Resource Usage / Memory"}, "jit": {Value: "on", Default: true, Category: "Query Tuning"},
			"shared_buffers": {Value: "8GB", Category: "Resource Usage / Memory"}, "port": {Value: "5432", Category: "Connections and Authentication"},
		},
		Objects: map[string]string{"table public.users": "permanent", "column public.users.mail": "text", "index public.users_mail": "CREATE INDEX users_mail ON public.users USING btree (mail)"},
		Roles:   map[string]string{"app": "may sign in"}, Limits: map[string]string{"connections": ""},
		Rows: map[string]float64{"public.users": 10_000, "public.flags": 3}, Sequences: map[string]int64{"public.users_id_seq": 10_000},
		Columns: map[string]parity.Column{"public.users.mail": column()},
		Plans:   map[string]parity.Plan{"17": {Shape: "Index Scan users users_mail", Cost: 8}},
	}
}

func column() parity.Column {
	return parity.Column{Rows: 10_000, Nulls: 0.1, Distinct: -0.9, Width: 20, Common: []float64{0.02, 0.01}, Spread: parity.SpreadOf("integer", numbers(0))}
}

func numbers(from int) []string {
	var out []string
	for n := range 101 {
		out = append(out, fmt.Sprint(from+n))
	}
	return out
}

// alike are two environments without an accidental difference.
func alike() (a, b parity.Facts) {
	a, b = facts(), facts()
	a.Environment, b.Environment, b.TwinOf = "production", "staging", "production"
	b.Config["KEY"] = "3"
	return a, b
}

// shop changes what a side has of its database.
func shop(of parity.Facts, change func(*parity.Database)) {
	d := of.Databases["shop"]
	change(&d)
	of.Databases["shop"] = d
}

func TestCompare_TwinsAreAlike(t *testing.T) {
	a, b := alike()
	p := parity.Compare(a, b, now)
	if p.Figure != 100 || p.A != "production" || p.B != "staging" || !p.MeasuredAt.Equal(now) || len(p.Measured) == 0 {
		t.Errorf("%+v", p)
	}
	want := []understudy.Gap{{Kind: "credential", Name: "KEY", A: "2", B: "3", Weight: 10, Because: "a credential that must differ"}}
	if diff := cmp.Diff(want, p.Gaps); diff != "" || p.Compared != 29 {
		t.Errorf("compared %d: %s", p.Compared, diff)
	}
}

// planted is one difference with all that has to be found.
type planted struct {
	claim string
	plant func(a, b *parity.Facts)
	want  []string
}

func TestCompare_FindsEveryPlantedDifference(t *testing.T) {
	for _, c := range slices.Concat(plantedInTheApplication(), plantedInTheDatabase()) {
		a, b := alike()
		c.plant(&a, &b)
		p := parity.Compare(a, b, now)
		if got := accidental(p); !slices.Equal(got, c.want) || p.Figure >= 100 {
			t.Errorf("%s: figure %v, gaps %q, want %q", c.claim, p.Figure, got, c.want)
		}
	}
}

func accidental(p understudy.Parity) []string {
	var got []string
	for _, g := range p.Gaps {
		if g.Because == "" {
			got = append(got, fmt.Sprintf("%s %s: %s | %s", g.Kind, g.Name, g.A, g.B))
		}
	}
	return got
}

func plantedInTheApplication() []planted {
	return []planted{
		{"release", func(_, b *parity.Facts) { b.Release = "v2" }, []string{"release release: v1 abc | v2"}},
		{"artifact", func(_, b *parity.Facts) { b.Components["artifact"] = "a2" }, []string{"component artifact: a1 | a2"}},
		{"kernel", func(_, b *parity.Facts) { b.Runtime["kernel"] = "5.10" }, []string{"runtime kernel: 6.1 | 5.10"}},
		{"instances", func(_, b *parity.Facts) { b.Instances["web"] = 1 }, []string{"instances web: 2 | 1"}},
		{"limit", func(_, b *parity.Facts) { b.Limits["body"] = "1 MB" }, []string{"limit body: 1 GB | 1 MB"}},
		{"processors", func(_, b *parity.Facts) { b.Machine.Processors = 2 }, []string{"processor processors: 4 | 2"}},
		{"memory", func(_, b *parity.Facts) { b.Machine.Memory = 8e9 }, []string{"memory memory: 16.0 GB | 8.0 GB"}},
		{"disk", func(_, b *parity.Facts) { b.Machine.Free = 5e9 }, []string{"disk disk free: 50.0 GB | 5.0 GB"}},
		{"flag", func(_, b *parity.Facts) { b.Flags["checkout"] = "f2" }, []string{"flag checkout: f1 | f2"}},
		{"flag missing", func(_, b *parity.Facts) { delete(b.Flags, "checkout") }, []string{"flag checkout: f1 | –"}},
		{"value", func(_, b *parity.Facts) { b.Config["URL"] = "9" }, []string{"configuration URL: 1 | 9"}},
		{"key missing", func(_, b *parity.Facts) { delete(b.Config, "URL") }, []string{"configuration URL: 1 | –"}},
		{"key only there", func(_, b *parity.Facts) { b.Config["EXTRA"] = "1" }, []string{"configuration EXTRA: – | 1"}},
		{"credential missing", func(_, b *parity.Facts) { delete(b.Config, "KEY") }, []string{"configuration KEY: 2 | –"}},
		{"credential shared", func(_, b *parity.Facts) { b.Config["KEY"] = "2" }, []string{"credential KEY: 2 | 2 (equal, and must differ)"}},
		{"integration of no twin", func(_, b *parity.Facts) { b.TwinOf, b.Integrations["mail"] = "", "i2" }, []string{"integration mail: i1 | i2"}},
		{"certificate that ends soon, of no twin", func(_, b *parity.Facts) {
			b.TwinOf, b.Certificates["shop.example"] = "", parity.Certificate{Hosts: "shop.example", Issuer: "CA", Until: now.Add(73 * time.Hour)}
		}, []string{"certificate shop.example: shop.example by CA | shop.example by CA, 3 days left"}},
	}
}

func plantedInTheDatabase() []planted {
	in := func(change func(*parity.Database)) func(a, b *parity.Facts) {
		return func(_, b *parity.Facts) { shop(*b, change) }
	}
	return []planted{
		{"server", in(func(d *parity.Database) { d.Server = "14.1" }), []string{"server shop: 15.14 | 14.1"}},
		{"minor version", in(func(d *parity.Database) { d.Server = "15.9 (Debian 15.9-1)" }), []string{"server shop: 15.14 | 15.9 (Debian 15.9-1)"}},
		{"no database", func(_, b *parity.Facts) { b.Databases = nil }, []string{"server shop: 15.14 | –"}},
		{"setting", in(func(d *parity.Database) { d.Settings["work_mem"] = parity.Setting{Value: "4MB", Default: true} }), []string{"setting shop work_mem: 64MB | 4MB"}},
		{"setting there only", in(func(d *parity.Database) { d.Settings["shop.mode"] = parity.Setting{Value: "x"} }), []string{"setting shop shop.mode: – | x"}},
		{"index gone", in(func(d *parity.Database) { delete(d.Objects, "index public.users_mail") }),
			[]string{"index shop public.users_mail: CREATE INDEX users_mail ON public.users USING btree (mail) | –"}},
		{"table gone, with all of it", in(func(d *parity.Database) { d.Objects, d.Rows = nil, map[string]float64{} }), []string{"table shop public.users: permanent | –"}},
		{"role", in(func(d *parity.Database) { d.Roles["app"] = "superuser" }), []string{"role shop app: may sign in | superuser"}},
		{"limit of connections", in(func(d *parity.Database) { d.Limits["connections"] = "5" }), []string{"limit shop connections: – | 5"}},
		{"volume", in(func(d *parity.Database) { d.Rows["public.users"] = 200 }), []string{"volume shop public.users: 10000 rows | 200 rows"}},
		{"position", in(func(d *parity.Database) { d.Sequences["public.users_id_seq"] = 90_000 }), []string{"position shop public.users_id_seq: 10000 | 90000"}},
		{"nulls", in(func(d *parity.Database) {
			c := d.Columns["public.users.mail"]
			c.Nulls, c.Distinct, c.Common = 0.5, -0.5, []float64{0.011, 0.006}
			d.Columns["public.users.mail"] = c
		}), []string{"nulls shop public.users.mail: 10.0 % | 50.0 %"}},
		{"plan", in(func(d *parity.Database) { d.Plans["17"] = parity.Plan{Shape: "Seq Scan users", Cost: 180} }),
			[]string{"plan shop statement 17: Index Scan users users_mail | Seq Scan users"}},
		{"no plan", in(func(d *parity.Database) { d.Plans = map[string]parity.Plan{} }), []string{"plan shop statement 17: Index Scan users users_mail | cannot be planned"}},
		{"cost", in(func(d *parity.Database) { d.Plans["17"] = parity.Plan{Shape: "Index Scan users users_mail", Cost: 880} }),
			[]string{"cost shop statement 17: cost 8 | cost 880"}},
	}
}

func TestCompare_WhatBelongsToATwinIsExpectedOfOneOnly(t *testing.T) {
	a, b := alike()
	shop(a, func(d *parity.Database) {
		d.Objects["setting shop.api_key"], d.Objects["role app begins with shop.jwt"] = "(set; value not shown)", "5f"
	})
	plant := func(b parity.Facts) {
		b.Integrations["mail"] = "sealed"
		b.Certificates["shop.example"] = parity.Certificate{}
		shop(b, func(d *parity.Database) {
			d.Replicas = 1
			d.Settings["shared_buffers"] = parity.Setting{Value: "128MB", Default: true, Category: "Resource Usage / Memory"}
			c := d.Columns["public.users.mail"]
			c.Masked, c.Width, c.Nulls = true, 200, 1
			d.Columns["public.users.mail"] = c
		})
	}
	plant(b)
	if p := parity.Compare(a, b, now); p.Figure != 100 || len(p.Gaps) < 8 {
		t.Errorf("of a twin: %v, %+v", p.Figure, p.Gaps)
	}
	if p := parity.Compare(b, a, now); p.Figure != 100 || len(p.Gaps) < 8 {
		t.Errorf("of a twin, the other way round: %v, %+v", p.Figure, p.Gaps)
	}
	shop(b, func(d *parity.Database) { d.Objects["setting shop.token"] = "(set; value not shown)" })
	if got := accidental(parity.Compare(a, b, now)); len(got) != 1 {
		t.Errorf("a secret that only the twin has: %q", got)
	}
	b.TwinOf = ""
	if got := accidental(parity.Compare(a, b, now)); len(got) < 8 {
		t.Errorf("of another environment: %q", got)
	}
}

func TestCompare_WhereAServerIsIsItsOwn(t *testing.T) {
	a, b := alike()
	b.TwinOf = ""
	shop(b, func(d *parity.Database) {
		d.Settings["port"] = parity.Setting{Value: "6000", Category: "Connections and Authentication"}
	})
	if p := parity.Compare(a, b, now); p.Figure != 100 {
		t.Errorf("%v, %+v", p.Figure, p.Gaps)
	}
}

func TestCompare_SmallDifferencesOfVolumeAreNone(t *testing.T) {
	for _, c := range [][2]float64{{10_000, 9_000}, {9_000, 10_000}, {99, 0}, {0, 0}, {-1, 10_000}} {
		a, b := alike()
		shop(a, func(d *parity.Database) { d.Rows["public.users"] = c[0] })
		shop(b, func(d *parity.Database) { d.Rows["public.users"] = c[1] })
		if p := parity.Compare(a, b, now); p.Figure != 100 {
			t.Errorf("%v rows: figure %v, %v", c, p.Figure, p.Gaps)
		}
	}
}

func TestCompare_WhatCouldNotBeSeenIsNoGapAndIsSaid(t *testing.T) {
	a, b := alike()
	shop(a, func(d *parity.Database) {
		d.Hides, d.Objects, d.Rows["public.users"] = true, map[string]string{}, -1
		delete(d.Settings, "work_mem")
		d.Unseen = []parity.Unseen{{Kinds: []string{"table", "column", "index"}, Sentence: "the schema: nobody may look"}}
	})
	a.Unseen = []parity.Unseen{{Kinds: []string{"runtime"}, Sentence: "the machine"}}
	a.Runtime, a.Limits, a.Machine = nil, nil, parity.Machine{}
	p := parity.Compare(a, b, now)
	if p.Figure != 100 {
		t.Errorf("figure %v, %+v", p.Figure, p.Gaps)
	}
	measured := strings.Join(p.Measured, "\n")
	for _, want := range []string{"not seen of production: the machine", "not seen of production shop: the schema: nobody may look", "rows of 1 tables of shop are not known"} {
		if !strings.Contains(measured, want) {
			t.Errorf("it does not say %q:\n%s", want, measured)
		}
	}
}

func TestCompare_TheFigureFallsWithEveryGapAndIsTheSameBothWays(t *testing.T) {
	all := slices.Concat(plantedInTheApplication(), plantedInTheDatabase())
	rapid.Check(t, func(t *rapid.T) {
		a, b := alike()
		last := parity.Compare(a, b, now)
		for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(all)-1), 1, 6, rapid.ID).Draw(t, "planted") {
			if b.Databases == nil { // nothing can be planted there any more
				break
			}
			all[i].plant(&a, &b)
			p := parity.Compare(a, b, now)
			if len(accidental(p)) > len(accidental(last)) && p.Figure > last.Figure {
				t.Fatalf("%s raised the figure from %v to %v", all[i].claim, last.Figure, p.Figure)
			}
			if (p.Figure == 100) != (len(accidental(p)) == 0) || p.Figure < 0 {
				t.Fatalf("the figure of %d gaps is %v", len(accidental(p)), p.Figure)
			}
			if back := parity.Compare(b, a, now); back.Figure != p.Figure {
				t.Fatalf("%v one way, %v the other", p.Figure, back.Figure)
			}
			last = p
		}
	})
}

func TestParityFigure_FallsWithEveryGapThatIsAdded(t *testing.T) {
	kinds := understudy.GapKinds()
	rapid.Check(t, func(t *rapid.T) {
		compared := rapid.IntRange(0, 10_000).Draw(t, "compared")
		var gaps []understudy.Gap
		last := understudy.ParityFigure(compared, gaps)
		for range rapid.IntRange(1, 20).Draw(t, "gaps") {
			k := kinds[rapid.IntRange(0, len(kinds)-1).Draw(t, "kind")]
			gaps = append(gaps, understudy.Gap{Kind: k.Name, Weight: k.Weight * rapid.Float64Range(0.01, 1).Draw(t, "apart")})
			if figure := understudy.ParityFigure(compared, gaps); figure > last || figure == 100 {
				t.Fatalf("%v after %v", figure, last)
			} else {
				last = figure
			}
		}
	})
}

func TestSpread_HidesItsBoundsFromEveryForm(t *testing.T) {
	s := parity.SpreadOf("text", []string{"secret one", "secret two"})
	raw, err := json.Marshal(map[string]any{"of": s})
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{string(raw), fmt.Sprint(s), fmt.Sprintf("%+v %#v %s %q %x %d", s, s, s, s, s, s), fmt.Sprintf("%+v", parity.Column{Spread: s})} {
		if strings.Contains(form, "secret") || strings.Contains(form, "736563") {
			t.Errorf("it shows %s", form)
		}
	}
}

func TestSpread_ApartIsTheGreatestDifferenceOfShares(t *testing.T) {
	for _, c := range []struct {
		claim string
		a, b  parity.Spread
		want  float64
	}{
		{"equal", parity.SpreadOf("integer", numbers(0)), parity.SpreadOf("integer", numbers(0)), 0},
		{"numbers by size", parity.SpreadOf("integer", []string{"9", "10"}), parity.SpreadOf("integer", []string{"11", "100"}), 1},
		{"texts by bytes", parity.SpreadOf("text", []string{"a", "c"}), parity.SpreadOf("text", []string{"b", "d"}), 0.5},
		{"lengths", parity.LengthsOf([]int32{3, 3, 3}), parity.LengthsOf([]int32{3, 8, 9}), 2. / 3},
	} {
		if got, known := c.a.Apart(c.b); !known || max(got-c.want, c.want-got) > 1e-9 {
			t.Errorf("%s: %v, %t", c.claim, got, known)
		}
	}
	if _, known := parity.SpreadOf("text", []string{"a", "b"}).Apart(parity.LengthsOf([]int32{1, 2})); known {
		t.Error("texts were held against lengths")
	}
}

func TestGapKinds_AreOnesThatAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range understudy.GapKinds() {
		if seen[k.Name] || k.Weight <= 0 || k.About == "" {
			t.Errorf("%+v", k)
		}
		seen[k.Name] = true
	}
	for _, c := range slices.Concat(plantedInTheApplication(), plantedInTheDatabase()) {
		a, b := alike()
		c.plant(&a, &b)
		for _, g := range parity.Compare(a, b, now).Gaps {
			if !seen[g.Kind] {
				t.Errorf("%s is no kind: only %v are", g.Kind, slices.Sorted(maps.Keys(seen)))
			}
		}
	}
}
