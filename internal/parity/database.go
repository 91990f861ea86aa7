package parity

import (
	"fmt"
	"strconv"
	"strings"

	"understudy"
)

// fewRows is under how many rows, or counts of a sequence, a difference is none.
const fewRows = 100

// leastCost is what the cheapest plan is taken to cost: of an empty table the planner only guesses.
const leastCost = 10

// database compares one database. One that a side does not have is one gap.
func (m *meter) database(name string) {
	a, had := m.a.Databases[name]
	b, has := m.b.Databases[name]
	m.blinded(m.a.Unseen, m.b.Unseen, a.Unseen, b.Unseen)
	if !had || !has {
		m.text(understudy.GapServer, name, a.Server, b.Server, "")
		return
	}
	m.server(name, a.Server, b.Server)
	m.settings(name, a, b)
	for _, role := range keys(a.Roles, b.Roles) {
		m.text(understudy.GapRole, name+" "+role, a.Roles[role], b.Roles[role], m.ownRole(role, a.Roles[role], b.Roles[role]))
	}
	m.texts(understudy.GapLimit, a.Limits, b.Limits, below(name), "")
	m.text(understudy.GapReplica, name, strconv.Itoa(a.Replicas), strconv.Itoa(b.Replicas), m.because("a twin has no standby of its own"))
	m.objects(name, a.Objects, b.Objects)
	m.volume(name, a, b)
	m.columns(name, a, b)
	m.plans(name, a, b)
}

// server compares two versions. Another major one is another server; another minor one has
// other mends, and weighs a tenth. How its packager calls it is no difference.
func (m *meter) server(name, a, b string) {
	one, other := version(a), version(b)
	oneMajor, _, _ := strings.Cut(one, ".")
	otherMajor, _, _ := strings.Cut(other, ".")
	switch {
	case m.blind[understudy.GapServer]:
	case one == other:
		m.same(understudy.GapServer)
	case oneMajor == otherMajor:
		m.gap(understudy.GapServer, name, a, b, 0.1, "")
	default:
		m.gap(understudy.GapServer, name, a, b, 1, "")
	}
}

// ownRole is why a role may be on one side only. Where somebody else runs production's server,
// the administrator whom it gives to its customers has the name that a twin's server is made with.
func (m *meter) ownRole(role, a, b string) string {
	if role == "postgres" && (a == "" || b == "") {
		return m.because("a twin's server is its administrator's alone")
	}
	without := withoutSuperusers(b)
	if without == withoutSuperusers(a) || strings.HasPrefix(a, "superuser") && without == withoutSuperusers(strings.Replace(a, ", may sign in", "", 1)) {
		return m.because("nobody on a twin may have its server run programs, reach files or connect elsewhere")
	}
	return ""
}

// withoutSuperusers is what a role may but for what only superusers may, as a twin has it: it is
// written by the census, what the role is in at the end.
func withoutSuperusers(may string) string {
	var left []string
	among := ""
	for _, word := range strings.Split(may, ", ") {
		if group, first := strings.CutPrefix(word, "in "); first {
			word, among = group, "in "
		}
		switch strings.TrimSuffix(word, "*") {
		case "superuser", "may nothing by itself", "postgres",
			"pg_execute_server_program", "pg_read_server_files", "pg_write_server_files", "pg_create_subscription":
		default:
			left = append(left, among+word)
		}
	}
	return strings.Join(left, ", ")
}

// version is what a server says of itself without what its packager added.
func version(said string) string {
	number, _, _ := strings.Cut(said, " ")
	return number
}

// volume compares what both sides have: a table that is missing is a gap of its own.
func (m *meter) volume(database string, a, b Database) {
	var blank []string
	for _, table := range keys(a.Rows, b.Rows) {
		x, had := a.Rows[table]
		y, has := b.Rows[table]
		switch {
		case !had || !has:
		case x < 0 || y < 0: // never analysed: no size is no difference
			blank = append(blank, table)
		default:
			m.number(understudy.GapVolume, database+" "+table, x, y, fewRows, rows)
		}
	}
	m.note(blank, "rows of %d tables of "+database+" are not known on one side: never analysed (ANALYZE makes the server count), such as %s")
	for _, sequence := range keys(a.Sequences, b.Sequences) {
		x, had := a.Sequences[sequence]
		y, has := b.Sequences[sequence]
		if had && has {
			m.number(understudy.GapPosition, database+" "+sequence, float64(x), float64(y), fewRows, func(n float64) string { return fmt.Sprintf("%.0f", n) })
		}
	}
}

func rows(n float64) string { return fmt.Sprintf("%.0f rows", n) }

// note says how many of something were left out, and names one.
func (m *meter) note(names []string, format string) {
	if len(names) > 0 {
		m.notes = append(m.notes, "not compared: "+fmt.Sprintf(format, len(names), names[0]))
	}
}

// plans compares how both servers would run the same statements.
func (m *meter) plans(database string, a, b Database) {
	if m.blind[understudy.GapPlan] {
		return
	}
	for _, statement := range keys(a.Plans, b.Plans) {
		x, had := a.Plans[statement]
		y, has := b.Plans[statement]
		name := database + " statement " + statement
		switch {
		case !had || !has:
			m.gap(understudy.GapPlan, name, planned(x), planned(y), 1, "")
		case x.Shape != y.Shape:
			m.gap(understudy.GapPlan, name, x.Shape, y.Shape, 1, "")
		case max(x.Cost, y.Cost) >= 10*max(min(x.Cost, y.Cost), leastCost):
			m.same(understudy.GapPlan)
			m.gap(understudy.GapCost, name, cost(x), cost(y), 1, "")
		default:
			m.same(understudy.GapPlan)
		}
	}
}

func planned(p Plan) string {
	if p.Shape == "" {
		return "cannot be planned"
	}
	return p.Shape
}

func cost(p Plan) string { return fmt.Sprintf("cost %.0f", p.Cost) }
