package router

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAccessLog_BeginsANewFileWhenOneIsFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	log, err := openAccessLog(path, 2000, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	v := &visit{settings: &settings{name: "shop"}, request: httptest.NewRequest(http.MethodGet, "/", nil), answer: &answer{status: 200}}
	for range 30 {
		log.write(v, time.Now())
	}
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, path + ".1"} {
		raw, err := os.ReadFile(p)
		if err != nil || len(raw) == 0 || len(raw) > 2000 || !strings.HasSuffix(string(raw), "}\n") {
			t.Errorf("%s has %d bytes, %v", p, len(raw), err)
		}
	}
}

func TestEntry_IsTheJSONThatEncodingItWouldMake(t *testing.T) {
	at := time.Date(2026, 11, 28, 15, 4, 5, 123456000, time.UTC)
	for _, e := range []entry{
		{At: at, Front: "shop", Request: "R1", Method: "GET", Path: "/", Status: 200, Bytes: 12, Seconds: 0.001234},
		{At: at, Front: "shop", Release: "v1", Deployment: "d1", Request: "R2", Method: "POST", Path: `/a "b"\c/<é>` + "\n\x7f\xff",
			Status: 502, Seconds: 1e-9, Held: 12.5, Failed: true},
	} {
		var want, got any
		encoded, err := json.Marshal(e)
		if err != nil || json.Unmarshal(encoded, &want) != nil {
			t.Fatal(err)
		}
		line := e.appendTo(nil)
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n%s", line, diff)
		}
	}
}
