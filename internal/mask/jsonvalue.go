package mask

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"understudy"
)

// pathMask is one path of a document's rule, ready for use, and what is below it.
type pathMask struct {
	masked   appendFunc // nil: stays
	sweeps   bool       // masked is what is done where there is no rule
	inherits bool       // it has no rule: it is treated as the path around it
	below    map[string]*pathMask
	other    *pathMask // of keys that are not below
}

// documentMasks are the rules for the paths of one document, ready for use.
type documentMasks struct {
	root  pathMask
	keeps bool // every mask of them keeps the length of a text
}

// compilePaths makes the masks of a rule's paths. A rule that names no paths is for all.
// What is at no ruled path is swept for e-mail addresses: what was never seen in a sample
// may still hold one.
func compilePaths(k *keyed, rule Rule) (*documentMasks, error) {
	rules := rule.JSON
	if !isDocument(rule.Mask) {
		rules = map[string]Rule{"*": rule}
	}
	d := &documentMasks{keeps: true}
	d.root.sweeps = true
	d.root.masked = func(dst, value []byte) ([]byte, error) { return k.sweep(dst, value), nil }
	for path, inner := range rules {
		var made appendFunc
		if inner.Mask != maskKeep {
			var err error
			if made, err = k.compile(columnType{family: familyText}, inner); err != nil {
				return nil, err
			}
		}
		d.keeps = d.keeps && keepsLength(columnType{family: familyText}, inner)
		at := &d.root
		if path != "*" {
			for _, key := range splitName(path) {
				at = at.child(unquoted(key))
			}
		}
		at.masked, at.sweeps, at.inherits = made, false, false
	}
	d.root.bequeath()
	return d, nil
}

func (p *pathMask) child(key string) *pathMask {
	if p.below == nil {
		p.below = map[string]*pathMask{}
	}
	if p.below[key] == nil {
		p.below[key] = &pathMask{inherits: true}
	}
	return p.below[key]
}

// bequeath gives every path without a rule that of the path around it.
func (p *pathMask) bequeath() {
	p.other = &pathMask{masked: p.masked, sweeps: p.sweeps}
	for _, below := range p.below {
		if below.inherits {
			below.masked, below.sweeps = p.masked, p.sweeps
		}
		below.bequeath()
	}
}

// to is the rule for a key below: a path of its own, or else what is around it.
func (p *pathMask) to(key []byte) *pathMask {
	if len(p.below) == 0 {
		return p
	}
	if found := p.below[string(key)]; found != nil {
		return found
	}
	if found := p.below["*"]; found != nil && pathKey(string(key)) == "*" {
		return found
	}
	return p.other
}

