package heap

import (
	"encoding/binary"
	"slices"

	"understudy"
)

// PageSize is the size of a page in bytes, as nearly every server is built.
const PageSize = 8192

// Where the parts of a page's header are, and what they hold.
const (
	pageHeader  = 24
	atChecksum  = 8
	atLower     = 12
	atUpper     = 14
	atSpecial   = 16
	atLayout    = 18
	pageLayout  = 4
	pointerSize = 4
	tupleHeader = 23
)

// The states of a line pointer.
const pointerNormal = 1

// extent is the bytes of a page that one tuple takes.
type extent struct {
	start, end int
	item       uint16 // its line pointer, from 1
}

// IsNew tells of a page that was never written: all zeros.
func IsNew(page []byte) bool {
	return binary.LittleEndian.Uint16(page[atUpper:]) == 0
}

// tuples finds the tuples of a page, by where they stand. The slice is reused.
func tuples(page []byte, into []extent) ([]extent, error) {
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(page[at:])) }
	lower, upper, special := u16(atLower), u16(atUpper), u16(atSpecial)
	if u16(atLayout) != PageSize|pageLayout || lower < pageHeader || lower > upper || upper > special || special > PageSize {
		return nil, malformed("its header is not that of a page of a table")
	}
	into = into[:0]
	for at := pageHeader; at+pointerSize <= lower; at += pointerSize {
		pointer := binary.LittleEndian.Uint32(page[at:])
		start, state, length := int(pointer&0x7fff), pointer>>15&3, int(pointer>>17)
		if state != pointerNormal {
			continue
		}
		if start < upper || start+length > special || length < tupleHeader || start%8 != 0 {
			return nil, malformed("a line pointer leads out of the page")
		}
		into = append(into, extent{start, start + length, uint16((at-pageHeader)/pointerSize + 1)})
	}
	slices.SortFunc(into, func(a, b extent) int { return a.start - b.start })
	for i := 1; i < len(into); i++ {
		if into[i].start < into[i-1].end {
			return nil, malformed("two of its tuples overlap")
		}
	}
	return into, nil
}

func malformed(what string) error {
	return understudy.Errorf(understudy.KindInternal, "the page cannot be understood: %s", what).
		WithHint("production's own data may be damaged; pg_amcheck tells, and the logical copy reads around it")
}

// clearHoles fills with zeros what belongs to no tuple, and tells whether anything was there.
func clearHoles(page []byte, found []extent) bool {
	special := int(binary.LittleEndian.Uint16(page[atSpecial:]))
	at, dirty := int(binary.LittleEndian.Uint16(page[atLower:])), false
	for _, e := range found {
		dirty = zero(page[at:e.start]) || dirty
		at = e.end
	}
	return zero(page[at:special]) || dirty
}

func zero(b []byte) (dirty bool) {
	for _, c := range b {
		if c != 0 {
			clear(b)
			return true
		}
	}
	return false
}

// seal gives a changed page its checksum, where the cluster has them.
func seal(page []byte, block uint32) {
	binary.LittleEndian.PutUint16(page[atChecksum:], Checksum(page, block))
}

// Sound reports a page that does not parse, or, in a cluster with checksums, whose
// checksum is not that of its content.
func Sound(page []byte, block uint32, checksums bool) error {
	if IsNew(page) {
		return nil
	}
	if checksums && binary.LittleEndian.Uint16(page[atChecksum:]) != Checksum(page, block) {
		return malformed("its checksum is not that of its content")
	}
	_, err := tuples(page, nil)
	return err
}
