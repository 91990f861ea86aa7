package client

import (
	"context"
	"net/http"
	"net/url"

	"understudy/internal/api"
)

var _ api.Flags = (*Client)(nil)

// Flags lists the feature flags of an environment.
func (c *Client) Flags(ctx context.Context, name string) (api.EnvironmentFlags, error) {
	return call[api.EnvironmentFlags](ctx, c, http.MethodGet, environment(name, "flags"), nil, nil)
}

// SetFlag sets one for everybody.
func (c *Client) SetFlag(ctx context.Context, request api.SetFlag) (api.EnvironmentFlags, error) {
	return call[api.EnvironmentFlags](ctx, c, http.MethodPost, "/v1/flags/set", nil, request)
}

// DiffFlags lists those that two environments have otherwise.
func (c *Client) DiffFlags(ctx context.Context, a, b string) ([]api.FlagDifference, error) {
	return call[[]api.FlagDifference](ctx, c, http.MethodGet, "/v1/flags/diff", url.Values{"a": {a}, "b": {b}}, nil)
}

// CopyFlags sets in one environment what another sets.
func (c *Client) CopyFlags(ctx context.Context, request api.CopyFlags) (api.EnvironmentFlags, error) {
	return call[api.EnvironmentFlags](ctx, c, http.MethodPost, "/v1/flags/copy", nil, request)
}
