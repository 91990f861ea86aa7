package apitest

import (
	"context"

	"understudy"
	"understudy/internal/api"
)

// Configuration notes it, and is the configuration.
func (s *Stage) Configuration(_ context.Context, request api.ShowConfig) (understudy.Configuration, error) {
	s.note(request)
	return now(s, &s.Configured), nil
}

// DiffConfiguration notes it, and is the difference.
func (s *Stage) DiffConfiguration(_ context.Context, request api.DiffConfig) (understudy.ConfigDiff, error) {
	s.note(request)
	return now(s, &s.ConfigDiff), nil
}

// ExplainConfiguration notes it, and is the explanation.
func (s *Stage) ExplainConfiguration(_ context.Context, request api.ExplainConfig) (understudy.KeyExplanation, error) {
	s.note(request)
	return now(s, &s.KeyTold), nil
}
