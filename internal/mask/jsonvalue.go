package mask

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"understudy"
)

// pathMask is one path of a JSON rule, ready for use.
type pathMask struct {
	keep   bool
	masked understudy.MaskFunc
}

// compileJSON makes the function for a column of JSON. Texts and numbers at a ruled path
// are masked; a path that names an object or an array rules what is inside. Texts without
// a rule are swept for e-mail addresses, and so are keys: what was never seen in a sample
// may still hold one. Everything else stays, byte for byte. A value that is no JSON (a text
// column may hold some) is masked as free text.
func compileJSON(k *keyed, rule Rule) (understudy.MaskFunc, error) {
	rules := rule.JSON
	if rule.Mask != maskJSON {
		rules = map[string]Rule{"*": rule}
	}
	compiled := map[string]pathMask{}
	for path, inner := range rules {
		m := pathMask{keep: inner.Mask == maskKeep}
		if !m.keep {
			made, err := compile(k, columnType{family: familyText}, inner)
			if err != nil {
				return nil, err
			}
			m.masked = made
		}
		compiled[path] = m
	}
	return func(value []byte) ([]byte, error) {
		w := jsonWalk{k: k, rules: compiled, raw: value, decoder: json.NewDecoder(bytes.NewReader(value))}
		w.decoder.UseNumber()
		return w.run()
	}, nil
}

// pathRule finds the rule for a path: its own, that of the nearest path around it, or that
// of "*".
func pathRule[R any](rules map[string]R, path []string) (rule R, found bool) {
	for n := len(path); n > 0; n-- {
		if rule, found = rules[strings.Join(path[:n], ".")]; found {
			return rule, true
		}
	}
	rule, found = rules["*"]
	return rule, found
}

// jsonPlace is a place in a document, as its tokens go by.
type jsonPlace struct {
	path   []string
	inside []byte // '{' expects a key, ':' a value of an object, '[' an element
}

// next takes a token. It says whether that was a key, or else a leaf, at path; after a
// leaf, done must be called.
func (p *jsonPlace) next(token json.Token) (key, leaf bool) {
	delimiter, is := token.(json.Delim)
	switch {
	case is && (delimiter == '{' || delimiter == '['):
		p.inside = append(p.inside, byte(delimiter))
	case is:
		p.inside = p.inside[:len(p.inside)-1]
		p.done()
	case p.at() == '{':
		p.path = append(p.path, pathKey(token.(string))) // the decoder lets nothing else be a key
		p.inside[len(p.inside)-1] = ':'
		return true, false
	default:
		return false, true
	}
	return false, false
}

func (p *jsonPlace) at() byte {
	if len(p.inside) == 0 {
		return 0
	}
	return p.inside[len(p.inside)-1]
}

// done ends a value: after one of an object comes the next key.
func (p *jsonPlace) done() {
	if p.at() == ':' {
		p.inside[len(p.inside)-1] = '{'
		p.path = p.path[:len(p.path)-1]
	}
}

// jsonWalk copies one JSON value, with what is masked in place of what was there.
type jsonWalk struct {
	k       *keyed
	rules   map[string]pathMask
	raw     []byte
	decoder *json.Decoder
	place   jsonPlace
	out     []byte
	copied  int64 // how far raw is in out
	before  int64 // where the token before the current one ended
}

func (w *jsonWalk) run() ([]byte, error) {
	for {
		w.before = w.decoder.InputOffset()
		token, err := w.decoder.Token()
		if errors.Is(err, io.EOF) && len(w.place.inside) == 0 {
			return append(w.out, w.raw[w.copied:]...), nil
		}
		if err != nil {
			return w.k.text(w.raw), nil
		}
		if err := w.take(token); err != nil {
			return nil, err
		}
	}
}

func (w *jsonWalk) take(token json.Token) error {
	key, leaf := w.place.next(token)
	switch {
	case key:
		return w.sweep(token.(string))
	case leaf:
		defer w.place.done()
		return w.leaf(token)
	default:
		return nil
	}
}

// sweep masks the e-mail addresses in a key or in a text that has no rule.
func (w *jsonWalk) sweep(text string) error {
	if swept := w.k.sweep([]byte(text)); string(swept) != text {
		return w.replace(swept, true)
	}
	return nil
}

// leaf masks a text or a number; truth values and null say nothing of a person.
func (w *jsonWalk) leaf(token json.Token) error {
	rule, ruled := pathRule(w.rules, w.place.path)
	text, isText := token.(string)
	number, isNumber := token.(json.Number)
	switch {
	case ruled && rule.keep, !isText && !isNumber:
		return nil
	case !ruled:
		return w.sweep(text)
	case isNumber:
		return w.number(number, rule)
	}
	masked, err := rule.masked([]byte(text))
	if err != nil {
		return err
	}
	return w.replace(masked, true)
}

// number masks a number by its rule if the result is one, and digit by digit if not.
func (w *jsonWalk) number(number json.Number, rule pathMask) error {
	masked, err := rule.masked([]byte(number))
	if err != nil {
		return err
	}
	if masked != nil && !json.Valid(masked) {
		masked = w.k.number([]byte(number), "")
	}
	return w.replace(masked, false)
}

// replace writes a value in place of the token that was read last. Nil is null.
func (w *jsonWalk) replace(masked []byte, quoted bool) error {
	start, end := w.before, w.decoder.InputOffset()
	for start < end && strings.IndexByte(" \t\r\n,:", w.raw[start]) >= 0 {
		start++
	}
	w.out = append(w.out, w.raw[w.copied:start]...)
	w.copied = end
	switch {
	case masked == nil:
		w.out = append(w.out, "null"...)
		return nil
	case !quoted:
		w.out = append(w.out, masked...)
		return nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(string(masked)); err != nil {
		return understudy.Errorf(understudy.KindInternal, "writing a masked text as JSON: %w", err)
	}
	w.out = append(w.out, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
	return nil
}
