package load

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"understudy"
)

// journey is a journey ready to be made.
type journey struct {
	weight float64
	steps  []step
}

// step is a request ready to be made.
type step struct {
	label    string // "POST /orders/{{id}}"
	method   string
	path     template
	header   map[string]template
	form     map[string]template
	body     template
	hasBody  bool
	expect   []int
	captures map[string]*regexp.Regexp
}

// expected tells whether a status is what the step wants.
func (s step) expected(status int) bool {
	if len(s.expect) == 0 {
		return status < 400
	}
	return slices.Contains(s.expect, status)
}

func compileJourneys(declared []understudy.Journey) ([]journey, error) {
	if len(declared) == 0 {
		return nil, understudy.Errorf(understudy.KindInvalid, "traffic has no journeys")
	}
	var journeys []journey
	for _, d := range declared {
		j := journey{weight: d.Weight}
		switch {
		case d.Weight == 0:
			j.weight = 1
		case d.Weight < 0:
			return nil, understudy.Errorf(understudy.KindInvalid, "journey %s has weight %v, expected one above zero", d.Name, d.Weight)
		}
		if len(d.Steps) == 0 {
			return nil, understudy.Errorf(understudy.KindInvalid, "journey %s has no steps", d.Name)
		}
		known := map[string]bool{}
		for i, declared := range d.Steps {
			c := compiler{journey: d.Name, number: i + 1, known: known}
			j.steps = append(j.steps, c.step(declared))
			if c.err != nil {
				return nil, c.err
			}
		}
		journeys = append(journeys, j)
	}
	return journeys, nil
}

// compiler compiles one step and remembers the first thing that is wrong with it.
type compiler struct {
	journey string
	number  int
	known   map[string]bool // names captured by earlier steps
	err     error
}

func (c *compiler) fail(format string, args ...any) {
	if c.err == nil {
		args = append([]any{c.number, c.journey}, args...)
		c.err = understudy.Errorf(understudy.KindInvalid, "step %d of journey %s: "+format, args...)
	}
}

func (c *compiler) step(d understudy.Step) step {
	s := step{method: strings.ToUpper(d.Method), expect: d.Expect, hasBody: d.Body != ""}
	if s.method == "" {
		s.method = http.MethodGet
	}
	if !strings.HasPrefix(d.Path, "/") {
		c.fail("its path is %q, expected one that begins with /", d.Path)
	}
	if d.Body != "" && len(d.Form) > 0 {
		c.fail("it has a form and a body, expected one of them")
	}
	path, _, _ := strings.Cut(d.Path, "?")
	s.label = s.method + " " + path
	s.path, s.body = c.template(d.Path), c.template(d.Body)
	s.header, s.form = c.templates(d.Header), c.templates(d.Form)
	s.captures = c.captures(d.Capture)
	return s
}

func (c *compiler) templates(texts map[string]string) map[string]template {
	out := map[string]template{}
	for name, text := range texts {
		out[name] = c.template(text)
	}
	return out
}

func (c *compiler) captures(declared map[string]string) map[string]*regexp.Regexp {
	out := map[string]*regexp.Regexp{}
	for name, expression := range declared {
		compiled, err := regexp.Compile(expression)
		switch {
		case err != nil:
			c.fail("the expression that captures %s cannot be read: %w", name, err)
			continue
		case compiled.NumSubexp() != 1:
			c.fail("the expression that captures %s has %d groups, expected one", name, compiled.NumSubexp())
		case name == "unique" || !captureName.MatchString(name):
			c.fail("nothing can be captured as %q: expected a word other than unique and int", name)
		}
		out[name] = compiled
	}
	for name := range out {
		c.known[name] = true
	}
	return out
}
