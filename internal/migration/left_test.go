package migration

import (
	"strings"
	"testing"
)

func TestJudge_SaysWhereAFailedMigrationLeavesTheSchema(t *testing.T) {
	ran := Ran{Result: Result{Status: 1, Output: "[Migration v119] must be owner of extension hstore"}, Left: "118"}
	would := Judge(ran, Budget{})[0].Would
	if !strings.HasSuffix(would, "its status command says 118") {
		t.Errorf("found %q", would)
	}
	ran.Left = ""
	if would := Judge(ran, Budget{})[0].Would; strings.Contains(would, "status") {
		t.Errorf("nothing is known, and it says %q", would)
	}
}
