package daemon

import (
	"testing"

	"understudy"
)

func TestKeepWarm_LeavesAloneWhatIsStoppedOrBeingStopped(t *testing.T) {
	d := shelved(t)
	d.fates = newStages()
	put := func(state understudy.DeploymentState) {
		t.Helper()
		record := deployment{Deployment: understudy.Deployment{ID: "old", Environment: "production", State: state}}
		if err := d.store.Put(t.Context(), kindDeployment, "old", record); err != nil {
			t.Fatal(err)
		}
	}
	put(understudy.DeploymentGone)
	if err := d.keepWarm(t.Context(), "old"); err != nil {
		t.Errorf("what was stopped is started again: %v", err)
	}
	put(understudy.DeploymentStandby)
	give, err := d.fates.take("old", "what stops it")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.keepWarm(t.Context(), "old"); err != nil {
		t.Errorf("what is being stopped is started again: %v", err)
	}
	give()
	if err := d.keepWarm(t.Context(), "old"); err == nil {
		t.Error("what is kept warm was not to be started again, where no environment is known to start it in")
	}
	if give, err = d.fates.take("old", "what stops it"); err != nil {
		t.Fatalf("it cannot be stopped after that: %v", err)
	}
	give()
}
