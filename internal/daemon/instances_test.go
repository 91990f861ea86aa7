package daemon

import (
	"slices"
	"testing"

	"understudy"
	"understudy/internal/router"
	"understudy/internal/runtime/process"
)

func TestPorts_OfASealedServiceBeginWithTheDeclaredOneAndNeverMeet(t *testing.T) {
	app := understudy.Application{Services: []understudy.Service{{Name: "web", Port: 8080, Instances: 3}, {Name: "api", Port: 20001, Instances: 2}, {Name: "mail"}}}
	for _, sealed := range []bool{true, false} {
		free, seen := newPorts(app, sealed), map[int]bool{}
		for _, s := range app.Services {
			for n := range s.Programs() {
				port, err := free.next(s, n)
				if err != nil {
					t.Fatal(err)
				}
				if sealed && n == 0 && port != s.Port || s.Port == 0 && port != 0 || port != 0 && seen[port] || port == sealedPort {
					t.Errorf("sealed %t: instance %d of %s has port %d", sealed, n, s.Name, port)
				}
				seen[port] = true
			}
		}
	}
}

func TestAddresses_AreOfEveryInstanceInOrder(t *testing.T) {
	programs := []process.ProgramStatus{{Name: "web.2", Address: "tcp:b"}, {Name: "web", Address: "tcp:a"}, {Name: "mail"}}
	app := understudy.Application{Services: []understudy.Service{{Name: "web", Route: "/", Instances: 2, Protocol: understudy.ProtocolH2C}, {Name: "mail"}}}
	there, err := slotFor(order{release: understudy.Release{Application: app}}, programs)
	if err != nil || len(there.Routes) != 1 || !slices.Equal(there.Routes[0].Addresses, []string{"tcp:a", "tcp:b"}) || there.Routes[0].Protocol != "h2c" {
		t.Errorf("the routes are %+v, %v", there.Routes, err)
	}
	slot := router.SlotState{Targets: []router.TargetState{{Address: "tcp:a", Well: true}, {Address: "tcp:b", Reason: "nobody listens"}}}
	if unfit(slot, "tcp:a") != "" || unfit(slot, "tcp:b") != "nobody listens" {
		t.Errorf("unfit are %q and %q", unfit(slot, "tcp:a"), unfit(slot, "tcp:b"))
	}
}
