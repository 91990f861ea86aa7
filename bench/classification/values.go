package classification

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// samples are how many values a column has.
const samples = 60

// Values makes the values of a column: kind is what such values look like, and place
// makes different columns different.
func Values(kind, place string) []string {
	if strings.HasPrefix(kind, "enum:") {
		return strings.Split(strings.TrimPrefix(kind, "enum:"), ",")
	}
	seed := fnv.New64a()
	seed.Write([]byte(place)) //nolint:errcheck // it takes everything
	r := maker{rand.New(rand.NewPCG(seed.Sum64(), 1))}
	next := r.maker(kind)
	if next == nil {
		return nil
	}
	seen := map[string]bool{}
	var values []string
	for range samples {
		if v := next(); !seen[v] {
			seen[v] = true
			values = append(values, v)
		}
	}
	return values
}

// Documents makes JSON documents with the values of all paths.
func Documents(paths []Labelled, place string) []string {
	byPath := make([][]string, len(paths))
	for i, p := range paths {
		byPath[i] = Values(p.Values, place+p.Path)
	}
	var documents []string
	for n := range samples / 2 {
		document := map[string]any{}
		for i, p := range paths {
			if values := byPath[i]; len(values) > 0 {
				set(document, strings.Split(p.Path, "."), leaf(p.Values, values[n%len(values)]))
			}
		}
		text, err := json.Marshal(document)
		if err != nil { // texts and numbers have a JSON form
			panic(err)
		}
		documents = append(documents, string(text))
	}
	return documents
}

func leaf(kind, value string) any {
	if kind == "jbool" || kind == "jint" {
		return json.RawMessage(value)
	}
	return value
}

func set(in map[string]any, path []string, value any) {
	for len(path) > 1 {
		inner, is := in[path[0]].(map[string]any)
		if !is {
			inner = map[string]any{}
			in[path[0]] = inner
		}
		in, path = inner, path[1:]
	}
	in[path[0]] = value
}

func arrays(values []string) []string {
	var all []string
	for _, v := range values {
		all = append(all, `{"`+v+`"}`)
	}
	return all
}

// maker makes one value after another.
type maker struct{ *rand.Rand }

func (m maker) one(list string) string {
	words := strings.Split(list, ",")
	return words[m.IntN(len(words))]
}

func (m maker) digits(n int) string {
	var b strings.Builder
	b.WriteByte(byte('1' + m.IntN(9)))
	for range n - 1 {
		b.WriteByte(byte('0' + m.IntN(10)))
	}
	return b.String()
}

func (m maker) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.IntN(256))
	}
	return b
}

func (m maker) hex(n int) string { return hex.EncodeToString(m.bytes(n)) }

func (m maker) base64(n int) string { return base64.RawURLEncoding.EncodeToString(m.bytes(n)) }

func (m maker) uuid() string {
	b := m.bytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (m maker) words(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = m.one(plainWords)
	}
	return strings.Join(list, " ")
}

func (m maker) prose() string {
	text := m.words(6 + m.IntN(14))
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
