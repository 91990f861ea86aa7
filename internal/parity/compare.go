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

// Compare measures the likeness of two environments. It is pure.
func Compare(a, b Facts, at time.Time) understudy.Parity {
	m := &meter{a: a, b: b, blind: map[string]bool{}, at: at, twin: twins(a, b)}
	m.application()
	m.machine()
	m.config()
	m.outside()
	for _, name := range keys(a.Databases, b.Databases) {
		m.database(name)
	}
	return understudy.Parity{
		A: a.Environment, B: b.Environment, Figure: understudy.ParityFigure(m.equal, m.gaps),
		Compared: m.equal + len(m.gaps), Gaps: m.gaps, MeasuredAt: at, Measured: append(m.measured(), m.unseen()...),
	}
}

// twins tells whether one side is built to be like the other, with what that leaves different.
func twins(a, b Facts) bool {
	return b.TwinOf != "" && b.TwinOf == a.Environment || a.TwinOf != "" && a.TwinOf == b.Environment
}

// meter collects what is equal and what is not.
type meter struct {
	a, b  Facts
	at    time.Time
	twin  bool
	equal int
	gaps  []understudy.Gap
	blind map[string]bool // kinds that one of the sides could not see, of the database being compared
	notes []string        // what was left out, and why
	count map[string]int  // how many facts of a kind were compared
}

// gap adds a difference. A scaled kind weighs by how far the sides are apart, from 0 to 1.
func (m *meter) gap(kind, name, a, b string, apart float64, because string) {
	m.counted(kind)
	k, _ := understudy.GapKindOf(kind) // every kind is in the list: a test sees to it
	m.gaps = append(m.gaps, understudy.Gap{Kind: kind, Name: name, A: absent(a), B: absent(b), Weight: k.Weight * apart, Because: because})
}

func (m *meter) same(kind string) {
	m.counted(kind)
	m.equal++
}

func (m *meter) counted(kind string) {
	if m.count == nil {
		m.count = map[string]int{}
	}
	m.count[kind]++
}

// text compares two values that are equal or not.
func (m *meter) text(kind, name, a, b, because string) {
	switch {
	case m.blind[kind]:
	case a == b:
		m.same(kind)
	default:
		m.gap(kind, name, a, b, 1, because)
	}
}

// texts compares two lists of such values. An empty list on one side is one that nobody could
// make, where all is set.
func (m *meter) texts(kind string, a, b map[string]string, named func(string) string, because string) {
	for _, name := range keys(a, b) {
		m.text(kind, named(name), a[name], b[name], because)
	}
}

// number compares two sizes; they are alike within a tenth, or when both are below least.
func (m *meter) number(kind, name string, a, b, least float64, shown func(float64) string) {
	if m.blind[kind] {
		return
	}
	apart := relative(a, b)
	if apart <= 0.1 || max(a, b) < least {
		m.same(kind)
		return
	}
	m.gap(kind, name, shown(a), shown(b), apart, "")
}

// relative is how far two sizes are apart, from 0 to 1.
func relative(a, b float64) float64 {
	if max(a, b) <= 0 {
		return 0
	}
	return math.Abs(a-b) / max(a, b)
}

func absent(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// because gives a reason only between twins.
func (m *meter) because(reason string) string {
	if m.twin {
		return reason
	}
	return ""
}

func plain(name string) string { return name }

func below(database string) func(string) string {
	return func(name string) string { return strings.TrimSpace(database + " " + name) }
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

// blinded sets the kinds of which nothing is compared now.
func (m *meter) blinded(of ...[]Unseen) {
	m.blind = map[string]bool{}
	for _, unseen := range slices.Concat(of...) {
		for _, kind := range unseen.Kinds {
			m.blind[kind] = true
		}
	}
}

// measured says what was compared, and how much of it.
func (m *meter) measured() []string {
	said := func(format string, kinds ...string) string {
		sum := 0
		for _, kind := range kinds {
			sum += m.count[kind]
		}
		return fmt.Sprintf(format, sum)
	}
	return []string{
		said("release, the files that services run, and what they run on: %d facts", understudy.GapRelease, understudy.GapComponent, understudy.GapRuntime),
		said("configuration by key, values by keyed digest; credentials that must differ: %d keys", understudy.GapConfiguration, understudy.GapCredential),
		said("instances, limits, processors, memory, disk, standbys: %d facts", understudy.GapInstances, understudy.GapLimit, understudy.GapProcessor,
			understudy.GapMemory, understudy.GapDisk, understudy.GapReplica),
		said("integrations by keyed digest, certificates, flags: %d facts", understudy.GapIntegration, understudy.GapCertificate, understudy.GapFlag),
		said("versions of database servers, extensions, settings that are not default, roles: %d facts",
			understudy.GapServer, understudy.GapExtension, understudy.GapSetting, understudy.GapRole),
		said("the schema, object by object, with owners and grants: %d objects", schemaKinds()...),
		said("rows of tables and positions of sequences as the server knows them: %d", understudy.GapVolume, understudy.GapPosition),
		said("columns by the server's statistics (NULL, distinct, common, spread, width; masked ones by shape): %d",
			understudy.GapNulls, understudy.GapDistinct, understudy.GapCommon, understudy.GapHistogram, understudy.GapWidth),
		said("plans of the busiest statements, for any parameters: %d", understudy.GapPlan),
	}
}

func schemaKinds() []string {
	return []string{
		understudy.GapDatabase, understudy.GapSchema, understudy.GapTable, understudy.GapColumn, understudy.GapConstraint, understudy.GapIndex, understudy.GapStatistics,
		understudy.GapSequence, understudy.GapView, understudy.GapFunction, understudy.GapTrigger, understudy.GapRule, understudy.GapPolicy, understudy.GapType,
		understudy.GapCollation, understudy.GapForeign, understudy.GapPublication, understudy.GapComment, understudy.GapOwner, understudy.GapGrant,
	}
}

// unseen says what could not be compared, and on whose side.
func (m *meter) unseen() []string {
	out := m.notes
	for _, side := range []Facts{m.a, m.b} {
		for _, unseen := range side.Unseen {
			out = append(out, "not seen of "+side.Environment+": "+unseen.Sentence)
		}
		for _, name := range keys(side.Databases) {
			for _, unseen := range side.Databases[name].Unseen {
				out = append(out, "not seen of "+side.Environment+" "+name+": "+unseen.Sentence)
			}
		}
	}
	return out
}
