package router

import (
	"log/slog"
	"testing"
)

func TestHostOf_LeavesOutPortCaseAndTheLastDot(t *testing.T) {
	for host, want := range map[string]string{
		"Shop.Example.com": "shop.example.com", "shop.example.com:8443": "shop.example.com", "shop.example.com.": "shop.example.com",
		"SHOP.example.com.:80": "shop.example.com", "[::1]:80": "[::1]", "[::1]": "[::1]", "127.0.0.1:80": "127.0.0.1", "": "", ":80": "",
	} {
		if got := hostOf(host); got != want {
			t.Errorf("hostOf(%q) is %q, expected %q", host, got, want)
		}
	}
}

func TestMeets_AWildcardStandsForOnePartOfAName(t *testing.T) {
	cases := []struct {
		pattern, name string
		want          bool
	}{
		{"", "shop.example.com", true}, {"", "", true}, {"shop.example.com", "shop.example.com", true}, {"shop.example.com", "example.com", false},
		{"*.example.com", "a.example.com", true}, {"*.example.com", "a.b.example.com", false}, {"*.example.com", "example.com", false},
		{"*.example.com", ".example.com", false}, {"*.example.com", "aexample.com", false}, {"shop.example.com", "", false},
	}
	for _, c := range cases {
		if got := meets(c.pattern, c.name); got != c.want {
			t.Errorf("meets(%q, %q) is %t", c.pattern, c.name, got)
		}
	}
}

func TestSlot_TriesAHostThenAWildcardThenNoHost(t *testing.T) {
	routes := []Route{
		{Prefix: "/", Addresses: []string{"tcp:127.0.0.1:1"}}, {Prefix: "/api/long", Addresses: []string{"tcp:127.0.0.1:2"}},
		{Host: "*.example.com", Prefix: "/", Addresses: []string{"tcp:127.0.0.1:3"}}, {Host: "shop.example.com", Prefix: "/", Addresses: []string{"tcp:127.0.0.1:4"}},
		{Host: "shop.example.com", Prefix: "/api", Addresses: []string{"tcp:127.0.0.1:5"}}, {Host: "*.eu.example.com", Prefix: "/", Addresses: []string{"tcp:127.0.0.1:6"}},
		{Host: "only.example.org", Prefix: "/api", Addresses: []string{"tcp:127.0.0.1:7"}},
	}
	s := newSlot(Slot{Routes: routes}, "shop", &shared{log: slog.New(slog.DiscardHandler)})
	cases := []struct {
		host, path string
		want       int
	}{
		{"shop.example.com", "/", 3}, {"shop.example.com", "/api/long/x", 4}, {"shop.example.com", "/apiary", 3}, {"other.example.com", "/api/long", 2},
		{"a.eu.example.com", "/", 5}, {"nobody.example.net", "/api/long", 1}, {"", "/x", 0}, {"only.example.org", "/api", 6}, {"only.example.org", "/", 0},
	}
	for _, c := range cases {
		got := s.pool(c.host, c.path)
		if got == nil || got.Host != routes[c.want].Host || got.Prefix != routes[c.want].Prefix {
			t.Errorf("%s%s goes to %+v, expected %+v", c.host, c.path, got, routes[c.want])
		}
	}
}
