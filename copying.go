package understudy

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// CopyMethod is a way in which data comes to a twin.
type CopyMethod string

// The methods. An empty one is logical.
const (
	CopyLogical  CopyMethod = "logical"  // row by row, through the masks
	CopyPhysical CopyMethod = "physical" // the server's files, masked in place
)

// Copying says how production's data comes to a twin, and what that may cost production.
// The zero value takes all of it, row by row, at the default rate.
type Copying struct {
	Method   CopyMethod `json:"method,omitempty"`
	Parallel int        `json:"parallel,omitempty"` // tables at once; 0: 2
	// Rate is how many bytes a second are taken at most while production is at work; 0:
	// the default of the method, negative: as many as come.
	Rate int64 `json:"rate,omitempty"`
	// MaxLoad is with how many busy sessions of its own, on processor, disk or locks,
	// production is left alone until there are fewer; 0: no such limit.
	MaxLoad int `json:"maxLoad,omitempty"`
	// Deadline is how long a copy may take; 0: no limit.
	Deadline time.Duration `json:"deadline,omitempty"`
	// Hold is how long one copy may keep production's vacuum from clearing rows away; 0:
	// no limit.
	Hold time.Duration `json:"hold,omitempty"`
	// Subsets say, by database, which part of it is taken; of the others, all. The method is
	// logical then.
	Subsets map[string]Subset `json:"subsets,omitempty"`
	// Follow keeps the golden copy current from production's changes, as long as the twin
	// stands ready. The method is logical then, all of it is taken, and from the primary.
	Follow bool `json:"follow,omitempty"`
	// Publication is one of production's own that Follow reads, with every table in it.
	// Publish has one made there instead, which the role that reads may have to own the
	// tables for. With neither, one of the follower's name has to be there.
	Publication string `json:"publication,omitempty"`
	Publish     bool   `json:"publish,omitempty"`
}

// GivesWay tells whether the work of a copy leaves the processor to others who want it. One
// without a limit does not: it is wanted as soon as can be.
func (c Copying) GivesWay() bool { return c.Rate >= 0 }

// IsZero tells that nothing was said.
func (c Copying) IsZero() bool { return reflect.ValueOf(c).IsZero() }

// ParseBytes reads a size such as 64MB, 512kB or 1.5GB; the units are those of
// PostgreSQL, 1024 apart. A number alone is bytes.
func ParseBytes(text string) (int64, error) {
	number, scale := strings.TrimSpace(text), int64(1)
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}, {"KB", 1 << 10}, {"B", 1}} {
		if rest, found := strings.CutSuffix(number, unit.name); found {
			number, scale = strings.TrimSpace(rest), unit.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n < 0 || n*float64(scale) > 1<<62 {
		return 0, fmt.Errorf("expected a size such as 64MB, found %q", text)
	}
	return int64(n * float64(scale)), nil
}
