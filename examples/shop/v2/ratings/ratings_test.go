package ratings_test

import (
	"testing"

	"understudy/examples/shop/v2/ratings"
)

func TestStars_SaysTheAverage(t *testing.T) {
	average := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		average *float64
		want    string
	}{
		{nil, "Nobody has rated this yet."},
		{average(1), "★☆☆☆☆ 1.0"},
		{average(3.5), "★★★★☆ 3.5"},
		{average(5), "★★★★★ 5.0"},
	} {
		if got := ratings.Stars(c.average); got != c.want {
			t.Errorf("expected %q, found %q", c.want, got)
		}
	}
}
