package mask

import (
	"go.yaml.in/yaml/v3"

	"understudy"
)

// optionRule reads {mask: option} and {program: [command, argument]}, and finds an option
// that cannot work: an expression with a mistake is one here, not at a row.
func (f file) optionRule(column string, key, value *yaml.Node) (Rule, error) {
	m, found := named(key.Value)
	switch {
	case !found:
		unknown := unknownMask(column, key.Value)
		return Rule{}, f.invalid(key, "%s", unknown.Message).WithHint("%s", unknown.Hint)
	case m.option == "":
		return Rule{}, f.invalid(key, "the rule of %s: %s takes no option", column, m.name).WithHint("write %s: %s", column, m.name)
	case m.name == maskProgram:
		return f.programRule(column, value)
	case value.Kind != yaml.ScalarNode:
		return Rule{}, f.invalid(value, "the rule of %s: expected {%s: option}", column, m.name).WithHint("the option: %s", m.option)
	case m.name == maskConstant:
		return Rule{Mask: maskConstant, Constant: value.Value}, nil
	}
	rule := Rule{Mask: m.name, Option: value.Value}
	if err := checkOption(rule); err != nil {
		return Rule{}, f.invalid(value, "the rule of %s: %s", column, err).WithHint("%s", understudy.HintOf(err))
	}
	return rule, nil
}

// checkOption tells whether an option means something for any type.
func checkOption(rule Rule) error {
	var err error
	for _, family := range []family{familyText, familyInteger, familyDate} {
		m, _ := named(rule.Mask)
		if _, err = m.make(nil, columnType{family: family}, rule); err == nil {
			return nil
		}
	}
	return err
}

func (f file) programRule(column string, n *yaml.Node) (Rule, error) {
	rule := Rule{Mask: maskProgram}
	if n.Kind == yaml.SequenceNode {
		for _, word := range n.Content {
			if word.Kind == yaml.ScalarNode {
				rule.Program = append(rule.Program, word.Value)
			}
		}
	}
	if len(rule.Program) == 0 || len(rule.Program) != len(n.Content) {
		return Rule{}, f.invalid(n, "the rule of %s: expected {program: [command, argument, …]}", column)
	}
	return rule, nil
}

// needsNothing refuses a mask that was named without what it needs.
func (f file) needsNothing(column, name string, n *yaml.Node) error {
	m, _ := named(name)
	switch {
	case isDocument(name):
		return f.invalid(n, "%s needs its paths: %s: {%s: {contact.email: email}}", name, column, name)
	case name == maskConstant:
		return f.invalid(n, "a constant needs its value: %s: {constant: value}", column)
	case m.needs:
		return f.invalid(n, "%s needs its option: %s: {%s: …}", name, column, name).WithHint("the option: %s", m.option)
	}
	return nil
}
