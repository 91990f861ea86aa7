package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// on asks for a boolean flag, as OFREP has it. Where nobody serves flags, or not this one,
// it is off.
func on(ctx context.Context, key string) bool {
	endpoint := os.Getenv("OFREP_ENDPOINT")
	if endpoint == "" {
		return false
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/ofrep/v1/evaluate/flags/"+key, strings.NewReader(`{"context":{"targetingKey":"visitor"}}`))
	if err != nil {
		return false
	}
	name, value, _ := strings.Cut(os.Getenv("OFREP_HEADERS"), "=")
	request.Header.Set(name, value)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Value bool `json:"value"`
	}
	return json.NewDecoder(response.Body).Decode(&answer) == nil && answer.Value
}

// flagged adds to a page what its flags add, and says what a flag is to who asks.
func flagged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if key, asked := strings.CutPrefix(r.URL.Path, "/flag/"); asked {
			fmt.Fprint(w, on(r.Context(), key))
			return
		}
		next.ServeHTTP(w, r)
		if r.URL.Path == "/" && on(r.Context(), "gift") && !on(r.Context(), "cart") {
			fmt.Fprint(w, " with a gift")
		}
	})
}
