package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"understudy"
	"understudy/internal/api"
)

// Configuration shows what the services of an environment are configured with.
func (c *Client) Configuration(ctx context.Context, request api.ShowConfig) (understudy.Configuration, error) {
	query := url.Values{"environment": {request.Environment}, "service": {request.Service}, "running": {strconv.FormatBool(request.Running)}}
	return call[understudy.Configuration](ctx, c, http.MethodGet, "/v1/configuration", query, nil)
}

// DiffConfiguration shows how two configurations differ.
func (c *Client) DiffConfiguration(ctx context.Context, request api.DiffConfig) (understudy.ConfigDiff, error) {
	return call[understudy.ConfigDiff](ctx, c, http.MethodGet, "/v1/configuration/diff", url.Values{"a": {request.A}, "b": {request.B}}, nil)
}

// ExplainConfiguration shows all that is known of a key.
func (c *Client) ExplainConfiguration(ctx context.Context, request api.ExplainConfig) (understudy.KeyExplanation, error) {
	query := url.Values{"key": {request.Key}, "environment": {request.Environment}}
	return call[understudy.KeyExplanation](ctx, c, http.MethodGet, "/v1/configuration/explain", query, nil)
}
