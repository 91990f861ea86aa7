package featureflag

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// failure is OFREP's evaluationFailure, flagNotFound and bulkEvaluationFailure.
type failure struct {
	Key     *string `json:"key,omitempty"`
	Code    string  `json:"errorCode"`
	Details string  `json:"errorDetails,omitempty"`
}

// readContext reads a request's body: {"context": {…}}.
func readContext(w http.ResponseWriter, r *http.Request) (map[string]any, *failure) {
	raw, err := readBody(w, r)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &failure{Code: "INVALID_CONTEXT", Details: "the request has more than 1 MiB"}
	case err != nil:
		return nil, &failure{Code: string(CodeParse), Details: "the request ended early"}
	case len(raw) == 0:
		return nil, nil
	}
	var request struct {
		Context map[string]any `json:"context"`
	}
	var mistyped *json.UnmarshalTypeError
	switch err := json.Unmarshal(raw, &request); {
	case errors.As(err, &mistyped):
		return nil, &failure{Code: "INVALID_CONTEXT", Details: "expected an object with the context, which is an object"}
	case err != nil:
		return nil, &failure{Code: string(CodeParse), Details: "the request is no JSON"}
	}
	switch request.Context["targetingKey"].(type) {
	case nil, string:
		return request.Context, nil
	}
	return nil, &failure{Code: "INVALID_CONTEXT", Details: "expected targetingKey to be a string"}
}

// readBody reads all of a body, at once where it says its length.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 || r.ContentLength > 16<<10 { // no more room for a promise
		return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	}
	raw := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, raw)
	return raw, err
}
