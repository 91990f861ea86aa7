package load_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"understudy"
	"understudy/internal/load"
)

func TestTour_MakesTheSameRequestsEachTimeButForWhatMustBeUnique(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.FormValue("name"))
		switch {
		case r.URL.Path == "/signup":
			http.SetCookie(w, &http.Cookie{Name: "who", Value: r.FormValue("name")})
			fmt.Fprint(w, `order="17"`)
		case r.URL.Path == "/orders/17":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"ok": true}`)
		case r.URL.Path == "/broken":
			http.Error(w, "no", http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	traffic := understudy.Traffic{Rate: 1, Journeys: []understudy.Journey{
		{Name: "buy", Steps: []understudy.Step{
			{Method: "POST", Path: "/signup", Form: map[string]string{"name": "ann-{{unique}}"}, Capture: map[string]string{"order": `order="(\d+)"`}},
			{Path: "/orders/{{order}}"},
		}},
		{Name: "break", Steps: []understudy.Step{{Path: "/products/{{int 1 100000}}"}, {Path: "/broken"}, {Path: "/never"}}},
	}}
	tour := func(turn int) (requests []string, answers []load.Answer) {
		asked = nil
		answers, err := load.Tour(t.Context(), traffic, load.Target{Base: server.URL}, 7, turn, 2)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(asked), answers
	}
	first, answers := tour(0)
	again, _ := tour(0)
	other, _ := tour(1)
	if len(first) != 8 || !slices.Equal(first, again) {
		t.Errorf("asked\n%q, then\n%q", first, again)
	}
	if other[0] == first[0] || other[2] != first[2] || first[2] == first[6] || strings.Contains(strings.Join(first, " "), "/never") {
		t.Errorf("in another turn\n%q, first\n%q", other, first)
	}
	if a := answers[1]; a.Step != "GET /orders/{{order}}" || a.Status != 200 || a.Type != "application/json" || string(a.Body) != `{"ok": true}` || a.Failed != "" {
		t.Errorf("answered %+v", a)
	}
	if a := answers[3]; a.Status != 500 || a.Failed != "GET /broken → 500" {
		t.Errorf("answered %+v", a)
	}
}

func TestTour_SaysWhatItCannotMake(t *testing.T) {
	traffic := understudy.Traffic{Journeys: []understudy.Journey{{Name: "a", Steps: []understudy.Step{{Path: "nowhere"}}}}}
	for _, base := range []string{"http://127.0.0.1:1", "::"} {
		if _, err := load.Tour(t.Context(), traffic, load.Target{Base: base}, 1, 0, 1); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("to %s: %v", base, err)
		}
	}
}
