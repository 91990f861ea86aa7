package parity

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"understudy"
)

// Facts are what is compared of an environment.
type Facts struct {
	Environment string
	TwinOf      string
	Release     string            // label and digest
	Servers     map[string]string // by database
	Settings    map[string]string // "database setting" → value, those that are not default
	Schemas     map[string][]string
	Rows        map[string]int64  // "database schema.table" → rows, estimated by the server
	Config      map[string]string // key → keyed print of its value
	Unique      map[string]bool   // keys that must differ
}

// Compare measures the likeness of two environments. It is pure.
func Compare(a, b Facts, at time.Time) understudy.Parity {
	m := &meter{a: a, b: b}
	m.text("release", "release", a.Release, b.Release, 10, "")
	for _, name := range keys(a.Servers, b.Servers) {
		m.text("server", name, a.Servers[name], b.Servers[name], 10, "")
	}
	for _, name := range keys(a.Settings, b.Settings) {
		m.text("setting", name, a.Settings[name], b.Settings[name], 2, "")
	}
	m.schemas()
	m.volume()
	m.config()
	return understudy.Parity{
		A: a.Environment, B: b.Environment, Figure: understudy.ParityFigure(m.equal, m.gaps),
		Compared: m.equal + len(m.gaps), Gaps: m.gaps, MeasuredAt: at,
		Measured: []string{
			"release by digest",
			"server versions, and server settings that are not default",
			"schema line by line: tables, columns, constraints, indexes, functions, owners, grants",
			"rows of each table as the server estimates them, 10 % apart at most" + m.unknown(),
			"configuration by key, values by keyed digest",
			"not measured yet: column statistics, query plans, machine resources, flags",
		},
	}
}

type meter struct {
	a, b  Facts
	equal int
	gaps  []understudy.Gap
	blank []string // tables whose rows a server does not know
}

func (m *meter) text(kind, name, a, b string, weight float64, because string) {
	if a == b {
		m.equal++
		return
	}
	m.gaps = append(m.gaps, understudy.Gap{Kind: kind, Name: name, A: absent(a), B: absent(b), Weight: weight, Because: because})
}

func absent(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func (m *meter) schemas() {
	for _, database := range keys(m.a.Schemas, m.b.Schemas) {
		in := map[string]int{}
		for _, line := range m.a.Schemas[database] {
			in[line]++
		}
		for _, line := range m.b.Schemas[database] {
			if in[line] > 0 {
				in[line]--
				m.equal++
				continue
			}
			m.gaps = append(m.gaps, understudy.Gap{Kind: "schema", Name: database, A: "–", B: line, Weight: 5})
		}
		for _, line := range slices.Sorted(maps.Keys(in)) {
			for range in[line] {
				m.gaps = append(m.gaps, understudy.Gap{Kind: "schema", Name: database, A: line, B: "–", Weight: 5})
			}
		}
	}
}

func (m *meter) volume() {
	for _, table := range keys(m.a.Rows, m.b.Rows) {
		a, b := m.a.Rows[table], m.b.Rows[table]
		if a < 0 || b < 0 { // never analysed: no size is no difference
			m.blank = append(m.blank, table)
			continue
		}
		apart := math.Abs(float64(a-b)) / math.Max(1, math.Max(float64(a), float64(b)))
		if apart <= 0.1 || max(a, b) < 100 {
			m.equal++
			continue
		}
		m.gaps = append(m.gaps, understudy.Gap{Kind: "volume", Name: table, A: fmt.Sprintf("%d rows", a), B: fmt.Sprintf("%d rows", b), Weight: 3 * apart})
	}
}

// unknown says which tables' rows could not be compared.
func (m *meter) unknown() string {
	if len(m.blank) == 0 {
		return ""
	}
	return "; not of " + strings.Join(m.blank, ", ") + ": never analysed (ANALYZE makes the server count)"
}

func (m *meter) config() {
	for _, key := range keys(m.a.Config, m.b.Config) {
		a, b := m.a.Config[key], m.b.Config[key]
		switch {
		case m.a.Unique[key] || m.b.Unique[key]:
			m.credential(key, a, b)
		case a != "" && b != "":
			m.text("configuration", key, a, b, 1, "")
		default:
			m.text("configuration", key, a, b, 3, "")
		}
	}
}

// credential turns the comparison round: equal is the gap.
func (m *meter) credential(key, a, b string) {
	switch {
	case a == "" || b == "":
		m.text("configuration", key, a, b, 3, "")
	case a == b:
		m.gaps = append(m.gaps, understudy.Gap{Kind: "credential", Name: key, A: a, B: b + " (equal, and must differ)", Weight: 10})
	default:
		m.gaps = append(m.gaps, understudy.Gap{Kind: "credential", Name: key, A: a, B: b, Because: "a credential that must differ"})
	}
}

func keys[V any](ms ...map[string]V) []string {
	all := map[string]bool{}
	for _, m := range ms {
		for k := range m {
			all[k] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
