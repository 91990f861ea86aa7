package mask

import (
	"slices"
	"strings"

	"understudy"
)

// Masks binds the policy to the project's key, which must have at least 16 bytes; it may
// be called for many tables, from several goroutines. What it returns says for a table
// which columns are masked and how, or refuses:
//
//   - KindRefused, naming every column of the table that has no rule, or none for the type
//     that it has, and every personal-looking path of a document without one, with the
//     reason but none of the values;
//   - KindInvalid, if a rule cannot work: on this type, on a column that is unique or not
//     nullable, or beside another rule on the other end of a foreign key.
//
// A MaskFunc returns nil for NULL. An empty value stays empty, except for a constant.
func (p Policy) Masks(key []byte, options ...Option) understudy.Masks {
	k, err := newKeyed(key)
	ruled := p.index()
	var with setup
	for _, option := range options {
		option(&with)
	}
	return func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		if err != nil {
			return understudy.TableMasks{}, err
		}
		masks := understudy.TableMasks{Columns: map[string]understudy.Mask{}}
		together := batches{k: k, setup: with}
		var undecided []string
		said := p.saying(k, table)
		for _, c := range columns {
			if c.Generated {
				continue
			}
			rule, open := ruled.decide(c, columns)
			undecided = append(undecided, open...)
			if len(open) > 0 {
				continue
			}
			if err := ruled.check(c, rule); err != nil {
				return understudy.TableMasks{}, err
			}
			said.add(c, rule)
			if rule.Mask == maskKeep {
				continue
			}
			if err := add(masks, &together, c, rule); err != nil {
				return understudy.TableMasks{}, err
			}
		}
		if len(undecided) > 0 {
			return understudy.TableMasks{}, refusal(table, undecided)
		}
		masks.Batches, masks.Digest = together.made, said.digest()
		return masks, nil
	}
}

// add binds a rule to a column, by itself or among the table's batches.
func add(masks understudy.TableMasks, together *batches, c understudy.Column, rule Rule) error {
	if isBatch(rule.Mask) {
		return together.add(c, rule)
	}
	made, err := together.k.bound(parseType(c.Type), rule)
	if err != nil {
		return understudy.Errorf(understudy.KindOf(err), "masking %s: %w", c, err)
	}
	masks.Columns[c.Name] = made
	return nil
}

// check finds what would go wrong with a rule, before anything is copied.
func (r rules) check(c understudy.Column, rule Rule) error {
	m, found := named(rule.Mask)
	t := parseType(c.Type)
	switch {
	case !found:
		return unknownMask(c.String(), rule.Mask)
	case rule.Mask == maskNull && !c.Nullable:
		return understudy.Errorf(understudy.KindInvalid, "column %s cannot be masked by null: it is declared NOT NULL", c)
	case c.Unique && !isUnique(m, rule) && !isDocument(rule.Mask) && rule.Mask != maskProgram: // a program may know how
		return understudy.Errorf(understudy.KindInvalid, "column %s cannot be masked by %s: its values must differ from row to row", c, rule.Mask).
			WithHint("token, text and hash keep different values different")
	case !fits(m, t):
		return understudy.Errorf(understudy.KindInvalid, "column %s cannot be masked by %s: its type is %s", c, rule.Mask, c.Type).
			WithHint("masks for this type: %s", strings.Join(masksFor(t.family), ", "))
	}
	return r.checkReference(c, rule)
}

// fits tells whether a mask can be written to a type.
func fits(m mask, t columnType) bool {
	return t.family == familyOther || slices.Contains(m.on, t.family) || t.family == familyJSON && leafMask(m)
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
