package router

import (
	"os"
	"path/filepath"
	"testing"

	"understudy"
)

func someRecords() []record {
	slot := Slot{Deployment: "d1", Release: "v1", Routes: []Route{{Prefix: "/", Addresses: []string{"tcp:127.0.0.1:9"}}}}
	return []record{
		{Front: Front{Name: "production", Listen: "127.0.0.1:1"}, Slots: []Slot{slot}, Shares: []Share{{"d1", 100}}},
		{Front: Front{Name: "staging", Listen: "127.0.0.1:2", Mark: true, Gate: GateFor("a token"), Trusted: []string{"10.0.0.0/8"}}},
	}
}

func TestStateFile_CutAtAnyByteServesTheLastGoodCopy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	if err := (&stateFile{path: path}).save(someRecords()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		records, problems, err := (&stateFile{path: path}).load()
		if err != nil || len(records) != 2 {
			t.Fatalf("cut at byte %d of %d: %d fronts, %v", cut, len(whole), len(records), err)
		}
		if cut < len(whole)-1 && len(problems) != 1 { // the last byte is the line's end
			t.Fatalf("cut at byte %d of %d: problems %v", cut, len(whole), problems)
		}
	}
}

func TestStateFile_RefusesToStartBlankWhenBothCopiesAreDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	for _, content := range []string{"", "{", `{"version":2}`, "null", "[]"} {
		for _, p := range []string{path, path + ".last"} {
			if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err := (&stateFile{path: path}).load()
		if err == nil || understudy.HintOf(err) == "" {
			t.Errorf("both files hold %q: %v", content, err)
		}
	}
}

func TestStateFile_MissingWithACopyIsServedFromTheCopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	if records, problems, err := (&stateFile{path: path}).load(); err != nil || len(records)+len(problems) != 0 {
		t.Fatalf("with no file: %v, %v, %v", records, problems, err)
	}
	if err := (&stateFile{path: path}).save(someRecords()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	records, problems, err := (&stateFile{path: path}).load()
	if err != nil || len(records) != 2 || len(problems) != 1 {
		t.Fatalf("with the copy alone: %v, %v, %v", records, problems, err)
	}
}

func TestStateFile_AChangeThatIsSavedWithoutItsCopyIsAWarning(t *testing.T) {
	warned := 0
	file := &stateFile{path: filepath.Join(t.TempDir(), "state.json"), warn: func(error) { warned++ }}
	if err := os.Mkdir(file.last()+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := file.save(someRecords()); err != nil || warned != 1 {
		t.Fatalf("saved with %v and %d warnings", err, warned)
	}
}

func TestStateFile_AFailedSaveLeavesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	file := &stateFile{path: filepath.Join(dir, "state.json")}
	if err := file.save(someRecords()); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file.path+".new", 0o700); err != nil { // in the way, for root too
		t.Fatal(err)
	}
	if err := file.save(nil); err == nil {
		t.Fatal("saving over something in the way reported nothing")
	}
	if records, _, err := file.load(); err != nil || len(records) != 2 {
		t.Fatalf("after a failed save: %d fronts, %v", len(records), err)
	}
}
