package migrationpage

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

//go:embed timeline.svg
var source string

// Of the picture, in its own units.
const (
	wide                      = 1000
	left                      = 340 // of the axis
	right                     = 790
	row                       = 20
	top                       = 74
	lettersLeft, lettersRight = 52, 30
)

// Write draws an observation as a picture. Relations named in about, separated by commas,
// come first.
func Write(to io.Writer, o understudy.Observation, title, about string) error {
	page, err := template.New("timeline").Parse(source)
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "reading the picture of a migration: %w", err)
	}
	if err := page.Execute(to, pictureOf(o, title, about)); err != nil {
		return understudy.Errorf(understudy.KindInternal, "writing the picture of a migration: %w", err)
	}
	return nil
}

// picture is a timeline in the picture's units.
type picture struct {
	Title, Server           string
	Wide, High, Left, Right int
	Bottom                  int
	Ticks                   []tick
	Groups                  []drawnGroup
}

type tick struct {
	X    float64
	Text string
}

type drawnGroup struct {
	Heading string
	Y       int
	Lanes   []drawnLane
	More    string
	MoreY   int
}

type drawnLane struct {
	Y           int
	Label, Note string
	Whole       string // label and note, uncut
	Bars        []drawnBar
}

type drawnBar struct {
	X, Wide float64
	Y       int
	Kind    string
	Commit  float64 // where a commit is marked; 0: none
}

func pictureOf(o understudy.Observation, title, about string) picture {
	t := layOut(o, about)
	p := picture{Title: clean(title), Server: cut(o.Server, 100), Wide: wide, Left: left, Right: right}
	for _, at := range t.ticks() {
		p.Ticks = append(p.Ticks, tick{t.x(at), axisText(at)})
	}
	y := top
	for _, g := range t.groups {
		if len(g.lanes) == 0 {
			continue
		}
		d := drawnGroup{Heading: g.heading, Y: y + row - 6}
		y += row + 2
		for _, l := range g.lanes {
			d.Lanes = append(d.Lanes, t.drawn(l, y))
			y += row
		}
		if g.more > 0 {
			d.More, d.MoreY = fmt.Sprintf("%d shorter ones are not drawn", g.more), y+row-6
			y += row
		}
		p.Groups = append(p.Groups, d)
		y += 10
	}
	p.Bottom, p.High = y, y+44
	return p
}

func (t timeline) x(at time.Duration) float64 {
	return math.Round(10*(left+float64(right-left)*float64(at)/float64(t.ends))) / 10
}

func (t timeline) drawn(l lane, y int) drawnLane {
	d := drawnLane{Y: y + row - 6, Label: cut(l.label, lettersLeft), Whole: clean(l.label + " (" + l.note + ")"), Note: cut(l.note, lettersRight)}
	for _, s := range l.spans {
		b := drawnBar{X: t.x(s.from), Y: y + 4, Kind: string(s.kind)}
		b.Wide = max(math.Round(10*(t.x(s.until)-b.X))/10, 2)
		if s.commits {
			b.Commit = b.X + b.Wide
		}
		d.Bars = append(d.Bars, b)
	}
	return d
}

// cut shortens a text to so many letters.
func cut(text string, letters int) string {
	all := []rune(clean(text))
	if len(all) <= letters {
		return string(all)
	}
	return string(all[:letters-1]) + "…"
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

func axisText(at time.Duration) string {
	if at == 0 {
		return "0"
	}
	return at.String()
}
