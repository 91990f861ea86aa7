package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWorld_CountsChargesByWhoseKeyItWas(t *testing.T) {
	w := &world{Charges: map[string]int{}, known: map[string]bool{}}
	charge := func(key, body string) int {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/charge", strings.NewReader(body))
		request.Header.Set("Authorization", "Bearer "+key)
		recorder := httptest.NewRecorder()
		w.routes().ServeHTTP(recorder, request)
		return recorder.Code
	}
	for _, c := range []struct {
		key, body string
		want      int
	}{
		{"production-secret", `{"reference":"a","amount_cents":100}`, http.StatusOK},
		{"production-secret", `{"reference":"a","amount_cents":100}`, http.StatusOK}, // told again
		{"staging-secret", `{"reference":"b","amount_cents":50}`, http.StatusOK},
		{"", `{"reference":"c","amount_cents":50}`, http.StatusUnauthorized},
		{"production-secret", `nonsense`, http.StatusBadRequest},
	} {
		if got := charge(c.key, c.body); got != c.want {
			t.Errorf("%q %s: expected %d, found %d", c.key, c.body, c.want, got)
		}
	}
	const want = `{"charges":{"production":1,"staging":1},"repeated":1,"cents":150,"mails":0}`
	if got := w.JSON(); got != want {
		t.Errorf("expected %s, found %s", want, got)
	}
}
