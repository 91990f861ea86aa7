package understudy_test

import (
	"slices"
	"testing"

	"understudy"
)

func TestService_InstancesHaveNamesThatLeadBackToIt(t *testing.T) {
	app := understudy.Application{Name: "shop", Services: []understudy.Service{
		{Name: "web", Command: []string{"web"}, Instances: 3}, {Name: "web.4", Command: []string{"web"}},
	}}
	if got := app.Services[0].Programs(); !slices.Equal(got, []string{"web", "web.2", "web.3"}) {
		t.Errorf("the programs of web are %v", got)
	}
	for program, want := range map[string]string{"web": "web", "web.3": "web", "web.4": "web.4", "web.5": ""} {
		if s, found := app.ServiceOf(program); s.Name != want || found != (want != "") {
			t.Errorf("%s is an instance of %q, expected %q", program, s.Name, want)
		}
	}
	if err := app.Validate(); err != nil {
		t.Error(err)
	}
}

func TestService_ThatCannotRunAsItSaysIsRefused(t *testing.T) {
	one := func(change func(*understudy.Service)) []understudy.Service {
		s := understudy.Service{Name: "web", Command: []string{"web"}, Port: 80}
		change(&s)
		return []understudy.Service{s, {Name: "web.2", Command: []string{"other"}}}
	}
	for name, services := range map[string][]understudy.Service{
		"an instance that bears another's name": one(func(s *understudy.Service) { s.Instances = 2 }),
		"too many":                              one(func(s *understudy.Service) { s.Instances = 65 }),
		"fewer than none":                       one(func(s *understudy.Service) { s.Instances = -1 }),
		"a health path of gRPC":                 one(func(s *understudy.Service) { s.Protocol, s.Health.Path = understudy.ProtocolGRPC, "/up" }),
	} {
		if err := (understudy.Application{Name: "shop", Services: services}).Validate(); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
