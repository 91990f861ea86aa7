package mask

import "understudy"

// appendFunc is a mask as the package's parts hand it to each other: it appends what
// stands for a value to dst, which is never nil, or returns nil for NULL. It keeps neither.
type appendFunc func(dst, value []byte) ([]byte, error)

// slabSize is what results are cut from: small enough that a caller who keeps one value
// keeps little else.
const slabSize = 8 << 10

// slab is memory that results are cut from, so that not each of them is an allocation.
// Nothing cut from it is used twice.
type slab struct{ rest []byte }

// fresh makes a mask whose results belong to the caller.
func (k *keyed) fresh(masked appendFunc) understudy.MaskFunc {
	return func(value []byte) ([]byte, error) {
		s := k.slabs.Get().(*slab)
		defer k.slabs.Put(s)
		if want := len(value) + len(value)/4 + 64; cap(s.rest) < want {
			s.rest = make([]byte, 0, max(slabSize, want))
		}
		out, err := masked(s.rest, value)
		if err != nil || out == nil {
			return nil, err
		}
		out = out[:len(out):len(out)]
		if len(out) > 0 && &out[0] == &s.rest[:1][0] { // it was not moved elsewhere
			s.rest = s.rest[len(out):len(out):cap(s.rest)]
		}
		return out, nil
	}
}
