package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"understudy/internal/migration"
)

func TestReport_ThatIsALinkOrAPipeIsNotRead(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "mask.key")
	if err := os.WriteFile(secret, []byte("not for tests"), 0o600); err != nil {
		t.Fatal(err)
	}
	link, pipe := filepath.Join(dir, "link.xml"), filepath.Join(dir, "pipe.xml")
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, pipe} {
		if raw, err := readOwn(path); err == nil {
			t.Errorf("%s was read: %q", filepath.Base(path), raw)
		}
	}
}

func TestTail_KeepsNoHalfLineWhereASecretCouldStand(t *testing.T) {
	kept := migration.Tail{Size: 20}
	if _, err := kept.Write([]byte("password=hunter2-hunter2\nthe last line\n")); err != nil {
		t.Fatal(err)
	}
	if got := kept.String(); strings.Contains(got, "hunter2") || !strings.Contains(got, "the last line") {
		t.Errorf("kept %q", got)
	}
}
