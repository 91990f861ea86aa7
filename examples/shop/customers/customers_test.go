package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCustomers_CountEveryKindOfFailure(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Shop-Release", "v9")
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer broken.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, c := range map[string]struct {
		base    string
		release int
	}{"status 500": {broken.URL, 1}, "nobody there": {gone.URL, 0}} {
		crowd := crowd{base: c.base, rate: 1000, seen: newSummary(), status: filepath.Join(t.TempDir(), "status.json")}
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := crowd.run(ctx)
		stop()
		if err != nil {
			t.Fatal(err)
		}
		s := crowd.seen
		if s.Requests == 0 || s.Failed != s.Requests || s.Versions["v9"] != c.release*s.Requests || len(s.Failures) == 0 {
			t.Errorf("%s: expected every request failed, found %s", name, s.JSON())
		}
		written, err := os.ReadFile(crowd.status)
		var kept map[string]any
		if err != nil || json.Unmarshal(written, &kept) != nil || kept["failed"] != float64(s.Failed) {
			t.Errorf("%s: the status file holds %s and %v", name, written, err)
		}
	}
}
