package mask

import (
	"bytes"
	"encoding/xml"
	"strings"
)

// documentMask is the mask that has a rule for each path of a column's documents.
func documentMask(t columnType) string {
	if t.name == maskXML || t.name == maskHstore {
		return t.name
	}
	return maskJSON
}

// collect gathers what a document holds by dotted path, as the masks write paths.
func collect(kind, sample string, texts, numbers map[string][]string) {
	switch kind {
	case maskXML:
		collectNodes(sample, texts)
	case maskHstore:
		collectPairs(sample, texts)
	default:
		collectLeaves(sample, texts, numbers)
	}
}

// collectNodes gathers the texts and attributes of XML: person.name, person.@id. Of a
// sample that was cut off it takes what comes before the cut.
func collectNodes(sample string, texts map[string][]string) {
	decoder := xml.NewDecoder(strings.NewReader(sample))
	var path []string
	add := func(at []string, value string) {
		if value = strings.TrimSpace(value); value != "" {
			joined := strings.Join(at, ".")
			texts[joined] = append(texts[joined], value)
		}
	}
	for {
		token, err := decoder.RawToken()
		if err != nil { // the end, or what is no XML any more
			return
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, pathKey(t.Name.Local))
			for _, a := range t.Attr {
				add(append(path[:len(path):len(path)], "@"+pathKey(a.Name.Local)), a.Value)
			}
		case xml.EndElement:
			path = path[:max(0, len(path)-1)]
		case xml.CharData:
			add(path, string(t))
		}
	}
}

// collectPairs gathers the values of an hstore by key.
func collectPairs(sample string, texts map[string][]string) {
	rest := []byte(sample)
	for len(rest) > 0 {
		key, length, _ := readPart(rest)
		after := bytes.TrimLeft(rest[length:], " ")
		if length == 0 || !bytes.HasPrefix(after, []byte("=>")) { // cut off
			return
		}
		after = bytes.TrimLeft(after[2:], " ")
		value, length, null := readPart(after)
		if length == 0 {
			return
		}
		at := pathKey(string(key))
		if !null && len(value) > 0 {
			texts[at] = append(texts[at], string(value))
		}
		rest = bytes.TrimLeft(after[length:], ", ")
	}
}
