package apitest

import (
	"context"
	"time"

	"understudy"
	"understudy/internal/api"
)

// Flags are those of an environment that has some.
func (s *Stage) Flags(_ context.Context, environment string) (api.EnvironmentFlags, error) {
	flags, found := now(s, &s.Flagged)[environment]
	if !found {
		return flags, missing("environment", environment)
	}
	return flags, nil
}

// SetFlag changes one, unless the state is another one than expected.
func (s *Stage) SetFlag(ctx context.Context, request api.SetFlag) (api.EnvironmentFlags, error) {
	expected := request
	expected.Expect = nil // an address would tell nothing
	s.note(expected)
	flags, err := s.Flags(ctx, request.Environment)
	if err != nil {
		return flags, err
	}
	if request.Expect != nil && *request.Expect != flags.Version {
		return flags, understudy.Errorf(understudy.KindConflict, "the flags of %s are at version %d, expected %d", request.Environment, flags.Version, *request.Expect)
	}
	variant := request.Variant
	if request.Off {
		variant = "off"
	}
	flags.FlagState = flags.Change(request.Key, understudy.FlagSetting{Variant: variant, By: request.By, Reason: request.Reason, At: time.Unix(0, 0).UTC()})
	for i := range flags.Flags {
		if flags.Flags[i].Key == request.Key {
			flags.Flags[i].Now, flags.Flags[i].Value = variant, flags.Flags[i].Variants[variant]
		}
	}
	s.Update(func() { s.Flagged[request.Environment] = flags })
	return flags, nil
}

// DiffFlags are what a and b set otherwise.
func (s *Stage) DiffFlags(ctx context.Context, a, b string) ([]api.FlagDifference, error) {
	first, err := s.Flags(ctx, a)
	if err != nil {
		return nil, err
	}
	second, err := s.Flags(ctx, b)
	var out []api.FlagDifference
	for i, f := range first.Flags {
		if other := second.Flags[i]; f.Now != other.Now {
			out = append(out, api.FlagDifference{Key: f.Key, A: f.Now, B: other.Now})
		}
	}
	return out, err
}

// CopyFlags notes it.
func (s *Stage) CopyFlags(ctx context.Context, request api.CopyFlags) (api.EnvironmentFlags, error) {
	s.note(request)
	return s.Flags(ctx, request.To)
}
