package alone

import (
	"fmt"
	"slices"
	"testing"

	"understudy/internal/seal"
)

func TestCalled_SaysWhomOnceAndNothingOfWhatWasSaid(t *testing.T) {
	caught := []seal.Capture{
		{Kind: seal.KindDNS, Host: "pay.example.org"}, {Kind: seal.KindHTTP, Host: "pay.example.org", Method: "POST", Path: "/charge?token=abc", Body: "4711"},
		{Kind: seal.KindHTTP, Host: "pay.example.org", Path: "/other"}, {Kind: seal.KindSMTP, Host: "mail", To: []string{"anna@example.org"}}, {Kind: seal.KindDamaged},
	}
	want := []string{
		"the command looked up pay.example.org, and was sealed off", "the command called pay.example.org by http, and was sealed off, 2 times", "the command called mail by smtp, and was sealed off",
	}
	if got := called(caught); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	caught = nil
	for n := range 14 {
		caught = append(caught, seal.Capture{Kind: seal.KindDNS, Host: fmt.Sprintf("host-%d", n)})
	}
	if got := called(caught); len(got) != 11 || got[10] != "… and 4 others" {
		t.Errorf("%q", got)
	}
}
