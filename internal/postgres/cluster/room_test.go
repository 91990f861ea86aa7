package cluster

import (
	"strings"
	"testing"

	"understudy"
)

func TestShort_AddsUpWhatLiesOnOneDisk(t *testing.T) {
	const mb = 1 << 20
	disks := map[string]disk{"/data": {1, 100 * mb}, "/data/pg_wal": {1, 100 * mb}, "/fast": {2, 40 * mb}}
	for claim, c := range map[string]struct {
		all  []wanted
		says string
	}{
		"all fits":                     {[]wanted{{"/data", 60 * mb}, {"/data/pg_wal", 40 * mb}}, ""},
		"nothing is wanted":            {nil, ""},
		"each fits, and both do not":   {[]wanted{{"/data", 60 * mb}, {"/data/pg_wal", 40*mb + 1}}, "needs up to 101 MB on the disk of /data, beside what is there, and 100 MB are free; nothing was begun"},
		"two databases on one disk":    {[]wanted{{"/data", 60 * mb}, {"/data", 60 * mb}}, "needs up to 120 MB"},
		"on another disk it fits":      {[]wanted{{"/data", 90 * mb}, {"/fast", 40 * mb}}, ""},
		"on another disk it does not":  {[]wanted{{"/data", 1 * mb}, {"/fast", 50 * mb}}, "needs up to 50 MB on the disk of /fast"},
		"a byte too much is too much":  {[]wanted{{"/fast", 40*mb + 1}}, "41 MB"},
		"no room at all, none is told": {[]wanted{{"/fast", 0}}, ""},
	} {
		err := short(c.all, disks)
		if (err == nil) != (c.says == "") || err != nil && (understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", claim, err)
		}
	}
}

func TestLogOf_IsKeptWholeWhereSomebodyHasYetToGetIt(t *testing.T) {
	for _, c := range []struct {
		bytes, most int64
		kept        bool
		want        int64
	}{{10, 100, false, 10}, {1000, 100, false, 100}, {1000, 100, true, 1000}} {
		if got := logOf(c.bytes, c.most, c.kept); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
