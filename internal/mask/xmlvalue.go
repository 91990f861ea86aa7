package mask

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"understudy"
)

// eachNode masks the texts and attributes of XML, by path: "person.name" is the text in
// <person><name>, "person.@id" an attribute; a comment, an instruction and what a document
// type declaration quotes are masked as the text around them. Tags, names of instructions and
// of types stay; what has no rule is swept for e-mail addresses. A value that
// is no XML is masked as free text.
func (d *documentMasks) eachNode(k *keyed) appendFunc {
	return func(dst, value []byte) ([]byte, error) {
		w := xmlWalk{raw: value, dst: dst, path: []*pathMask{&d.root}, decoder: xml.NewDecoder(bytes.NewReader(value))}
		w.decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // the database converts
		start := len(dst)
		for {
			from := w.decoder.InputOffset()
			token, err := w.decoder.RawToken()
			if errors.Is(err, io.EOF) && len(w.path) == 1 {
				return w.dst, nil
			}
			if err != nil {
				return k.text(dst[:start], value), nil
			}
			if err := w.take(token, value[from:w.decoder.InputOffset()]); err != nil {
				return nil, err
			}
		}
	}
}

// xmlWalk copies one XML value, with what is masked in place of what was there.
type xmlWalk struct {
	decoder *xml.Decoder
	raw     []byte
	dst     []byte
	path    []*pathMask
}

func (w *xmlWalk) here() *pathMask { return w.path[len(w.path)-1] }

func (w *xmlWalk) take(token xml.Token, raw []byte) error {
	switch t := token.(type) {
	case xml.StartElement:
		w.path = append(w.path, w.here().to([]byte(t.Name.Local)))
		return w.start(t, raw)
	case xml.EndElement:
		if len(w.path) > 1 {
			w.path = w.path[:len(w.path)-1]
		}
	case xml.Comment:
		masked, err := w.here().of(t, false)
		w.dst = append(append(append(w.dst, "<!--"...), masked...), "-->"...)
		return err
	case xml.ProcInst:
		return w.instruction(t, raw)
	case xml.Directive:
		return w.declaration(raw)
	case xml.CharData:
		if len(bytes.TrimSpace(t)) > 0 {
			return w.text(t, raw)
		}
	}
	w.dst = append(w.dst, raw...) // nothing, of an end that no tag wrote
	return nil
}

// instruction masks what is told to a program; the declaration of XML itself says nothing.
func (w *xmlWalk) instruction(t xml.ProcInst, raw []byte) error {
	if t.Target == "xml" {
		w.dst = append(w.dst, raw...)
		return nil
	}
	masked, err := w.here().of(t.Inst, false)
	switch {
	case err != nil:
		return err
	case bytes.Contains(masked, []byte("?>")):
		return unsafeMarkup("an instruction")
	case bytes.Equal(masked, t.Inst):
		w.dst = append(w.dst, raw...)
		return nil
	}
	w.dst = append(append(append(append(w.dst, "<?"...), t.Target...), ' '), masked...)
	w.dst = append(w.dst, "?>"...)
	return nil
}

func unsafeMarkup(where string) error {
	return understudy.Errorf(understudy.KindInvalid, "masking XML: the mask made an end of markup inside %s", where).WithHint("choose another mask for the text there")
}

// declaration masks what a declaration of a document's type quotes, such as the texts of
// entities, and its comments and instructions. A quoted text that refers to an entity can
// only stay: no mask knows the references apart from words.
func (w *xmlWalk) declaration(raw []byte) error {
	for len(raw) > 0 {
		open, end := nextQuoted(raw)
		if open == "" {
			break
		}
		at := bytes.Index(raw, []byte(open))
		w.dst = append(append(w.dst, raw[:at]...), open...)
		raw = raw[at+len(open):]
		if open == "<?" {
			name := max(bytes.IndexAny(raw, " \t\r\n?"), 0)
			w.dst, raw = append(w.dst, raw[:name]...), raw[name:]
		}
		length := bytes.Index(raw, []byte(end))
		if length < 0 {
			return unsafeMarkup("a declaration of a document's type")
		}
		masked, err := w.here().of(raw[:length], false)
		if err != nil {
			return err
		}
		changed := !bytes.Equal(masked, raw[:length])
		if bytes.Contains(masked, []byte(end)) || changed && len(open) == 1 && bytes.ContainsAny(masked, "&%<") {
			return unsafeMarkup("a declaration of a document's type")
		}
		w.dst = append(append(w.dst, masked...), end...)
		raw = raw[length+len(end):]
	}
	w.dst = append(w.dst, raw...)
	return nil
}

// nextQuoted finds what opens the next text of a declaration, and what ends it.
func nextQuoted(raw []byte) (open, end string) {
	first := len(raw)
	for _, pair := range [][2]string{{`"`, `"`}, {"'", "'"}, {"<!--", "-->"}, {"<?", "?>"}} {
		if at := bytes.Index(raw, []byte(pair[0])); at >= 0 && at < first {
			first, open, end = at, pair[0], pair[1]
		}
	}
	return open, end
}

// text writes a text's mask, or the text as it was if the mask changes nothing.
func (w *xmlWalk) text(text, raw []byte) error {
	masked, err := w.here().of(text, false)
	if err != nil {
		return err
	}
	if bytes.Equal(masked, text) {
		w.dst = append(w.dst, raw...)
		return nil
	}
	w.dst = appendEscaped(w.dst, masked)
	return nil
}

// start writes a tag, anew if one of its attributes changes.
func (w *xmlWalk) start(t xml.StartElement, raw []byte) error {
	changed := false
	for i, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
			continue
		}
		masked, err := w.here().to([]byte("@"+a.Name.Local)).of([]byte(a.Value), false)
		if err != nil {
			return err
		}
		changed = changed || string(masked) != a.Value
		t.Attr[i].Value = string(masked)
	}
	if !changed {
		w.dst = append(w.dst, raw...)
		return nil
	}
	w.dst = appendName(append(w.dst, '<'), t.Name)
	for _, a := range t.Attr {
		w.dst = append(appendName(append(w.dst, ' '), a.Name), `="`...)
		w.dst = append(appendEscaped(w.dst, []byte(a.Value)), '"')
	}
	if bytes.HasSuffix(raw, []byte("/>")) {
		w.dst = append(w.dst, '/')
	}
	w.dst = append(w.dst, '>')
	return nil
}

func appendName(dst []byte, name xml.Name) []byte {
	if name.Space != "" {
		dst = append(append(dst, name.Space...), ':')
	}
	return append(dst, name.Local...)
}

// appendEscaped writes a text so that it is read back as it is, between tags or in quotes.
func appendEscaped(dst, text []byte) []byte {
	for _, b := range text {
		switch b {
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '&':
			dst = append(dst, "&amp;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		default:
			dst = append(dst, b)
		}
	}
	return dst
}
