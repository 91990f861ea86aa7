package featureflag

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"understudy"
)

// What a definition may have at most. flagd has no limits of its own.
const (
	maxSize  = 8 << 20 // bytes of a definition
	maxDepth = 100     // levels of objects and arrays
	maxFlags = 20_000
)

// decode reads one JSON value: objects as map[string]any, numbers as json.Number. Unlike
// encoding/json it refuses a key that stands twice in an object, of which other readers
// might take the other one, and more levels than maxDepth.
func decode(raw []byte) (any, error) {
	if len(raw) > maxSize {
		return nil, understudy.Errorf(understudy.KindInvalid, "a flag definition may have %d bytes, found %d", maxSize, len(raw))
	}
	if !utf8.Valid(raw) {
		return nil, understudy.Errorf(understudy.KindInvalid, "a flag definition is JSON in UTF-8, found bytes that are not")
	}
	r := reader{tokens: json.NewDecoder(bytes.NewReader(raw))}
	r.tokens.UseNumber()
	value, err := r.value("", 0)
	if err != nil {
		return nil, r.explain(err)
	}
	if _, err := r.tokens.Token(); !errors.Is(err, io.EOF) {
		return nil, understudy.Errorf(understudy.KindInvalid, "a flag definition is one JSON value, found more after it at byte %d", r.tokens.InputOffset())
	}
	return value, nil
}

type reader struct{ tokens *json.Decoder }

func (r reader) explain(err error) error {
	if understudy.KindOf(err) == understudy.KindInvalid {
		return err
	}
	return understudy.Errorf(understudy.KindInvalid, "a flag definition is JSON: at byte %d: %v", r.tokens.InputOffset(), err)
}

func (r reader) value(path string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, understudy.Errorf(understudy.KindInvalid, "a flag definition may nest %d levels deep: %s goes deeper", maxDepth, path)
	}
	token, err := r.tokens.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return r.object(path, depth)
	case json.Delim('['):
		return r.array(path, depth)
	}
	if number, isNumber := token.(json.Number); isNumber {
		if _, err := number.Float64(); err != nil {
			return nil, understudy.Errorf(understudy.KindInvalid, "%s: the number %.20s… is out of range", pathOr(path), number)
		}
	}
	return token, nil
}

func (r reader) object(path string, depth int) (any, error) {
	object := map[string]any{}
	for r.tokens.More() {
		token, err := r.tokens.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string) // what else a key is, the decoder refuses
		if _, twice := object[key]; twice {
			return nil, understudy.Errorf(understudy.KindInvalid, "%s: the key %q stands twice", pathOr(path), key)
		}
		if object[key], err = r.value(join(path, key), depth+1); err != nil {
			return nil, err
		}
	}
	_, err := r.tokens.Token()
	return object, err
}

func (r reader) array(path string, depth int) (any, error) {
	array := []any{}
	for r.tokens.More() {
		value, err := r.value(join(path, strconv.Itoa(len(array))), depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	_, err := r.tokens.Token()
	return array, err
}

func join(path, step string) string {
	if path == "" {
		return step
	}
	return path + "." + step
}

func pathOr(path string) string {
	if path == "" {
		return "the definition"
	}
	return path
}
