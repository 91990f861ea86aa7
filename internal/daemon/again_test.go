package daemon

import (
	"testing"

	"understudy"
)

func TestProgram_WhatRanBeforeIsNotKeptDownByARule(t *testing.T) {
	o := order{env: understudy.Environment{Name: "production", Env: map[string]string{"LIMIT": "900"}}}
	o.release.Application = understudy.Application{
		Services: []understudy.Service{{Name: "web"}}, Config: []understudy.ConfigKey{{Key: "LIMIT", Schema: []byte(`{"type": "integer", "maximum": 200}`)}},
	}
	if _, err := (&Daemon{}).program(o, o.release.Application.Services[0], 0, nil); understudy.KindOf(err) != understudy.KindInvalid {
		t.Errorf("a start with what is against the rules: %v", err)
	}
	o.again = true
	if _, err := (&Daemon{}).program(o, o.release.Application.Services[0], 0, nil); err != nil {
		t.Errorf("it ran with that before: %v", err)
	}
}
