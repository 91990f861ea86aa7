package router

import (
	"log/slog"
	"testing"
)

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestMatches_EndsAPrefixAtASegment(t *testing.T) {
	cases := []struct {
		prefix, path string
		want         bool
	}{
		{"/", "/", true}, {"/", "/api", true}, {"/", "*", true}, {"/api", "/api", true}, {"/api", "/api/", true},
		{"/api", "/api/v1", true}, {"/api", "/apiary", false}, {"/api/", "/api", true}, {"/api", "/", false}, {"/", "", true},
	}
	for _, c := range cases {
		if got := matches(c.prefix, c.path); got != c.want {
			t.Errorf("matches(%q, %q) is %t", c.prefix, c.path, got)
		}
	}
}
