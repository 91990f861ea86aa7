package logical_test

import (
	"testing"

	"understudy/internal/postgres/logical"
)

func TestGentle_ASourceOnThisMachineIsReadMoreSlowlyByDefault(t *testing.T) {
	for _, c := range []struct {
		given int64
		near  bool
		want  int64
	}{
		{0, false, logical.DefaultRate}, {0, true, logical.NearRate}, {1 << 20, true, 1 << 20}, {1 << 30, true, 1 << 30}, {-1, true, -1},
	} {
		if got := logical.Paced(logical.Gentle{Rate: c.given}, c.near).Rate; got != c.want {
			t.Errorf("a rate of %d, near %t, gave %d", c.given, c.near, got)
		}
	}
	if logical.NearRate >= logical.DefaultRate {
		t.Error("a source on this machine is not read more slowly")
	}
}
