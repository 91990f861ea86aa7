package flags_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/open-feature/go-sdk/openfeature"

	"understudy/examples/shop/internal/flags"
)

func TestOpen_AsksWhoeverServesTheFlagsWithTheTokenAndElseTakesTheDefault(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer t0ken":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/ofrep/v1/evaluate/flags/ratings":
			fmt.Fprint(w, `{"key":"ratings","value":true,"reason":"STATIC","variant":"on"}`)
		case r.URL.Path == "/ofrep/v1/evaluate/flags/disabled":
			fmt.Fprint(w, `{"key":"disabled","reason":"DISABLED"}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"key":"x","errorCode":"FLAG_NOT_FOUND"}`)
		}
	}))
	defer server.Close()
	t.Setenv("OFREP_ENDPOINT", server.URL+"/")
	t.Setenv("OFREP_HEADERS", "Authorization=Bearer t0ken")
	client, err := flags.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer openfeature.Shutdown()
	for _, c := range []struct {
		key       string
		otherwise bool
		want      bool
	}{{"ratings", false, true}, {"disabled", true, true}, {"unknown", true, true}, {"unknown", false, false}} {
		if got := client.Boolean(context.Background(), c.key, c.otherwise, openfeature.EvaluationContext{}); got != c.want {
			t.Errorf("%s is %t, want %t", c.key, got, c.want)
		}
	}
	if _, err := client.StringValue(context.Background(), "ratings", "none", openfeature.EvaluationContext{}); err == nil {
		t.Error("a boolean is taken for a text")
	}
}
