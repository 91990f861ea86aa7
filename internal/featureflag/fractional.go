package featureflag

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// fractional deals out variants by weight: {"fractional": [bucket by, [variant, weight], …]}.
// Without a text to bucket by it takes the flag's key and the targeting key. The same text
// falls into the same bucket at every time and in every implementation of flagd's second
// version: (hash × total weight) >> 32 with MurmurHash3. Anything wrong says null, which
// stands for the default variant.
func fractional(at scope, v []any) (any, error) {
	context, isObject := at.data.(map[string]any)
	if !isObject || !at.root {
		return nil, nil
	}
	by, isText := first(v).(string)
	switch {
	case isText:
		v = v[1:]
	case len(v) > 0 && v[0] == nil: // what to bucket by is missing in the context
		v = v[1:]
		fallthrough
	default:
		key, _ := context["targetingKey"].(string)
		if key == "" {
			return nil, nil
		}
		by = at.run.flag + key
	}
	var total uint64
	for _, entry := range v {
		_, weight, sound := bucketOf(entry)
		if total += weight; !sound || total > math.MaxInt32 {
			return nil, nil
		}
	}
	place := uint64(murmur3(by)) * total >> 32
	for _, entry := range v {
		variant, weight, _ := bucketOf(entry)
		if place < weight {
			return variant, nil
		}
		place -= weight
	}
	return nil, nil // no bucket has a weight
}

// bucketOf reads [variant, weight]. Weights may be calculated; a negative one is none.
func bucketOf(entry any) (variant any, weight uint64, sound bool) {
	pair, isList := entry.([]any)
	if !isList || len(pair) == 0 || len(pair) > 2 {
		return nil, 0, false
	}
	switch pair[0].(type) {
	case []any, map[string]any:
		return nil, 0, false
	}
	if len(pair) == 1 {
		return pair[0], 1, true
	}
	n, isWhole := whole(pair[1])
	return pair[0], uint64(max(n, 0)), isWhole && n <= math.MaxInt32
}

// murmur3 is MurmurHash3 for 32 bits on x86, with seed 0, of the text in UTF-8.
func murmur3(s string) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	var hash uint32
	rest := []byte(s)
	for ; len(rest) >= 4; rest = rest[4:] {
		block := bits.RotateLeft32(binary.LittleEndian.Uint32(rest)*c1, 15) * c2
		hash = bits.RotateLeft32(hash^block, 13)*5 + 0xe6546b64
	}
	var tail uint32
	for i := len(rest) - 1; i >= 0; i-- {
		tail = tail<<8 | uint32(rest[i])
	}
	hash ^= bits.RotateLeft32(tail*c1, 15) * c2
	hash ^= uint32(len(s))
	hash = (hash ^ hash>>16) * 0x85ebca6b
	hash = (hash ^ hash>>13) * 0xc2b2ae35
	return hash ^ hash>>16
}
