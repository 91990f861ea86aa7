package migrationpage

import (
	"fmt"
	"strings"
	"time"

	"understudy"
)

// columns is how wide the axis of the text is.
const columns = 40

// Text draws an observation for a terminal: one line for each lane. Relations named in
// about, separated by commas, come first.
func Text(o understudy.Observation, about string) []string {
	t := layOut(o, about)
	lines := []string{strings.Repeat(" ", 2) + t.axis()}
	for _, g := range t.groups {
		if len(g.lanes) == 0 {
			continue
		}
		lines = append(lines, g.heading)
		for _, l := range g.lanes {
			lines = append(lines, fmt.Sprintf("  |%s| %s (%s)", t.strip(l), cut(l.label, 90), clean(l.note)))
		}
		if g.more > 0 {
			lines = append(lines, fmt.Sprintf("  and %d shorter ones", g.more))
		}
	}
	if len(lines) == 1 {
		return []string{"nothing was seen to happen in the database"}
	}
	return append(lines, "= runs  ! fails  # nobody reads or writes  + nobody writes  - no other migration  . waits  > commits")
}

func (t timeline) axis() string {
	end := lasted(t.ends)
	return "0" + strings.Repeat(" ", max(columns+1-len(end), 1)) + end
}

// letter is how a kind of span is drawn.
func (k kind) letter() byte {
	switch k {
	case failed:
		return '!'
	case exclusive:
		return '#'
	case writers:
		return '+'
	case weak:
		return '-'
	case waiting:
		return '.'
	}
	return '='
}

// strip is a lane as letters; what lasts at all has one.
func (t timeline) strip(l lane) string {
	strip := []byte(strings.Repeat(" ", columns))
	for _, s := range l.spans {
		first, last := t.column(s.from), t.column(s.until)
		for at := first; at <= last; at++ {
			strip[at] = s.kind.letter()
		}
		if s.commits && last > first {
			strip[last] = '>'
		}
	}
	return string(strip)
}

func (t timeline) column(at time.Duration) int {
	return min(max(int(float64(columns)*float64(at)/float64(t.ends)), 0), columns-1)
}
