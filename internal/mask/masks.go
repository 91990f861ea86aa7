package mask

import (
	"fmt"
	"slices"
	"strings"

	"understudy"
)

// Masks binds the policy to the project's key, which must have at least 16 bytes; it may
// be called for many tables, from several goroutines. What it returns says for a table
// which columns are masked and how, or refuses:
//
//   - KindRefused, naming every column of the table that looks personal and has no rule,
//     and why, but none of its values;
//   - KindInvalid, if a rule cannot work: on this type, on a column that is unique or not
//     nullable, or beside another rule on the other end of a foreign key.
//
// A MaskFunc returns nil for NULL. An empty value stays empty, except for a constant.
func (p Policy) Masks(key []byte) understudy.Masks {
	k, err := newKeyed(key)
	return func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		if err != nil {
			return understudy.TableMasks{}, err
		}
		masks := understudy.TableMasks{Columns: map[string]understudy.Mask{}}
		var undecided []string
		for _, c := range columns {
			if c.Generated {
				continue
			}
			rule, found := p.decide(c)
			open := p.open(c, rule, found)
			undecided = append(undecided, open...)
			if !found || len(open) > 0 || rule.Mask == maskKeep {
				continue
			}
			if err := p.check(c, rule); err != nil {
				return understudy.TableMasks{}, err
			}
			made, err := compile(k, parseType(c.Type), rule)
			if err != nil {
				return understudy.TableMasks{}, understudy.Errorf(understudy.KindOf(err), "masking %s: %w", c, err)
			}
			m, _ := named(rule.Mask)
			masks.Columns[c.Name] = understudy.Mask{Name: rule.Mask, Apply: made, Unique: m.unique}
		}
		if len(undecided) > 0 {
			return understudy.TableMasks{}, refusal(table, undecided)
		}
		return masks, nil
	}
}

func refusal(table string, undecided []string) error {
	noun := "columns look"
	if len(undecided) == 1 {
		noun = "column looks"
	}
	return understudy.Errorf(understudy.KindRefused, "table %s was not copied: %d %s personal and no rule says what to do with it:\n  %s",
		table, len(undecided), noun, strings.Join(undecided, "\n  ")).
		WithHint("see what is proposed with `understudy mask plan`, then give each of them a rule in mask.yaml (keep is one)")
}

// decide is the rule of a column, or else that of the column it is a foreign key to:
// the two must hold the same values afterwards.
func (p Policy) decide(c understudy.Column) (Rule, bool) {
	if rule, found := p.rule(c.String()); found {
		return rule, true
	}
	if c.References == "" {
		return Rule{}, false
	}
	return p.rule(c.References)
}

// open lists what of a column looks personal and is not decided, with the reasons.
func (p Policy) open(c understudy.Column, rule Rule, found bool) []string {
	if parseType(c.Type).family == familyJSON || found && rule.Mask == maskJSON {
		if found && rule.Mask != maskJSON {
			return nil
		}
		return openPaths(c, rule)
	}
	if found {
		return nil
	}
	_, reason, suspicious := Classify(c)
	if !suspicious {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s", c, reason)}
}

// openPaths does for the paths of a JSON column what open does for a column.
func openPaths(c understudy.Column, rule Rule) []string {
	paths := classifyPaths(c)
	var open []string
	for _, path := range paths {
		if _, ruled := pathRule(rule.JSON, strings.Split(path.path, ".")); !ruled {
			open = append(open, fmt.Sprintf("%s.%s: %s", c, path.path, path.reason))
		}
	}
	if len(paths) == 0 && rule.Mask == "" {
		if _, reason, suspicious := Classify(c); suspicious {
			open = append(open, fmt.Sprintf("%s: %s", c, reason))
		}
	}
	return open
}

// check finds what would go wrong with a rule, before anything is copied.
func (p Policy) check(c understudy.Column, rule Rule) error {
	m, found := named(rule.Mask)
	t := parseType(c.Type)
	switch {
	case !found:
		return unknownMask(c.String(), rule.Mask)
	case rule.Mask == maskNull && !c.Nullable:
		return understudy.Errorf(understudy.KindInvalid, "column %s cannot be masked by null: it is declared NOT NULL", c)
	case c.Unique && !m.unique && rule.Mask != maskJSON:
		return understudy.Errorf(understudy.KindInvalid, "column %s cannot be masked by %s: its values must differ from row to row", c, rule.Mask).
			WithHint("token, text and hash keep different values different")
	case t.family != familyOther && !slices.Contains(m.on, t.family) && (t.family != familyJSON || !leafMask(m)):
		return understudy.Errorf(understudy.KindInvalid, "column %s cannot be masked by %s: its type is %s", c, rule.Mask, c.Type).
			WithHint("masks for this type: %s", strings.Join(masksFor(t.family), ", "))
	}
	return p.checkReference(c, rule)
}

func (p Policy) checkReference(c understudy.Column, rule Rule) error {
	if c.References == "" {
		return nil
	}
	other, found := p.rule(c.References)
	if !found {
		other.Mask = maskKeep
	}
	if rule.Mask == maskNull || other.Mask == rule.Mask && other.Constant == rule.Constant {
		return nil
	}
	return understudy.Errorf(understudy.KindInvalid, "column %s is masked by %s, but it is a foreign key to %s, which has %s: rows would lose what they refer to",
		c, rule.Mask, c.References, other.Mask).WithHint("give both the same rule, or rule only the one that is referred to")
}

// leafMask tells whether a mask may be given to a whole JSON column, for all its texts.
func leafMask(m mask) bool { return slices.Contains(m.on, familyText) }

func masksFor(f family) []string {
	var names []string
	for _, m := range catalogue() {
		if slices.Contains(m.on, f) {
			names = append(names, m.name)
		}
	}
	return names
}

// compile makes the function for a type and a rule. Elements of an array are masked one by
// one, and empty values stay.
func compile(k *keyed, t columnType, rule Rule) (understudy.MaskFunc, error) {
	m, found := named(rule.Mask)
	if !found {
		return nil, unknownMask("a rule", rule.Mask)
	}
	whole := rule.Mask == maskNull || rule.Mask == maskConstant
	var made understudy.MaskFunc
	switch {
	case whole:
		return m.make(k, t, rule), nil
	case rule.Mask == maskJSON || t.family == familyJSON:
		var err error
		if made, err = compileJSON(k, rule); err != nil {
			return nil, err
		}
	default:
		made = m.make(k, t, rule)
	}
	if t.array {
		made = eachElement(notEmpty(made))
	}
	return notEmpty(made), nil
}

func notEmpty(masked understudy.MaskFunc) understudy.MaskFunc {
	return func(value []byte) ([]byte, error) {
		if len(value) == 0 {
			return []byte{}, nil
		}
		return masked(value)
	}
}
