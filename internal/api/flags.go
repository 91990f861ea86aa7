package api

import (
	"context"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"

	"understudy"
)

// Flags shows and sets feature flags. A change is in force in every deployment of its
// environment when it returns without an error, whatever a promotion does meanwhile.
type Flags interface {
	Flags(ctx context.Context, environment string) (EnvironmentFlags, error)
	SetFlag(ctx context.Context, request SetFlag) (EnvironmentFlags, error)
	DiffFlags(ctx context.Context, a, b string) ([]FlagDifference, error)
	CopyFlags(ctx context.Context, request CopyFlags) (EnvironmentFlags, error)
}

// EnvironmentFlags are the flags of an environment: those that its release declares, with
// what is set there, and what is set and declared by nobody.
type EnvironmentFlags struct {
	understudy.FlagState
	Release string        `json:"release,omitempty"` // that declares them; empty: none runs
	Flags   []FlagStatus  `json:"flags"`
	Ignored []string      `json:"ignored,omitempty"` // set, and without effect on the release
	Served  []FlagsServed `json:"served,omitempty"`
	// Warnings are what flags require or exclude, and is not so.
	Warnings []string `json:"warnings,omitempty"`
	Note     string   `json:"note,omitempty"`
}

// FlagStatus is one flag in an environment.
type FlagStatus struct {
	understudy.Flag
	Now   string          `json:"now,omitempty"`   // variant that everybody gets; empty: rules or the application decide
	Value json.RawMessage `json:"value,omitempty"` // of that variant
}

// FlagsServed is a deployment with the version of the state that it serves.
type FlagsServed struct {
	Deployment string            `json:"deployment"`
	Label      string            `json:"label"`
	Version    int64             `json:"version"`
	Digest     understudy.Digest `json:"digest"`
	Problem    string            `json:"problem,omitempty"` // why it does not serve the newest
}

// SetFlag asks for one flag of an environment to be set, for everybody.
type SetFlag struct {
	Environment string `json:"environment"`
	Key         string `json:"key"`
	Variant     string `json:"variant,omitempty"` // empty: as the release declares it
	Off         bool   `json:"off,omitempty"`     // the variant that turns it off; needs no reason
	Expect      *int64 `json:"expect,omitempty"`  // the version it is a change of; nil: any
	By          string `json:"by"`
	Reason      string `json:"reason,omitempty"` // needed for production
}

// CopyFlags asks for what one environment sets to be set in another.
type CopyFlags struct {
	From   string   `json:"from"`
	To     string   `json:"to"`
	Keys   []string `json:"keys,omitempty"`   // none: all that differ
	Expect *int64   `json:"expect,omitempty"` // as for SetFlag
	By     string   `json:"by"`
	Reason string   `json:"reason,omitempty"`
}

// FlagDifference is one flag that two environments have otherwise.
type FlagDifference struct {
	Key string `json:"key"`
	A   string `json:"a"` // variant that everybody gets; empty: rules or the application decide
	B   string `json:"b"`
	// Undeclared names the environments whose release does not declare it.
	Undeclared []string `json:"undeclared,omitempty"`
}

type diffRequest struct {
	A string `query:"a" required:"true"`
	B string `query:"b" required:"true"`
}

func flagRoutes(a huma.API, role Flags) {
	get(a, "list-flags", "/v1/environments/{name}/flags", "the feature flags of an environment", func(ctx context.Context, in *named) (EnvironmentFlags, error) {
		return role.Flags(ctx, in.Name)
	})
	post(a, "set-flag", "/v1/flags/set", "set a feature flag of an environment, for everybody", role.SetFlag)
	get(a, "diff-flags", "/v1/flags/diff", "the feature flags that two environments have otherwise", func(ctx context.Context, in *diffRequest) ([]FlagDifference, error) {
		return role.DiffFlags(ctx, in.A, in.B)
	})
	post(a, "copy-flags", "/v1/flags/copy", "set in one environment what another sets", role.CopyFlags)
}
