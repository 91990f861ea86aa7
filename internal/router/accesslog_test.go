package router

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
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

func TestAccessLog_SaysOnceThatADiskIsFullAndGoesOnOnceThereIsRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	log, err := openAccessLog(path, accessLimit, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	v := &visit{settings: &settings{name: "shop"}, request: httptest.NewRequest(http.MethodGet, "/", nil), answer: &answer{status: 200}}
	for range 3 { // it is full for longer than from one flush to the next
		log.write(v, time.Now())
		log.flush()
	}
	full, roomy := log.file, filepath.Join(t.TempDir(), "room")
	if log.file, err = os.Create(roomy); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first finds the disk full once more
		log.write(v, time.Now())
		log.flush()
	}
	raw, err := os.ReadFile(roomy)
	if err := errors.Join(err, log.close(), full.Close()); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(raw), "\n"); lines != 1 || log.broken {
		t.Errorf("with room again it has written %d lines, expected 1: %q", lines, raw)
	}
	if n := strings.Count(said.String(), "the access log cannot be written"); n != 1 {
		t.Errorf("that the disk is full is said %d times: %s", n, &said)
	}
}

func TestEntry_IsTheJSONThatEncodingItWouldMake(t *testing.T) {
	at := time.Date(2026, 11, 28, 15, 4, 5, 123456000, time.UTC)
	for _, e := range []entry{
		{At: at, Front: "shop", Request: "R1", Method: "GET", Path: "/", Status: 200, Bytes: 12, Seconds: 0.001234},
		{At: at, Front: "shop", Host: "shop.example.com", Release: "v1", Deployment: "d1", Request: "R2", Method: "POST", Path: `/a "b"\c/<é>` + "\n\x7f\xff",
			Status: 502, Bytes: 25, Seconds: 1e-9, Held: 12.5, Failed: true},
	} {
		if all := reflect.ValueOf(e); e.Failed {
			for i := range all.NumField() {
				if all.Field(i).IsZero() {
					t.Errorf("the fullest entry has nothing under %s", all.Type().Field(i).Name)
				}
			}
		}
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
