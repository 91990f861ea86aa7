package featureflag

import (
	"fmt"
	"strings"

	"understudy"
)

// problem is one thing that is wrong with a definition.
type problem struct{ path, text string }

// problems are gathered while a definition is looked at.
type problems struct{ found []problem }

func (p *problems) add(path, format string, args ...any) {
	p.found = append(p.found, problem{path, fmt.Sprintf(format, args...)})
}

// err is one error that names the first problems by flag and path, or nil.
func (p *problems) err() error {
	const told = 20
	if len(p.found) == 0 {
		return nil
	}
	lines := make([]string, 0, told+1)
	for i, found := range p.found {
		if i == told {
			lines = append(lines, fmt.Sprintf("and %d more", len(p.found)-told))
			break
		}
		lines = append(lines, pathOr(found.path)+": "+found.text)
	}
	return understudy.Errorf(understudy.KindInvalid, "a flag definition has to be one that flagd's schema allows:\n  %s", strings.Join(lines, "\n  ")).
		WithHint("the format is flagd's: see docs/flags.md")
}

// Parse reads a flag definition in flagd's format: flags as an object, or as an array with
// keys. It refuses what flagd's schema refuses, and beyond it what flagd would find out only
// when the flag is asked for: rules and shared rules that do not exist, a default variant
// that is none, a key that stands twice; and constraints between flags that cannot be met.
// The error names every problem by flag and path.
func Parse(raw []byte) (*Set, error) {
	set, found, err := load(raw)
	if err != nil {
		return nil, err
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return set, nil
}

// load reads a definition as flagd does: what its schema objects to is told, and what can
// be evaluated still is. The error is for what is no definition at all.
func load(raw []byte) (*Set, *problems, error) {
	decoded, err := decode(raw)
	if err != nil {
		return nil, nil, err
	}
	document, isObject := decoded.(map[string]any)
	if !isObject {
		return nil, nil, understudy.Errorf(understudy.KindInvalid, "a flag definition is a JSON object with \"flags\", found %s", kindOf(decoded))
	}
	found := &problems{}
	checkDefinition(document, found)
	return assemble(document, found), found, nil
}
