package router

import (
	"encoding/json"
	"slices"
	"time"

	"understudy"
)

// DefaultLook is the time between two looks at an address where its service says nothing.
const DefaultLook = time.Second

// UnmarshalJSON reads a route of today, and one of a state file from before services had
// instances.
func (r *Route) UnmarshalJSON(raw []byte) error {
	type plain Route
	read := struct {
		*plain
		Address string `json:"address"`
	}{plain: (*plain)(r)}
	if err := json.Unmarshal(raw, &read); err != nil {
		return err
	}
	if read.Address != "" && len(r.Addresses) == 0 {
		r.Addresses = []string{read.Address}
	}
	return nil
}

func (r Route) equal(other Route) bool {
	return r.Host == other.Host && r.Prefix == other.Prefix && r.Protocol == other.Protocol && r.Health == other.Health &&
		slices.Equal(r.Addresses, other.Addresses)
}

// validate reports the first thing that makes a route impossible to serve.
func (r Route) validate(deployment string) error {
	if len(r.Addresses) == 0 {
		return understudy.Errorf(understudy.KindInvalid, "deployment %s: the route %s has no address", deployment, r.Prefix)
	}
	for i, address := range r.Addresses {
		if _, _, err := splitAddress(address); err != nil {
			return err
		}
		if slices.Contains(r.Addresses[:i], address) {
			return understudy.Errorf(understudy.KindInvalid, "deployment %s: the route %s has address %s twice", deployment, r.Prefix, address)
		}
	}
	switch r.Protocol {
	case understudy.ProtocolHTTP1, understudy.ProtocolH2C, understudy.ProtocolGRPC:
		return nil
	default:
		return understudy.Errorf(understudy.KindInvalid, "deployment %s: a route's protocol is h2c, grpc or left out, found %q", deployment, r.Protocol)
	}
}

// TargetState is one address of a slot as it is now.
type TargetState struct {
	Route   int    `json:"route"` // which of the slot's
	Address string `json:"address"`
	Running int64  `json:"running"` // requests that it answers, lasting ones among them
	// Well is what looking at it says; Ejected until when it is given no new requests,
	// because of what became of earlier ones. Reason says why, in either case.
	Well    bool      `json:"well"`
	Since   time.Time `json:"since,omitzero"` // since when it is not well
	Ejected time.Time `json:"ejectedUntil,omitzero"`
	Times   int       `json:"ejections,omitempty"` // how often that happened
	Reason  string    `json:"reason,omitempty"`
}

// Retries are requests of a slot that were sent again, and some that were not.
type Retries struct {
	Refused int64 `json:"refused,omitempty"` // no connection was made
	Reset   int64 `json:"reset,omitempty"`   // the connection ended before a byte of the answer
	Denied  int64 `json:"denied,omitempty"`  // there had been too many of them
}

// Unwell says that no address of some route has passed its looks for so long at least, and
// why; empty: each route has one that did. Requests are sent there all the same: a look
// may be wrong.
func (s SlotState) Unwell(now time.Time, atLeast time.Duration) string {
	for i, route := range s.Routes {
		reason := ""
		for _, t := range s.Targets {
			if t.Route != i {
				continue
			}
			if t.Well || now.Sub(t.Since) < atLeast {
				reason = ""
				break
			}
			reason = "no address of " + route.Prefix + " passes its health checks: " + t.Reason
		}
		if reason != "" {
			return reason
		}
	}
	return ""
}
