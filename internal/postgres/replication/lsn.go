package replication

import (
	"fmt"
	"strconv"
	"strings"

	"understudy"
)

// LSN is a place in a server's log: bytes since its beginning. The zero LSN is no place.
type LSN uint64

// ParseLSN reads an LSN as servers write it: two hexadecimal halves, "16/B374D848".
func ParseLSN(text string) (LSN, error) {
	high, low, found := strings.Cut(text, "/")
	upper, errUpper := strconv.ParseUint(high, 16, 32)
	lower, errLower := strconv.ParseUint(low, 16, 32)
	if !found || errUpper != nil || errLower != nil {
		return 0, understudy.Errorf(understudy.KindInvalid, "%q is no place in a PostgreSQL log: expected two hexadecimal numbers as in 16/B374D848", text)
	}
	return LSN(upper<<32 | lower), nil
}

func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) }

// Since is the number of bytes from an earlier place to this one; 0 if it is later.
func (l LSN) Since(earlier LSN) int64 {
	if l <= earlier {
		return 0
	}
	return int64(l - earlier)
}

// MarshalText writes it as servers do.
func (l LSN) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (l *LSN) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLSN(string(text))
	return err
}
