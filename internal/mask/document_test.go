package mask

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"understudy"
)

func TestJSON_IsReadAsTheStandardLibraryReadsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		document := rapid.OneOf(
			rapid.StringMatching(`[\[\]{}",:0-9eE+.\-truefalsn \\u]{0,12}`),
			rapid.StringMatching(`\{"[a-c\\"]{0,3}":(-?[0-9]{1,2}(\.[0-9])?([eE][+-]?[0-9])?|\[(true|null)?,?"x"?\]|"[^"]{0,4}")\}`),
		).Draw(t, "document")
		err := scanJSON([]byte(document), ignoring{})
		if err == nil != json.Valid([]byte(document)) && !loose(document) {
			t.Fatalf("%q: %v, but the standard library says %t", document, err, json.Valid([]byte(document)))
		}
	})
	if err := scanJSON([]byte(strings.Repeat("[", 1_000_000)), ignoring{}); !errors.Is(err, errNoJSON) {
		t.Errorf("a million brackets: %v", err)
	}
}

// loose tells documents whose escapes are wrong: they are found out when a text is read.
func loose(document string) bool { return strings.Contains(document, `\`) }

type ignoring struct{}

func (ignoring) key([]byte, int, int) error        { return nil }
func (ignoring) leave()                            {}
func (ignoring) leaf([]byte, int, int, bool) error { return nil }

func TestJSON_WithEscapesIsMaskedByWhatTheyMean(t *testing.T) {
	mask := ruled(t, "jsonb", Rule{Mask: maskJSON, JSON: map[string]Rule{"naïve": {Mask: "email"}, "n": {Mask: maskConstant, Constant: ""}, "quoted": {Mask: "text"}}})
	email, text := maskFor(t, "email", "text"), maskFor(t, "text", "text")
	got := mask(`{"na\u00efve": "anna\u0040moser.de", "n": "x", "quoted": "say \"hi\"\n", "left": "a\tb", "swept": "to\tanna@x.de"}`)
	want := `{"na\u00efve": "` + email("anna@moser.de") + `", "n": "", "quoted": "` + strings.NewReplacer(`"`, `\"`, "\n", `\n`).Replace(text("say \"hi\"\n")) + `", "left": "a\tb", "swept": "to\t` + email("anna@x.de") + `"}`
	if got != want {
		t.Errorf("became  %s\nexpected %s", got, want)
	}
}

func TestXML_MasksTextsAndAttributesByPath(t *testing.T) {
	rule := Rule{Mask: maskXML, JSON: map[string]Rule{"person.name": {Mask: "name"}, "person.@id": {Mask: "token"}, "person.kept": {Mask: maskKeep}}}
	mask := ruled(t, "xml", rule)
	name, token, email := maskFor(t, "name", "text"), maskFor(t, "token", "text"), maskFor(t, "email", "text")
	got := mask(`<?xml version="1.0"?><!-- anna@x.de --><person id="a&amp;b7" x='1'><name>Anna &lt;M&gt;</name><kept>me@x.de</kept><note>to anna@moser.de</note><br/></person>`)
	want := `<?xml version="1.0"?><!-- ` + email("anna@x.de") + ` --><person id="` + strings.ReplaceAll(token("a&b7"), "&", "&amp;") + `" x="1"><name>` +
		strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(name("Anna <M>")) + `</name><kept>me@x.de</kept><note>to ` + email("anna@moser.de") + `</note><br/></person>`
	if got != want {
		t.Errorf("became  %s\nexpected %s", got, want)
	}
	all := ruled(t, "xml", Rule{Mask: "text"})(`<a b="c"><d>Anna</d><![CDATA[Bob & co]]></a>`)
	if strings.Contains(all, "Anna") || strings.Contains(all, "Bob") || !strings.Contains(all, "&amp;") {
		t.Errorf("became %s", all)
	}
	decoder := xml.NewDecoder(strings.NewReader(all))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s is no XML any more: %v", all, err)
		}
	}
	if got := mask("no <xml"); got != maskFor(t, "text", "text")("no <xml") {
		t.Errorf("what is no XML became %s", got)
	}
}

func TestXML_MasksInstructionsAndWhatADocumentTypeQuotes(t *testing.T) {
	const value = `<?xml version="1.0"?><!DOCTYPE p [<!ELEMENT p ANY><!-- it's Anna --><!ENTITY who "Anna Moser"><!ENTITY at 'anna@moser.de'><?print Anna?>]>` +
		`<?mail to="Anna Moser" anna@x.de?><p><?note Anna?>Anna</p>`
	swept := ruled(t, "xml", Rule{Mask: maskXML, JSON: map[string]Rule{"p": {Mask: maskKeep}}})(value)
	email := maskFor(t, "email", "text")
	for _, want := range []string{`<!ENTITY who "Anna Moser">`, "'" + email("anna@moser.de") + "'", `<?mail to="Anna Moser" ` + email("anna@x.de") + "?>"} {
		if !strings.Contains(swept, want) {
			t.Errorf("expected %s in %s", want, swept)
		}
	}
	all := ruled(t, "xml", Rule{Mask: "text"})(value)
	if strings.Contains(all, "Anna") || strings.Contains(all, "Moser") || strings.Contains(all, "moser") {
		t.Errorf("became %s", all)
	}
	for _, want := range []string{`<?xml version="1.0"?><!DOCTYPE p [<!ELEMENT p ANY><!-- `, "<!ENTITY who \"", "<?print ", "<?mail ", "<p><?note "} {
		if !strings.Contains(all, want) {
			t.Errorf("expected %s in %s", want, all)
		}
	}
}

func TestXML_RefusesAMaskThatWouldBreakAReferenceToAnEntity(t *testing.T) {
	made, err := compile(testKey(t, secret), parseType("xml"), Rule{Mask: "text"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = made([]byte(`<!DOCTYPE p [<!ENTITY who "Anna &amp; Bob">]><p/>`))
	if understudy.KindOf(err) != understudy.KindInvalid || strings.Contains(err.Error(), "Anna") {
		t.Errorf("it says %v", err)
	}
}

func TestHstore_MasksValuesByKey(t *testing.T) {
	mask := ruled(t, "public.hstore", Rule{Mask: maskHstore, JSON: map[string]Rule{"email": {Mask: "email"}, "gone": {Mask: maskNull}, "kept": {Mask: maskKeep}}})
	email := maskFor(t, "email", "text")
	got := mask(`"kept"=>"a@b.de", "email"=>"anna@moser.de", "gone"=>"x", "none"=>NULL, "other"=>"\"ask\" c@d.de", "e@f.de"=>"1"`)
	want := `"kept"=>"a@b.de", "email"=>"` + email("anna@moser.de") + `", "gone"=>NULL, "none"=>NULL, "other"=>"\"ask\" ` + email("c@d.de") + `", "` + email("e@f.de") + `"=>"1"`
	if got != want {
		t.Errorf("became  %s\nexpected %s", got, want)
	}
	made, err := compile(testKey(t, secret), parseType("hstore"), Rule{Mask: "email"})
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []string{"anna@moser.de", `"a"=>`, `"a"`, `"a"=>"b" "c"=>"d"`, `=>`} {
		if masked, err := made([]byte(broken)); understudy.KindOf(err) != understudy.KindInvalid || strings.Contains(err.Error(), "anna") {
			t.Errorf("%s became %s, %v", broken, masked, err)
		}
	}
}
