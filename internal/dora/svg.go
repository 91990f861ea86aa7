package dora

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"understudy"
)

//go:embed metrics.svg
var source string

// Of the picture, in its own units.
const (
	wide   = 760
	left   = 20
	right  = 640 // of the weeks; beside them stands what the highest bar is
	heads  = 20  // a line of text
	high   = 90  // of a panel's bars
	apart  = 46  // between panels
	ticked = 8   // weeks at most have their date
)

// picture is what the template draws.
type picture struct {
	Title              string
	Wide, High         int
	Right, Note, TickY int
	Lines              []textLine
	Panels             []panel
	Ticks              []tick
}

type textLine struct {
	Y    int
	Text string
}

type panel struct {
	Head              string
	HeadY, TopY, Base int
	Most              string
	Bars              []bar
}

type bar struct {
	X, Y, Wide, High float64
	Kind, About      string
}

type tick struct {
	X    float64
	Text string
}

// WriteSVG draws metrics by week, under lines that say the figures in words.
func WriteSVG(to io.Writer, m understudy.Metrics, lines []string) error {
	page, err := template.New("metrics").Parse(source)
	if err == nil {
		err = page.Execute(to, draw(m, lines))
	}
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "drawing the metrics: %w", err)
	}
	return nil
}

func draw(m understudy.Metrics, lines []string) picture {
	p := picture{
		Title: fmt.Sprintf("%s, %s to %s", m.Environment, m.Since.UTC().Format(time.DateOnly), m.Until.UTC().Format(time.DateOnly)),
		Wide:  wide, Right: right, Note: right + 10,
	}
	y := 34 + heads
	for _, line := range lines {
		p.Lines = append(p.Lines, textLine{y, line})
		y += heads
	}
	all, bad, lead := func(w understudy.Week) float64 { return float64(w.Deployed) },
		func(w understudy.Week) float64 { return float64(w.Failed) },
		func(w understudy.Week) float64 { return w.LeadTime.Hours() }
	deployed := newPanel(y, "deployments a week, in red those that failed")
	most := deployed.add(m.Weeks, all, highest(m.Weeks, all), "all", "%.0f deployments")
	deployed.add(m.Weeks, bad, most, "bad", "%.0f failed")
	deployed.Most = fmt.Sprintf("%.0f", most)
	leads := newPanel(deployed.Base+apart, "change lead time, median of the week")
	leads.Most = fmt.Sprintf("%.1f hours", leads.add(m.Weeks, lead, highest(m.Weeks, lead), "lead", "%.1f hours"))
	p.Panels = []panel{deployed, leads}
	p.TickY = leads.Base + 16
	p.High = p.TickY + 14
	every := max(1, (len(m.Weeks)+ticked-1)/ticked)
	for i, w := range m.Weeks {
		if i%every == 0 {
			p.Ticks = append(p.Ticks, tick{place(i, len(m.Weeks)) + width(len(m.Weeks))/2, w.Begins.Format("2 Jan")})
		}
	}
	return p
}

func newPanel(y int, head string) panel {
	return panel{Head: head, HeadY: y + heads, TopY: y + heads + 20, Base: y + heads + 10 + high}
}

// add draws a bar for each week that has something, and returns what the highest stands for.
func (p *panel) add(weeks []understudy.Week, of func(understudy.Week) float64, most float64, kind, about string) float64 {
	for i, w := range weeks {
		value := of(w)
		if value <= 0 || most <= 0 {
			continue
		}
		tall := value / most * high
		p.Bars = append(p.Bars, bar{
			X: place(i, len(weeks)), Y: float64(p.Base) - tall, Wide: width(len(weeks)), High: tall, Kind: kind,
			About: "week of " + w.Begins.Format(time.DateOnly) + ": " + fmt.Sprintf(about, value),
		})
	}
	return most
}

func highest(weeks []understudy.Week, of func(understudy.Week) float64) float64 {
	most := 0.0
	for _, w := range weeks {
		most = max(most, of(w))
	}
	return most
}

func place(i, weeks int) float64 { return left + float64(i)*float64(right-left)/float64(weeks) }

func width(weeks int) float64 { return float64(right-left) / float64(weeks) * 0.8 }
