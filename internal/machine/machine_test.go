package machine_test

import (
	"os/exec"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/machine"
)

func TestLook_SaysWhatTheSystemsOwnProgramsSay(t *testing.T) {
	m, err := machine.Look(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := exec.Command("uname", "-sr").Output()
	if err != nil {
		t.Fatal(err)
	}
	if m.Runtime["kernel"] != strings.TrimSpace(string(kernel)) || m.Runtime["architecture"] == "" {
		t.Errorf("it runs on %q, uname says %q", m.Runtime, kernel)
	}
	if said, err := exec.Command("getconf", "GNU_LIBC_VERSION").Output(); err == nil { // "glibc 2.36", where it is that library
		if version := strings.Fields(string(said)); !strings.HasSuffix(m.Runtime["C library"], " "+version[len(version)-1]) {
			t.Errorf("the C library is %q, getconf says %q", m.Runtime["C library"], said)
		}
	}
	if m.Processors < 1 || m.Memory < 1<<26 || m.Disk < m.Free || m.Free <= 0 {
		t.Errorf("%+v", m)
	}
}

func TestLook_AtAFolderThatIsNotThereSaysSo(t *testing.T) {
	if _, err := machine.Look(t.TempDir() + "/none"); understudy.KindOf(err) != understudy.KindUnavailable {
		t.Error(err)
	}
}
