package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"strings"

	"understudy"
)

// said is all that decides what becomes of one table's values.
type said struct {
	Key      []byte // a print of it
	Accepted []string
	Columns  []saidColumn
}

// saidColumn is what is done to one column.
type saidColumn struct {
	Name, Type string
	Rule       Rule
}

// saying begins what is said of a table.
func (p Policy) saying(k *keyed, table string) *said {
	mac := hmac.New(sha256.New, k.mac)
	mac.Write([]byte("print of the key"))
	s := &said{Key: mac.Sum(nil)}
	for _, place := range p.Accepted {
		if strings.HasPrefix(canonicalName(place), canonicalName(table)+".") {
			s.Accepted = append(s.Accepted, place)
		}
	}
	slices.Sort(s.Accepted)
	return s
}

func (s *said) add(c understudy.Column, rule Rule) {
	s.Columns = append(s.Columns, saidColumn{c.Name, canonicalType(c.Type), rule})
}

// digest is the same as long as the table's values become the same.
func (s *said) digest() understudy.Digest {
	digest, err := understudy.DigestOfValue(s)
	if err != nil { // texts have a JSON form
		return understudy.DigestOf([]byte(err.Error()))
	}
	return digest
}
