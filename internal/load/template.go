package load

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

var (
	placeholder = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)
	captureName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_\-]*$`)
	between     = regexp.MustCompile(`^int\s+(-?[0-9]+)\s+(-?[0-9]+)$`)
)

// template is a text with places that are filled in for each visit.
type template []piece

// piece is one stretch of a template: text, the name of a value, or a range.
type piece struct {
	text   string
	name   string
	ranged bool
	low    int64
	high   int64
}

// values are what a visit fills its templates with.
type values struct {
	named  map[string]string // "unique" and what was captured
	random *rand.Rand
}

func (t template) fill(v values) string {
	if len(t) == 1 && t[0].name == "" && !t[0].ranged {
		return t[0].text
	}
	var out strings.Builder
	for _, p := range t {
		switch {
		case p.ranged:
			out.WriteString(strconv.FormatInt(p.low+v.random.Int64N(p.high-p.low+1), 10))
		case p.name != "":
			out.WriteString(v.named[p.name])
		default:
			out.WriteString(p.text)
		}
	}
	return out.String()
}

// template takes a text apart. A name must have been captured by an earlier step.
func (c *compiler) template(text string) template {
	var t template
	at := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > at {
			t = append(t, piece{text: text[at:m[0]]})
		}
		t, at = append(t, c.placeholder(text[m[2]:m[3]])), m[1]
	}
	if at < len(text) {
		t = append(t, piece{text: text[at:]})
	}
	return t
}

func (c *compiler) placeholder(inside string) piece {
	if m := between.FindStringSubmatch(inside); m != nil {
		low, errLow := strconv.ParseInt(m[1], 10, 64)
		high, errHigh := strconv.ParseInt(m[2], 10, 64)
		if errLow != nil || errHigh != nil || high < low || high-low+1 <= 0 {
			c.fail("{{%s}} is no range from a smaller to a greater number", inside)
			return piece{}
		}
		return piece{ranged: true, low: low, high: high}
	}
	if inside != "unique" && !c.known[inside] {
		c.fail("{{%s}} is neither {{unique}}, {{int A B}} nor captured by a step before it", inside)
	}
	return piece{name: inside}
}
