package mask

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// leaks reads the places at which originals of masked columns may stand in a copy:
//
//	leaks:
//	  accepted:
//	    - public.article.author # published names
func (f file) leaks(policy *Policy, n *yaml.Node) error {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || n.Content[0].Value != "accepted" || n.Content[1].Kind != yaml.SequenceNode {
		return f.invalid(n, "expected accepted: and a list of columns below leaks:, as in - public.article.author")
	}
	for _, place := range n.Content[1].Content {
		if parts := splitName(place.Value); place.Kind != yaml.ScalarNode || len(parts) != 3 || strings.Contains(place.Value, "*") {
			return f.invalid(place, "a place of accepted leaks is written as schema.table.column, found %q", place.Value)
		}
		policy.Accepted = append(policy.Accepted, place.Value)
		policy.comments[acceptedKey(place.Value)] = strings.TrimSpace(strings.TrimLeft(place.LineComment, "# "))
	}
	return nil
}

// acceptedKey is the key of an accepted place among comments and in the digest; no column
// is called so.
func acceptedKey(place string) string { return "leaks: accepted: " + place }

// writeAccepted writes the places, with their comments.
func (p Policy) writeAccepted() []byte {
	if len(p.Accepted) == 0 {
		return nil
	}
	var out bytes.Buffer
	out.WriteString("\nleaks:\n  accepted:\n")
	for _, place := range p.Accepted {
		fmt.Fprintf(&out, "    - %s", plainScalar(place))
		if comment := p.comments[acceptedKey(place)]; comment != "" {
			fmt.Fprintf(&out, " # %s", comment)
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}
