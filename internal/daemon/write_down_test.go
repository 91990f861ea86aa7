package daemon

import (
	"testing"

	"understudy"
	"understudy/internal/runtime/process"
)

func TestWriteDown_RefusesAnotherConfigurationThanTheGateLookedAt(t *testing.T) {
	d := remembering(t)
	d.printKey = []byte("0123456789abcdef")
	o := order{id: "production-1", env: understudy.Environment{Name: "production", Env: map[string]string{"PAGE": "60"}}, release: understudy.Release{Label: "v2"}}
	start := func() (deployment, error) {
		err := d.writeDown(t.Context(), o, process.Spec{})
		record, loadErr := d.loadDeployment(t.Context(), o.id)
		if loadErr != nil {
			t.Fatal(loadErr)
		}
		return record, err
	}
	record, err := start()
	if err != nil || record.Config == "" {
		t.Fatalf("%q, %v", record.Config, err)
	}
	o.configured = record.Config
	if _, err := start(); err != nil {
		t.Errorf("the one that it looked at is refused: %v", err)
	}
	o.env.Env = map[string]string{"PAGE": "61"}
	if record, err = start(); understudy.KindOf(err) != understudy.KindRefused || record.Config != o.configured {
		t.Errorf("another one is written down: %v", err)
	}
}
