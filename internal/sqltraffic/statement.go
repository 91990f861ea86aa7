package sqltraffic

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"

	"understudy"
)

// Statement is one statement of an application.
type Statement struct {
	Name   string  // how it is called in figures
	Weight float64 // its share among the statements; above 0
	SQL    string
	Args   []Arg      // one for each placeholder; nil: Rows are its arguments
	Rows   [][]string // values of all placeholders that go together, as text; one of them is taken each time
	// Undo runs it in a transaction that is rolled back: it locks as a writer does and
	// leaves nothing.
	Undo bool
}

// Arg makes one argument of a statement, anew for each time that it is run.
type Arg struct {
	low, high int64    // a number between; both 0: one of texts
	texts     []string // values that were seen in the database
}

// Between is a whole number from low to high.
func Between(low, high int64) Arg { return Arg{low: low, high: high} }

// OneOf is one of some values, as text.
func OneOf(texts []string) Arg { return Arg{texts: texts} }

func (a Arg) value(random *rand.Rand) any {
	if len(a.texts) > 0 {
		return a.texts[random.IntN(len(a.texts))]
	}
	return a.low + random.Int64N(a.high-a.low+1)
}

// args makes the arguments of one run.
func (s Statement) args(random *rand.Rand) []any {
	var out []any
	if len(s.Rows) > 0 {
		for _, text := range s.Rows[random.IntN(len(s.Rows))] {
			out = append(out, text)
		}
	}
	for _, arg := range s.Args {
		out = append(out, arg.value(random))
	}
	return out
}

// Parse reads statements as people write them: separated by semicolons at the ends of
// lines, each with comment lines before it that say how it is run:
//
//	-- name: order by number
//	-- weight: 3
//	-- args: int 1 200000, text open paid
//	SELECT id, status FROM orders WHERE id = $1 AND status = $2;
//
// name and weight may be left out; undo: rolls back what the statement did. Errors are of
// KindInvalid and name the line.
func Parse(from io.Reader) ([]Statement, error) {
	p := parser{next: Statement{Weight: 1}}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.line++
		if err := p.take(lines.Text()); err != nil {
			return nil, err
		}
	}
	switch {
	case lines.Err() != nil:
		return nil, understudy.Errorf(understudy.KindInvalid, "reading statements: %w", lines.Err())
	case len(p.text) > 0:
		return nil, p.wrong("the last statement has no semicolon at the end of a line")
	case len(p.done) == 0:
		return nil, p.wrong("there is no statement")
	}
	return p.done, nil
}

type parser struct {
	line int
	text []string
	next Statement
	done []Statement
}

var direction = regexp.MustCompile(`^--\s*(name|weight|args|undo):\s*(.*)$`)

func (p *parser) take(line string) error {
	trimmed := strings.TrimSpace(line)
	if said := direction.FindStringSubmatch(trimmed); said != nil && len(p.text) == 0 {
		return p.direct(said[1], strings.TrimSpace(said[2]))
	}
	if trimmed == "" || strings.HasPrefix(trimmed, "--") {
		return nil
	}
	p.text = append(p.text, line)
	if !strings.HasSuffix(trimmed, ";") {
		return nil
	}
	p.next.SQL = strings.TrimSuffix(strings.TrimSpace(strings.Join(p.text, "\n")), ";")
	if p.next.Name == "" {
		p.next.Name = "statement " + strconv.Itoa(len(p.done)+1)
	}
	p.done, p.text, p.next = append(p.done, p.next), nil, Statement{Weight: 1}
	return nil
}

func (p *parser) direct(what, said string) error {
	switch what {
	case "name":
		p.next.Name = said
	case "undo":
		p.next.Undo = true
	case "weight":
		weight, err := strconv.ParseFloat(said, 64)
		if err != nil || !(weight > 0) || weight > 1e6 {
			return p.wrong("weight: expected a number above zero, found %q", said)
		}
		p.next.Weight = weight
	default:
		for _, one := range strings.Split(said, ",") {
			arg, err := p.arg(strings.Fields(one))
			if err != nil {
				return err
			}
			p.next.Args = append(p.next.Args, arg)
		}
	}
	return nil
}

func (p *parser) arg(words []string) (Arg, error) {
	switch {
	case len(words) == 3 && words[0] == "int":
		low, errLow := strconv.ParseInt(words[1], 10, 64)
		high, errHigh := strconv.ParseInt(words[2], 10, 64)
		if errLow == nil && errHigh == nil && low <= high && high-low+1 > 0 {
			return Between(low, high), nil
		}
	case len(words) > 1 && words[0] == "text":
		return OneOf(words[1:]), nil
	}
	return Arg{}, p.wrong("args: expected int FROM TO or text VALUE…, found %q", strings.Join(words, " "))
}

func (p *parser) wrong(format string, args ...any) error {
	return understudy.Errorf(understudy.KindInvalid, "statements, line %d: %s", p.line, fmt.Sprintf(format, args...))
}
