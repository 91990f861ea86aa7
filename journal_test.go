package understudy_test

import (
	"encoding/json"
	"testing"
	"time"

	"understudy"
)

func chain(t *testing.T, n int) []understudy.Entry {
	t.Helper()
	var entries []understudy.Entry
	var last understudy.Entry
	for range n {
		next, err := understudy.Entry{
			At: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Actor: "ada", Act: "release.created", Subject: "v1", Reason: "why",
			Facts: map[string]string{"a": "1", "b": "2"},
		}.Seal(last)
		if err != nil {
			t.Fatal(err)
		}
		entries, last = append(entries, next), next
	}
	return entries
}

func TestEntry_FollowsTheOneBefore(t *testing.T) {
	entries := chain(t, 3)
	if err := entries[0].Follows(understudy.Entry{}); err != nil {
		t.Errorf("the first: %v", err)
	}
	for i := 1; i < len(entries); i++ {
		if err := entries[i].Follows(entries[i-1]); err != nil {
			t.Errorf("entry %d: %v", i, err)
		}
	}
}

func TestEntry_StandsAfterItWasStoredAndRead(t *testing.T) {
	entries := chain(t, 2)
	raw, err := json.Marshal(entries[1])
	if err != nil {
		t.Fatal(err)
	}
	var read understudy.Entry
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	if err := read.Follows(entries[0]); err != nil {
		t.Error(err)
	}
}

func TestEntry_AnyChangeIsNoticed(t *testing.T) {
	for claim, change := range map[string]func(e *understudy.Entry){
		"sequence": func(e *understudy.Entry) { e.Sequence++ },
		"time":     func(e *understudy.Entry) { e.At = e.At.Add(1) },
		"actor":    func(e *understudy.Entry) { e.Actor = "eve" },
		"act":      func(e *understudy.Entry) { e.Act = "release.removed" },
		"subject":  func(e *understudy.Entry) { e.Subject = "v2" },
		"reason":   func(e *understudy.Entry) { e.Reason = "" },
		"fact":     func(e *understudy.Entry) { e.Facts["a"] = "3" },
		"new fact": func(e *understudy.Entry) { e.Facts["c"] = "" },
		"previous": func(e *understudy.Entry) { e.Previous = digest("x") },
		"hash":     func(e *understudy.Entry) { e.Hash = digest("x") },
	} {
		entries := chain(t, 2)
		change(&entries[1])
		if entries[1].Follows(entries[0]) == nil {
			t.Errorf("a changed %s is not noticed", claim)
		}
	}
}

func TestEntry_TakenOutOrPutInIsNoticed(t *testing.T) {
	entries := chain(t, 3)
	if entries[2].Follows(entries[0]) == nil {
		t.Error("an entry was taken out, and nobody noticed")
	}
	between, err := understudy.Entry{Act: "x"}.Seal(entries[0])
	if err != nil {
		t.Fatal(err)
	}
	if entries[1].Follows(between) == nil {
		t.Error("an entry was put in, and nobody noticed")
	}
}
