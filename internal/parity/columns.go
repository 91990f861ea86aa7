package parity

import (
	"fmt"
	"math"

	"understudy"
)

// What is within these is no difference: servers look at a sample of the rows.
const (
	nullsApart     = 0.02
	distinctApart  = 0.3
	commonApart    = 0.05
	histogramApart = 0.1
	widthApart     = 0.25
)

// columns compares the statistics of columns that both sides have.
func (m *meter) columns(database string, a, b Database) {
	var blank []string
	for _, name := range keys(a.Columns, b.Columns) {
		x, had := a.Columns[name]
		y, has := b.Columns[name]
		switch {
		case a.Objects["column "+name] != b.Objects["column "+name]: // that is the gap
		case had && has:
			if min(x.Rows, y.Rows) >= fewRows { // fewer are a gap of volume, or none
				m.column(database+" "+name, x, y)
			}
		case inBoth(a, b, "column "+name):
			blank = append(blank, name)
		}
	}
	m.note(blank, "%d columns of "+database+" have statistics on one side only: hidden, never analysed or empty on the other, such as %s")
}

func inBoth(a, b Database, object string) bool {
	_, had := a.Objects[object]
	_, has := b.Objects[object]
	return had && has
}

func (m *meter) column(name string, a, b Column) {
	because := ""
	if a.Masked || b.Masked {
		because = m.because("the column is masked: a twin has other values")
	}
	if m.blind[understudy.GapNulls] { // all are read together
		return
	}
	found := len(m.gaps)
	figure := func(kind string, apart, within float64, x, y string) {
		if apart > within {
			m.gap(kind, name, x, y, min(apart, 1), because)
		}
	}
	figure(understudy.GapNulls, math.Abs(a.Nulls-b.Nulls), nullsApart, share(a.Nulls), share(b.Nulls))
	figure(understudy.GapDistinct, min(relative(a.values(), b.values()), relative(a.unlike(), b.unlike())), distinctApart, distinct(a), distinct(b))
	figure(understudy.GapCommon, ByRank(a.common(), b.common()), commonApart, share(top(a)), share(top(b)))
	figure(understudy.GapWidth, relative(a.Width, b.Width), widthApart, fmt.Sprintf("%.0f bytes", a.Width), fmt.Sprintf("%.0f bytes", b.Width))
	if apart, known := a.Spread.Apart(b.Spread); known {
		figure(understudy.GapHistogram, apart, histogramApart, a.Spread.String(), fmt.Sprintf("%.2f away", apart))
	}
	if len(m.gaps) == found { // a column is one fact
		m.same(understudy.GapNulls)
	}
}

// present is the share of the rows that have a value.
func (c Column) present() float64 { return max(1-c.Nulls, 1e-9) }

// values is how many distinct ones there are.
func (c Column) values() float64 {
	if c.Distinct >= 0 {
		return c.Distinct
	}
	return -c.Distinct * c.Rows
}

// unlike is the share of distinct values among the rows that have one.
func (c Column) unlike() float64 { return c.values() / max(c.Rows*c.present(), 1) }

// common are the shares of the ten most common values among the rows that have one.
func (c Column) common() []float64 {
	var out []float64
	for _, share := range c.Common[:min(len(c.Common), 10)] {
		out = append(out, share/c.present())
	}
	return out
}

func top(c Column) float64 {
	if all := c.common(); len(all) > 0 {
		return all[0]
	}
	return 0
}

func share(of float64) string { return fmt.Sprintf("%.1f %%", 100*of) }

func distinct(c Column) string { return fmt.Sprintf("%.0f distinct", c.values()) }