// leaf is the mask at a path, nil where texts stay.
func (d *documentMasks) leaf(k *keyed) func(path []string) understudy.MaskFunc {
	return func(path []string) understudy.MaskFunc {
		at := &d.root
		for _, key := range path {
			at = at.to([]byte(key))
		}
		if at.masked == nil {
			return nil
		}
		return k.fresh(at.masked)
	}
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

// eachLeaf masks a JSON value. Texts and numbers at a ruled path are masked; a path that
// names an object or an array rules what is inside; keys are swept for e-mail addresses.
// Everything else stays, byte for byte. A value that is no JSON (a text column may hold
// some) is masked as free text.
func (d *documentMasks) eachLeaf(k *keyed) appendFunc {
	return func(dst, value []byte) ([]byte, error) {
		w := k.walks.Get().(*jsonWalk)
		defer k.walks.Put(w)
		start := len(dst)
		w.k, w.raw, w.dst, w.copied, w.path = k, value, dst, 0, append(w.path[:0], &d.root)
		err := scanJSON(value, w)
		dst, w.raw, w.dst = w.dst, nil, nil
		switch {
		case errors.Is(err, errNoJSON):
			return k.text(dst[:start], value), nil
		case err != nil:
			return nil, err
		}
		return append(dst, value[w.copied:]...), nil
	}
}

// jsonWalk copies one JSON value, with what is masked in place of what was there.
type jsonWalk struct {
	k       *keyed
	raw     []byte
	dst     []byte
	copied  int         // how far raw is in dst
	path    []*pathMask // from the root to where the walk is
	scratch []byte
}

func (w *jsonWalk) here() *pathMask { return w.path[len(w.path)-1] }

func (w *jsonWalk) key(raw []byte, start, end int) error {
	key := raw
	if bytes.IndexByte(raw, '\\') >= 0 {
		var err error
		if key, err = w.plain(raw); err != nil {
			return err
		}
	}
	w.path = append(w.path, w.here().to(key))
	if bytes.IndexByte(key, '@') < 0 {
		return nil
	}
	swept := w.k.sweep(make([]byte, 0, len(key)), key)
	if !bytes.Equal(swept, key) {
		w.copyTo(start)
		w.dst, w.copied = appendJSONText(w.dst, swept), end
	}
	return nil
}

func (w *jsonWalk) leave() { w.path = w.path[:len(w.path)-1] }

// leaf masks a text or a number; truth values and null say nothing of a person.
func (w *jsonWalk) leaf(raw []byte, start, end int, isText bool) error {
	rule := w.here()
	switch {
	case rule.masked == nil, rule.sweeps && (!isText || bytes.IndexByte(raw, '@') < 0 && bytes.IndexByte(raw, '\\') < 0):
		return nil
	case isText:
		return w.text(rule, raw, start, end)
	}
	masked, err := rule.masked(w.scratch[:0:cap(w.scratch)], raw)
	if err != nil {
		return err
	}
	if masked != nil && !isJSONNumber(masked) {
		masked = w.k.number(nil, raw, "") // a mask for texts: the digits change
	}
	w.copyTo(start)
	w.copied = end
	if masked == nil {
		w.dst = append(w.dst, "null"...)
		return nil
	}
	w.dst = append(w.dst, masked...)
	return nil
}

// text masks a text in place of what is between two places of the document.
func (w *jsonWalk) text(rule *pathMask, raw []byte, start, end int) error {
	value := raw
	if bytes.IndexByte(raw, '\\') >= 0 {
		var err error
		if value, err = w.plain(raw); err != nil {
			return err
		}
	}
	w.copyTo(start)
	w.copied = end
	begin := len(w.dst) + 1
	masked, err := rule.masked(append(w.dst, '"'), value)
	if err != nil {
		return err
	}
	if masked == nil {
		w.dst = append(w.dst, "null"...)
		return nil
	}
	if slices.ContainsFunc(masked[begin:], mustEscape) {
		w.scratch = append(w.scratch[:0], masked[begin:]...)
		w.dst = appendJSONText(masked[:begin-1], w.scratch)
		return nil
	}
	w.dst = append(masked, '"')
	return nil
}

func (w *jsonWalk) copyTo(start int) { w.dst = append(w.dst, w.raw[w.copied:start]...) }

// plain reads a text's escapes.
func (w *jsonWalk) plain(raw []byte) ([]byte, error) {
	quoted := append(append([]byte{'"'}, raw...), '"')
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return nil, errNoJSON
	}
	return []byte(text), nil
}

func mustEscape(b byte) bool { return b == '"' || b == '\\' || b < ' ' }

// appendJSONText writes a text in quotes.
func appendJSONText(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, b := range text {
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b >= ' ':
			dst = append(dst, b)
		default:
			dst = appendControl(dst, b)
		}
	}
	return append(dst, '"')
}

// appendControl writes a control character as PostgreSQL does.
func appendControl(dst []byte, b byte) []byte {
	if short := strings.IndexByte("\b\t\n\f\r", b); short >= 0 {
		return append(dst, '\\', "btnfr"[short])
	}
	const hexadecimal = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hexadecimal[b>>4], hexadecimal[b&15])
}
