package router

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
