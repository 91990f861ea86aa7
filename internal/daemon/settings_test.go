package daemon

import (
	"testing"

	"understudy"
	"understudy/internal/runtime/process"
)

func TestHeld_ComparesSecretsThatRotateByTheirReferencesRunningOrNot(t *testing.T) {
	d := remembering(t)
	d.printKey = []byte("0123456789abcdef")
	e := understudy.Environment{Name: "staging", Env: map[string]string{"SIGNED": "<${TOKEN}>"}, Secrets: map[string]understudy.SecretRef{"TOKEN": "exec:date +%N", "KEY": "exec:date +%N"}}
	declared := []understudy.ConfigKey{{Key: "TOKEN", Secret: true, Rotates: true, Default: "x"}, {Key: "KEY", Secret: true}, {Key: "PAGE", Default: "20"}}
	down, again := d.held(t.Context(), e, declared), d.held(t.Context(), e, declared)
	for key, same := range map[string]bool{"TOKEN": true, "SIGNED": true, "KEY": false} {
		if down[key].Print == "" || (down[key] == again[key]) != same {
			t.Errorf("%s has the prints %q and %q", key, down[key].Print, again[key].Print)
		}
	}
	if _, has := down["PAGE"]; has || len(down) != 3 {
		t.Errorf("what the environment itself has is %v", down)
	}
	with, _, err := d.startedWith(order{env: e, release: understudy.Release{Application: understudy.Application{Config: declared}}}.within(t.Context()), process.Spec{})
	if err != nil || with.Prints["TOKEN"] != down["TOKEN"].Print {
		t.Errorf("one that runs has %q, %v, and one that is down %q", with.Prints["TOKEN"], err, down["TOKEN"].Print)
	}
}
