package router

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"understudy"
)

// fullRecords use every key that a state file knows.
func fullRecords() []record {
	all := someRecords()
	all[0].TLS = &understudy.TLS{Cert: "/a.pem", Key: "/a.key"}
	all[0].Redirect, all[0].ProxyFrom, all[0].Sticky = "127.0.0.1:3", []string{"10.0.0.1"}, "X-User"
	all[0].Limits = understudy.Limits{Body: 7}
	all[0].Slots[0].Routes[0].Host = "shop.example.com"
	all[0].Maintenance = &Maintenance{Since: time.Unix(1, 0).UTC(), Page: "<p>soon", Allow: []string{"10.0.0.0/8"}}
	return all
}

func TestStateFile_AnyByteThatIsChangedIsNoticedAndTheLastGoodCopyServed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(quickDir(t), "state.json")
	want := fullRecords()
	if err := (&stateFile{path: path}).save(want); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		for _, flip := range []byte{0x01, 0x20, 0x80, 0xff} {
			damaged := []byte(string(whole))
			damaged[at] ^= flip
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			records, _, err := (&stateFile{path: path}).load()
			if err != nil || !reflect.DeepEqual(records, want) {
				t.Fatalf("byte %d (%q) became %q: %+v, %v", at, whole[at], damaged[at], records, err)
			}
		}
	}
}

func quickDir(t *testing.T) string {
	if _, err := os.Stat("/dev/shm"); err != nil {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "us")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestStateFile_OfARouterBeforeThisOneIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	before := `{"version":1,"fronts":[{"name":"production","listen":"127.0.0.1:1","mark":true,"trusted":["10.0.0.0/8"],"queue":5,` +
		`"slots":[{"deployment":"d1","release":"v1","routes":[{"prefix":"/","address":"tcp:127.0.0.1:9"}]}],` +
		`"shares":[{"deployment":"d1","percent":100}],"pausedUntil":"2026-01-01T00:00:00Z"}]}`
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	records, problems, err := (&stateFile{path: path}).load()
	if err != nil || len(problems) != 0 || len(records) != 1 {
		t.Fatalf("%+v, %v, %v", records, problems, err)
	}
	if r := records[0]; !r.Mark || r.Queue != 5 || r.PausedUntil.IsZero() || r.Slots[0].Routes[0].Host != "" || r.Maintenance != nil {
		t.Errorf("found %+v", r)
	}
}

func TestStateFile_AFullDiskLeavesTheOldOneAndTheNextChangeIsSaved(t *testing.T) {
	dir := t.TempDir()
	file := &stateFile{path: filepath.Join(dir, "state.json"), warn: func(error) {}}
	if err := file.save(someRecords()); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", file.path+".new"); err != nil {
		t.Fatal(err)
	}
	err := file.save(nil)
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Fatalf("saving on a full disk: %v", err)
	}
	if records, problems, err := file.load(); err != nil || len(records) != 2 || len(problems) != 0 {
		t.Fatalf("afterwards: %d fronts, %v, %v", len(records), problems, err)
	}
	if err := file.save(someRecords()[:1]); err != nil {
		t.Fatalf("with space again: %v", err)
	}
	if records, _, err := file.load(); err != nil || len(records) != 1 {
		t.Fatalf("with space again: %d fronts, %v", len(records), err)
	}
}

func TestStateFile_ARecordThatCannotBeReadIsWrittenBackSoThatTheFileCanBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	byHand := `{"version":1,"fronts":[{"name":"shop","listen":"nowhere","maintenance":{"page":"<p>soon & <b>new</b>"}}]}`
	if err := os.WriteFile(path, []byte(byHand), 0o600); err != nil {
		t.Fatal(err)
	}
	file := &stateFile{path: path}
	if _, problems, err := file.load(); err != nil || len(problems) != 1 {
		t.Fatalf("%v, %v", problems, err)
	}
	if err := file.save(someRecords()); err != nil {
		t.Fatal(err)
	}
	records, problems, err := (&stateFile{path: path}).load()
	if err != nil || len(records) != 2 || len(problems) != 1 {
		t.Errorf("after a change that was saved: %d fronts, %v, %v", len(records), problems, err)
	}
}
