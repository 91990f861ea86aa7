package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"understudy"
)

// Configurations shows what environments are configured with. No secret's value is ever in
// an answer.
type Configurations interface {
	Configuration(ctx context.Context, request ShowConfig) (understudy.Configuration, error)
	DiffConfiguration(ctx context.Context, request DiffConfig) (understudy.ConfigDiff, error)
	ExplainConfiguration(ctx context.Context, request ExplainConfig) (understudy.KeyExplanation, error)
}

// ShowConfig asks for the configuration of an environment: what a start would bring, or what
// runs now.
type ShowConfig struct {
	Environment string `json:"environment" query:"environment" required:"true"`
	Service     string `json:"service,omitempty" query:"service"` // empty: all
	Running     bool   `json:"running,omitempty" query:"running"`
}

// DiffConfig asks how two environments or two releases differ; with A alone, how what an
// environment runs with differs from what understudy.yaml has for it.
type DiffConfig struct {
	A string `json:"a" query:"a" required:"true"`
	B string `json:"b,omitempty" query:"b"`
}

// ExplainConfig asks for all that is known of a key.
type ExplainConfig struct {
	Key         string `json:"key" query:"key" required:"true"`
	Environment string `json:"environment,omitempty" query:"environment"` // empty: all
}

func configRoutes(a huma.API, role Configurations) {
	get(a, "configuration", "/v1/configuration", "what the services of an environment are configured with, and where each value comes from", func(ctx context.Context, in *ShowConfig) (understudy.Configuration, error) {
		return role.Configuration(ctx, *in)
	})
	get(a, "diff-configuration", "/v1/configuration/diff", "how two configurations differ", func(ctx context.Context, in *DiffConfig) (understudy.ConfigDiff, error) {
		return role.DiffConfiguration(ctx, *in)
	})
	get(a, "explain-configuration", "/v1/configuration/explain", "every layer of a key, which wins, who refers to it, what it has to keep, and whether it is read", func(ctx context.Context, in *ExplainConfig) (understudy.KeyExplanation, error) {
		return role.ExplainConfiguration(ctx, *in)
	})
}
