package mask

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// optionsOf are rules of each mask that takes an option or needs one.
func optionsOf(name string) []Rule {
	options := map[string][]string{
		"email": {"", "grow"}, "url": {"", "grow"}, "name": {"", "de", "fr first"}, "generalise": {"3"},
		"expression": {"value"},
	}[name]
	if options == nil {
		options = []string{""}
	}
	var rules []Rule
	for _, option := range options {
		rules = append(rules, Rule{Mask: name, Option: option, Constant: "constant"})
	}
	return rules
}

// textOf draws values of a type's text form.
func textOf(typ string) *rapid.Generator[string] {
	switch typ {
	case "integer":
		return rapid.StringMatching(`0|-?[1-9][0-9]{0,8}`)
	case "uuid":
		return rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	case "inet":
		return rapid.StringMatching(`(1?[0-9]?[0-9]|2[0-4][0-9])\.(1?[0-9]?[0-9])\.([1-9]?[0-9])\.([1-9]?[0-9]|1[0-9]{2})|2001:db8::[1-9a-f][0-9a-f]{0,3}`)
	case "macaddr":
		return rapid.StringMatching(`[0-9a-f]{2}(:[0-9a-f]{2}){5}`)
	default:
		return rapid.OneOf(anyText(), formed())
	}
}

// formed draws texts of the forms that masks look for.
func formed() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[A-Za-z.]{1,9}[0-9]{0,2}@([a-zA-Z0-9]{1,6}\.){0,2}(gmail\.com|web\.de|GMX\.net|[a-z]{1,6}|example|xn--p1ai|рф|c0m)`),
		rapid.StringMatching(`(https?|ftp)://([a-z]{1,5}@)?(10\.0\.0\.[0-9]|[a-z]{1,6}\.(de|com|test)|localhost)(:[0-9]{2,4})?(/[a-zA-Z0-9%]{0,8}(\?a=%40[a-z]{1,3})?)?`),
		rapid.StringMatching(`(mailto:[a-z]{1,4}@[a-z]{1,4}\.de|tel:\+49 [0-9]{8})`),
		rapid.StringMatching(`\+[0-9]{1,3}[ 0-9()/\-]{4,14}[0-9]`),
		rapid.StringMatching(`(DE|FR|gb)[0-9]{2}[ 0-9A-Z]{12,24}`),
		rapid.StringMatching(`[3-6][0-9]{12,17}|[0-9]{11}|[0-9]{8}[A-Z]|[0-9]{6}-[0-9]{4}`),
		rapid.StringMatching(`[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}|::ffff:10\.1\.2\.[0-9]|([0-9a-f]{1,4}:){1,3}:[0-9a-f]{1,4}(/64)?|\[::[2-9]\]:80|10\.1\.2\.3:443|10\.1\.2\.3/24`),
		rapid.StringMatching(`\$2a\$10\$[A-Za-z0-9./]{53}|[0-9a-f]{32}`),
		rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]|[0-3]?[0-9]\.[01]?[0-9]\.[12][0-9]{3}`),
	)
}

func TestMasks_KeepTheLengthThatTheySayTheyKeep(t *testing.T) {
	k := testKey(t, secret)
	said := map[string]bool{}
	for _, typ := range []string{"text", "character varying(60)", "public.address", "integer", "uuid", "inet", "macaddr"} {
		for _, m := range catalogue() {
			for _, rule := range optionsOf(m.name) {
				kind := parseType(typ)
				if isDocument(m.name) || isBatch(m.name) || m.name == maskKeep || !keepsLength(kind, rule) || kind.family != familyOther && !slices.Contains(m.on, kind.family) {
					continue
				}
				if typ == "text" {
					said[m.name] = true
				}
				made, err := compile(k, kind, rule)
				if err != nil {
					t.Fatal(err)
				}
				t.Run(m.name+"/"+typ, func(t *testing.T) {
					rapid.Check(t, func(t *rapid.T) {
						value := textOf(typ).Draw(t, "value")
						masked, err := made([]byte(value))
						_, fits := strconv.ParseInt(string(masked), 10, 32)
						if same := len(masked) == len(value) || typ == "integer" && fits == nil; err != nil || !same {
							t.Fatalf("%q became %q, of another length: %v", value, masked, err)
						}
					})
				})
			}
		}
	}
	for _, name := range []string{"email", "name", "phone", "address", "postcode", "card", "iban", "national", "number", "token", "ip", "url", "text", "password"} {
		if !said[name] {
			t.Errorf("%s does not say that it keeps the length of texts", name)
		}
	}
	for _, rule := range []Rule{{Mask: "email", Option: "grow"}, {Mask: "name", Option: "de"}, {Mask: "hash"}, {Mask: "date"}, {Mask: "null"}, {Mask: "generalise", Option: "3"}} {
		if keepsLength(parseType("text"), rule) {
			t.Errorf("%v says that it keeps the length of texts", rule)
		}
	}
	if keepsLength(parseType("text[]"), Rule{Mask: "email"}) || keepsLength(parseType("numeric"), Rule{Mask: "number"}) {
		t.Error("an array or a numeric is said to keep its length")
	}
}

func TestMasks_OfAJSONDocumentKeepTheLengthOfItsTexts(t *testing.T) {
	k := testKey(t, secret)
	rule := Rule{Mask: maskJSON, JSON: map[string]Rule{"a.mail": {Mask: "email"}, "b": {Mask: "text"}, "kept": {Mask: maskKeep}}}
	bound, err := k.bound(parseType("jsonb"), rule)
	if err != nil || !bound.KeepsLength || bound.Leaf == nil {
		t.Fatalf("%+v, %v", bound, err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string) string {
			return strings.ToValidUTF8(rapid.OneOf(anyText(), formed()).Draw(t, label), "")
		}
		document := map[string]any{"a": map[string]any{"mail": text("mail")}, "b": []any{text("b1"), text("b2")}, "kept": text("kept"), "other": text("other")}
		raw, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		masked, err := bound.Apply(raw)
		var after map[string]any
		if err != nil || json.Unmarshal(masked, &after) != nil {
			t.Fatalf("%s became %s: %v", raw, masked, err)
		}
		for _, leaf := range []struct {
			path          []string
			before, after any
		}{
			{[]string{"a", "mail"}, document["a"].(map[string]any)["mail"], after["a"].(map[string]any)["mail"]},
			{[]string{"b"}, document["b"].([]any)[0], after["b"].([]any)[0]},
			{[]string{"other"}, document["other"], after["other"]},
		} {
			before := leaf.before.(string)
			byLeaf, err := bound.Leaf(leaf.path)([]byte(before))
			if err != nil || string(byLeaf) != leaf.after.(string) || len(byLeaf) != len(before) {
				t.Fatalf("at %v %q became %q in the document and %q by itself: %v", leaf.path, before, leaf.after, byLeaf, err)
			}
		}
		if after["kept"] != document["kept"] || bound.Leaf([]string{"kept"}) != nil {
			t.Fatalf("what is kept became %q", after["kept"])
		}
	})
	for typ, rule := range map[string]Rule{"json": rule, "jsonb": {Mask: maskJSON, JSON: map[string]Rule{"a": {Mask: "hash"}}}, "text": rule} {
		if bound, err := k.bound(parseType(typ), rule); err != nil || bound.KeepsLength {
			t.Errorf("%s: %+v, %v", typ, bound, err)
		}
	}
}
