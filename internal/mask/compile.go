package mask

import (
	"bytes"

	"understudy"
)

// compile makes the function for a type and a rule, as the outside takes it.
func compile(k *keyed, t columnType, rule Rule) (understudy.MaskFunc, error) {
	made, err := k.compile(t, rule)
	if err != nil {
		return nil, err
	}
	return k.fresh(made), nil
}

// compile makes the function for a type and a rule. Elements of an array are masked one by
// one, and empty values stay, except for a constant and what an expression says of them.
func (k *keyed) compile(t columnType, rule Rule) (appendFunc, error) {
	m, found := named(rule.Mask)
	if !found {
		return nil, unknownMask("a rule", rule.Mask)
	}
	kind := documentKind(t, rule)
	if kind == "" && m.make == nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "%s is for whole columns, not for what is inside a document", rule.Mask)
	}
	if rule.Mask == maskNull || rule.Mask == maskConstant {
		return m.make(k, t, rule)
	}
	made, err := k.compileKind(kind, m, t, rule)
	if err != nil || rule.Mask == maskExpression {
		return made, err
	}
	if t.isPadded() {
		made = unpadded(notEmpty(made))
	}
	if t.array {
		made = eachElement(notEmpty(made))
	}
	return notEmpty(made), nil
}

func (k *keyed) compileKind(kind string, m mask, t columnType, rule Rule) (appendFunc, error) {
	if kind == "" {
		return m.make(k, t, rule)
	}
	d, err := compilePaths(k, rule)
	if err != nil {
		return nil, err
	}
	switch kind {
	case maskXML:
		return d.eachNode(k), nil
	case maskHstore:
		return d.eachPair(k), nil
	default:
		return d.eachLeaf(k), nil
	}
}

// documentKind is the mask that takes a column's documents apart; empty if its values are
// no documents. A column of documents under a plain mask has it on all its texts.
func documentKind(t columnType, rule Rule) string {
	switch {
	case isDocument(rule.Mask):
		return rule.Mask
	case rule.Mask == maskExpression, rule.Mask == maskNull, rule.Mask == maskConstant:
		return ""
	case t.family == familyJSON:
		return maskJSON
	case t.name == maskXML, t.name == maskHstore:
		return t.name
	}
	return ""
}

// isDocument tells the masks that have a rule for each path.
func isDocument(name string) bool {
	return name == maskJSON || name == maskXML || name == maskHstore
}

// unpadded masks what stands before the blanks that fill a value up to its column's width,
// so that it is masked as the same value in a column without a width.
func unpadded(masked appendFunc) appendFunc {
	return func(dst, value []byte) ([]byte, error) {
		body := bytes.TrimRight(value, " ")
		dst, err := masked(dst, body)
		if dst == nil || err != nil {
			return nil, err
		}
		return append(dst, value[len(body):]...), nil
	}
}

func notEmpty(masked appendFunc) appendFunc {
	return func(dst, value []byte) ([]byte, error) {
		if len(value) == 0 {
			return dst, nil
		}
		return masked(dst, value)
	}
}

// bound is a mask as a copy takes it: bound to a column, with what it keeps.
func (k *keyed) bound(t columnType, rule Rule) (understudy.Mask, error) {
	made, err := compile(k, t, rule)
	if err != nil {
		return understudy.Mask{}, err
	}
	m, _ := named(rule.Mask)
	bound := understudy.Mask{Name: rule.Mask, Apply: made, Unique: isUnique(m, rule), KeepsLength: keepsLength(t, rule)}
	if kind := documentKind(t, rule); kind == maskJSON && !t.array {
		d, err := compilePaths(k, rule)
		if err != nil {
			return understudy.Mask{}, err
		}
		bound.Leaf = d.leaf(k)
		bound.KeepsLength = t.name == "jsonb" && d.keeps
	} else if kind != "" {
		bound.KeepsLength = false
	}
	return bound, nil
}

// isUnique tells whether different values stay different under a rule.
func isUnique(m mask, rule Rule) bool {
	return m.unique && (m.name != "name" || rule.Option == "")
}
