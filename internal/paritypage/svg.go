package paritypage

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"time"

	"understudy"
)

//go:embed chart.svg
var source string

// Of the picture, in its own units.
const (
	wide        = 1000
	left, right = 150, 940 // of the axis of time
	top, floor  = 104, 284 // of the axis of figures
	row         = 18
	letters     = 16  // of a lane's name
	labelRoom   = 7.0 // of one letter above the plot
)

// Write draws a history as a picture.
func Write(to io.Writer, h understudy.ParityHistory) error {
	page, err := template.New("chart").Parse(source)
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "reading the picture of a history: %w", err)
	}
	if err := page.Execute(to, pictureOf(h)); err != nil {
		return understudy.Errorf(understudy.KindInternal, "writing the picture of a history: %w", err)
	}
	return nil
}

// picture is a chart in the picture's units.
type picture struct {
	Title, About            string
	Wide, High, Left, Right int
	Top, Floor, Bottom      int
	Figures, Moments        []mark
	Area, Line              string // paths
	Measured                []drawnBar
	Now                     *mark
	Promoted                []mark
	Rehearsed               []mark
	Lanes                   []drawnLane
	LanesY                  int
	More                    string
	LegendY                 int
}

type mark struct {
	X, Y  float64
	Text  string
	Label string // empty: there is no room for one
	LowY  float64
}

type drawnLane struct {
	Y    int
	Name string
	Bars []drawnBar
}

type drawnBar struct {
	X, Y, Wide float64
	Class      string
	Text       string
	Count      string // in the bar, where there is room
}

func pictureOf(h understudy.ParityHistory) picture {
	c := layOut(h)
	p := picture{Title: clean(fmt.Sprintf("Parity of %s and %s", h.A, h.B)), Wide: wide, Left: left, Right: right, Top: top, Floor: floor}
	p.Bottom = floor
	if len(c.stretches) == 0 {
		p.About, p.High, p.LegendY = "nothing was measured in that time", floor+60, floor+30
		return p
	}
	p.About = c.about()
	for _, v := range c.figures() {
		p.Figures = append(p.Figures, mark{Y: c.y(v), Text: strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")})
	}
	moments, form := c.moments()
	for _, at := range moments {
		p.Moments = append(p.Moments, mark{X: c.x(at), Text: at.Format(form)})
	}
	c.drawFigure(&p)
	c.drawMarks(&p)
	c.drawLanes(&p)
	p.High = p.LegendY + 34
	return p
}

func (c chart) about() string {
	last, lowest := c.stretches[len(c.stretches)-1], c.stretches[0]
	times := 0
	for _, s := range c.stretches {
		times += s.Times
		if s.Figure < lowest.Figure {
			lowest = s
		}
	}
	return fmt.Sprintf("%.1f now, lowest %.1f at %s; %d measurements from %s to %s (UTC)", last.Figure, lowest.Figure, shown(lowest.From), times, shown(c.from), shown(c.until))
}

func (c chart) x(at time.Time) float64 {
	share := float64(at.Sub(c.from)) / float64(c.until.Sub(c.from))
	return tenth(left + (right-left)*min(1, max(0, share)))
}

func (c chart) y(figure float64) float64 {
	return tenth(floor - (floor-top)*(figure-c.bottom)/(100-c.bottom))
}

func tenth(v float64) float64 { return math.Round(10*v) / 10 }

// drawFigure draws the steps of the figure. What was measured stands out; between, nobody
// looked, and the last is taken to hold.
func (c chart) drawFigure(p *picture) {
	var line strings.Builder
	for i, s := range c.stretches {
		x, y, until := c.x(s.From), c.y(s.Figure), c.x(c.holds(i))
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		fmt.Fprintf(&line, "%s%g %gL%g %g", verb, x, y, until, y)
		p.Measured = append(p.Measured, drawnBar{X: x, Y: y, Wide: tenth(max(c.x(s.Until)-x, 0)),
			Text: fmt.Sprintf("%.1f from %s to %s, measured %d times", s.Figure, shown(s.From), shown(s.Until), s.Times)})
	}
	p.Line = line.String()
	p.Area = fmt.Sprintf("%sL%d %dL%g %dZ", p.Line, right, floor, c.x(c.from), floor)
	last := c.stretches[len(c.stretches)-1]
	p.Now = &mark{X: right, Y: c.y(last.Figure), Text: fmt.Sprintf("%.1f", last.Figure)}
}

// drawMarks marks where releases settled, in two rows where they stand close, and where
// rehearsals measured.
func (c chart) drawMarks(p *picture) {
	ends := [2]float64{}
	for _, promoted := range c.promoted {
		if promoted.At.Before(c.from) {
			continue
		}
		m := mark{X: c.x(promoted.At), Y: top - 10, Text: clean(fmt.Sprintf("%s settled in %s at %s", promoted.Label, promoted.To, shown(promoted.At)))}
		for i, rowY := range []float64{top - 10, top - 24} {
			label := cut(promoted.Label, 14)
			half := labelRoom * float64(len([]rune(label))) / 2
			if m.X-half > ends[i]+4 {
				m.Label, m.Y, ends[i] = label, rowY, m.X+half
				break
			}
		}
		p.Promoted = append(p.Promoted, m)
	}
	for _, s := range c.stretches {
		for _, o := range s.Occasions {
			if o.What == understudy.OccasionRehearsal && !o.At.Before(c.from) {
				p.Rehearsed = append(p.Rehearsed, mark{X: c.x(o.At), Y: c.y(s.Figure), Text: clean("rehearsal of " + o.Label + " at " + shown(o.At))})
			}
		}
	}
}

func (c chart) drawLanes(p *picture) {
	y := floor + 44
	p.LanesY = y
	y += 10
	for _, l := range c.lanes {
		d := drawnLane{Y: y + row - 5, Name: cut(l.kind, letters)}
		for _, s := range l.spans {
			b := drawnBar{X: c.x(s.from), Y: float64(y + 3), Class: s.class(), Text: clean(s.says(l.kind))}
			b.Wide = max(tenth(c.x(s.until)-b.X), 2)
			if n := s.accidental + s.accepted; b.Wide > 8*float64(len(fmt.Sprint(n)))+6 {
				b.Count = fmt.Sprint(n)
			}
			d.Bars = append(d.Bars, b)
		}
		p.Lanes = append(p.Lanes, d)
		y += row
	}
	if c.more > 0 {
		p.More = fmt.Sprintf("%d kinds that weighed less are not drawn", c.more)
		y += row
	}
	p.Bottom, p.LegendY = y+4, y+12
}

// cut shortens a text to so many letters.
func cut(text string, most int) string {
	all := []rune(clean(text))
	if len(all) <= most {
		return string(all)
	}
	return string(all[:most-1]) + "…"
}

// clean takes out what no picture can hold.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
