// Package flags is how the shop asks for its feature flags: through OpenFeature, of whoever
// serves them over OFREP at OFREP_ENDPOINT. Where nobody does, the default in the code holds.
package flags

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
)

// Open gives a client for the flags that this process is served.
func Open() (*openfeature.Client, error) {
	if endpoint := os.Getenv("OFREP_ENDPOINT"); endpoint != "" {
		p := provider{endpoint: strings.TrimSuffix(endpoint, "/"), header: http.Header{}, client: &http.Client{Timeout: 2 * time.Second}}
		for _, pair := range strings.Split(os.Getenv("OFREP_HEADERS"), ",") {
			if name, value, found := strings.Cut(pair, "="); found {
				p.header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
			}
		}
		if err := openfeature.SetProviderAndWait(p); err != nil {
			return nil, fmt.Errorf("opening the feature flags: %w", err)
		}
	}
	return openfeature.NewClient("shop"), nil
}

// Boolean gives what says whether a flag is on now. Without an answer it is off.
func Boolean(key string) (on func(ctx context.Context) bool, err error) {
	client, err := Open()
	return func(ctx context.Context) bool {
		return client.Boolean(ctx, key, false, openfeature.EvaluationContext{})
	}, err
}

// provider asks an OFREP server for each evaluation: a change is seen by the next request.
type provider struct {
	endpoint string
	header   http.Header
	client   *http.Client
}

// Metadata names it.
func (provider) Metadata() openfeature.Metadata { return openfeature.Metadata{Name: "ofrep"} }

// Hooks are none.
func (provider) Hooks() []openfeature.Hook { return nil }

// answered is what a server answers, or why there is no value.
type answered struct {
	Value   json.RawMessage `json:"value"`
	Reason  string          `json:"reason"`
	Variant string          `json:"variant"`
	Code    string          `json:"errorCode"`
	Details string          `json:"errorDetails"`
}

func (p provider) ask(ctx context.Context, flag string, about openfeature.FlattenedContext) (answered, error) {
	var a answered
	if about == nil {
		about = openfeature.FlattenedContext{}
	}
	body, err := json.Marshal(map[string]any{"context": about})
	if err != nil {
		return a, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.endpoint+"/ofrep/v1/evaluate/flags/"+url.PathEscape(flag), bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	request.Header = p.header.Clone()
	request.Header.Set("Content-Type", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		return a, err
	}
	defer func() { _ = response.Body.Close() }() // read whole, or given up
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		return a, fmt.Errorf("the flag server answered %s", response.Status)
	}
	return a, nil
}

// resolve asks for a flag and gives its value, or the default and why.
func resolve[V any](p provider, ctx context.Context, flag string, otherwise V, about openfeature.FlattenedContext) (V, openfeature.ProviderResolutionDetail) {
	a, err := p.ask(ctx, flag, about)
	detail := openfeature.ProviderResolutionDetail{Reason: openfeature.Reason(a.Reason), Variant: a.Variant}
	value := otherwise
	switch {
	case err != nil:
		detail.ResolutionError = openfeature.NewGeneralResolutionError(err.Error())
	case a.Code == string(openfeature.FlagNotFoundCode):
		detail.ResolutionError = openfeature.NewFlagNotFoundResolutionError(a.Details)
	case a.Code != "":
		detail.ResolutionError = openfeature.NewGeneralResolutionError(a.Code + ": " + a.Details)
	case a.Value == nil: // the default in the code holds
	case json.Unmarshal(a.Value, &value) != nil:
		value, detail.ResolutionError = otherwise, openfeature.NewTypeMismatchResolutionError("the value is of another type")
	}
	return value, detail
}

// BooleanEvaluation asks for a boolean.
func (p provider) BooleanEvaluation(ctx context.Context, flag string, otherwise bool, about openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	value, detail := resolve(p, ctx, flag, otherwise, about)
	return openfeature.BoolResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// StringEvaluation asks for a text.
func (p provider) StringEvaluation(ctx context.Context, flag string, otherwise string, about openfeature.FlattenedContext) openfeature.StringResolutionDetail {
	value, detail := resolve(p, ctx, flag, otherwise, about)
	return openfeature.StringResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// FloatEvaluation asks for a number.
func (p provider) FloatEvaluation(ctx context.Context, flag string, otherwise float64, about openfeature.FlattenedContext) openfeature.FloatResolutionDetail {
	value, detail := resolve(p, ctx, flag, otherwise, about)
	return openfeature.FloatResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// IntEvaluation asks for a whole number.
func (p provider) IntEvaluation(ctx context.Context, flag string, otherwise int64, about openfeature.FlattenedContext) openfeature.IntResolutionDetail {
	value, detail := resolve(p, ctx, flag, otherwise, about)
	return openfeature.IntResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// ObjectEvaluation asks for anything.
func (p provider) ObjectEvaluation(ctx context.Context, flag string, otherwise any, about openfeature.FlattenedContext) openfeature.InterfaceResolutionDetail {
	value, detail := resolve(p, ctx, flag, otherwise, about)
	return openfeature.InterfaceResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}
