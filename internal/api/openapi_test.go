package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/api/apitest"
)

const published = "../../docs/openapi.json"

func TestTheDescriptionInDocsIsWhatIsServed(t *testing.T) {
	answer := httptest.NewRecorder()
	api.Handler((&apitest.Stage{}).Roles()).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	var served bytes.Buffer
	if err := json.Indent(&served, bytes.TrimSpace(answer.Body.Bytes()), "", "  "); err != nil {
		t.Fatal(err)
	}
	served.WriteByte('\n')
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(published, served.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(published)
	if err != nil || !bytes.Equal(have, served.Bytes()) {
		t.Errorf("docs/openapi.json is not what is served (%v): go test ./internal/api -update", err)
	}
}

func TestEveryRouteIsDescribedWithItsErrors(t *testing.T) {
	raw, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	var described struct {
		Paths map[string]map[string]struct {
			Summary   string
			Responses map[string]struct{ Content map[string]any }
		}
	}
	if err := json.Unmarshal(raw, &described); err != nil {
		t.Fatal(err)
	}
	if len(described.Paths) < 20 {
		t.Errorf("%d paths are described", len(described.Paths))
	}
	for path, methods := range described.Paths {
		for method, route := range methods {
			if _, told := route.Responses["default"].Content["application/json"]; route.Summary == "" || !told || !strings.HasPrefix(path, "/v1/") {
				t.Errorf("%s %s: %+v", method, path, route)
			}
		}
	}
}

func TestEachKindHasItsStatus(t *testing.T) {
	for kind, status := range map[understudy.Kind]int{
		understudy.KindInvalid: 422, understudy.KindNotFound: 404, understudy.KindConflict: 409, understudy.KindUnavailable: 503,
		understudy.KindRefused: 403, understudy.KindFailed: 424, understudy.KindInconclusive: 424, understudy.KindInternal: 500, "": 500,
	} {
		if got := api.StatusOf(kind); got != status {
			t.Errorf("%q has status %d, want %d", kind, got, status)
		}
	}
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write docs/openapi.json")
	os.Exit(m.Run())
}
