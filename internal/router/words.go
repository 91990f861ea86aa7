package router

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"understudy"
)

// Front is one front door: where an environment is reached.
type Front struct {
	Name string `json:"name"`
	// Listen is host:port over TCP. Port 0 takes a free one, which State then tells and
	// which a restart takes again.
	Listen string `json:"listen"`
	// Mark says that this is not production: every answer names its release in
	// X-Understudy-Release and asks not to be indexed.
	Mark bool `json:"mark,omitempty"`
	// Gate, where set, lets nobody in without its token.
	Gate *Gate `json:"gate,omitempty"`
	// Trusted are the peers (address or CIDR) whose X-Forwarded-* and X-Request-Id are
	// believed. Of any other peer they are dropped and set afresh.
	Trusted []string `json:"trusted,omitempty"`
	// Queue is how many requests may wait during a pause; 0: DefaultQueue.
	Queue int `json:"queue,omitempty"`

	// TLS, where set, makes Listen speak TLS; certificates by ACME are for the hosts that
	// the routes of its slots name.
	TLS *understudy.TLS `json:"tls,omitempty"`
	// Redirect is host:port of a listener that sends http to https.
	Redirect string `json:"redirect,omitempty"`
	// ProxyFrom are the peers (address or CIDR) that begin every connection with a PROXY
	// header, of version 1 or 2. Of any other peer such a header is a malformed request.
	ProxyFrom []string          `json:"proxyFrom,omitempty"`
	Limits    understudy.Limits `json:"limits,omitzero"`
	// Sticky is a header whose value keeps a client on its side; where it is missing the
	// cookie does.
	Sticky string `json:"sticky,omitempty"`
	// Testers, where set, are those who bring this token: they may choose a release.
	Testers *Gate `json:"testers,omitempty"`
	// Probes are paths that are answered during maintenance and pauses too, for whoever
	// balances the load among several machines.
	Probes []string `json:"probes,omitempty"`
}

// DefaultQueue is how many requests wait during a pause where the front says nothing.
const DefaultQueue = 1000

// Gate keeps everybody out who does not bring a token: as a cookie, which the sign-in
// page sets, or as Authorization: Bearer. Only the token's hash is known here, so the
// token must be long and random.
type Gate struct {
	TokenSHA256 string `json:"tokenSHA256"` // 64 lower-case hexadecimal digits
}

// GateFor is the gate that a token opens.
func GateFor(token string) *Gate {
	sum := sha256.Sum256([]byte(token))
	return &Gate{TokenSHA256: hex.EncodeToString(sum[:])}
}

// Slot is a deployment's place behind a front. It serves nothing until Split gives it
// a share.
type Slot struct {
	Deployment string  `json:"deployment"`
	Release    string  `json:"release"` // label
	Routes     []Route `json:"routes"`
}

// Route sends the paths below a prefix to the addresses of a service, each request to
// one of them. A route that names the host beats one with a wildcard, and that one without
// a host; then the longest prefix wins. A prefix ends at a path segment, so /api does not
// match /apiary.
type Route struct {
	Host      string              `json:"host,omitempty"` // "shop.example.com", "*.example.com"; empty: every one
	Prefix    string              `json:"prefix"`         // "/" matches everything
	Addresses []string            `json:"addresses"`      // "tcp:127.0.0.1:9001" or "unix:/run/web.sock"; one for each instance
	Protocol  understudy.Protocol `json:"protocol,omitempty"`
	// Health is how each address is looked at, for as long as it is there. Without a path,
	// accepting a connection is enough; without an interval, it is looked at every
	// DefaultLook.
	Health understudy.Health `json:"health,omitzero"`
}

// Share is a deployment's part of a front's requests.
type Share struct {
	Deployment string `json:"deployment"`
	Percent    int    `json:"percent"`
}

// Drained is what a drain had to cut short.
type Drained struct {
	Cancelled int `json:"cancelled"` // requests still running at the limit
	Closed    int `json:"closed"`    // upgraded connections and event streams, closed one by one
}

// State is everything that the router knows, for people and status pages.
type State struct {
	PID      int          `json:"pid"`
	Started  time.Time    `json:"started"`
	Fronts   []FrontState `json:"fronts"` // by name
	Problems []Problem    `json:"problems,omitempty"`
}

// FrontState is one front as it is now.
type FrontState struct {
	Front
	Open        bool        `json:"open"` // it has its port
	Slots       []SlotState `json:"slots,omitempty"`
	Shares      []Share     `json:"shares,omitempty"`
	PausedUntil time.Time   `json:"pausedUntil,omitzero"` // past it, requests are refused until Resume
	Waiting     int         `json:"waiting,omitempty"`    // requests held by the pause
	// Waited is the longest that a request which has been let go waited in the latest pause.
	Waited time.Duration `json:"waited,omitempty"`

	Maintenance  *Maintenance             `json:"maintenance,omitempty"`
	Certificates []understudy.Certificate `json:"certificates,omitempty"`
	RedirectOpen bool                     `json:"redirectOpen,omitempty"`
	Connections  int                      `json:"connections"`
	Idle         int                      `json:"idle"`              // of them, that wait for a request
	Refused      int64                    `json:"refused,omitempty"` // connections beyond a limit
	Since        time.Time                `json:"since"`             // since when the figures count
}

// SlotState is one slot as it is now.
type SlotState struct {
	Slot
	Running    int               `json:"running"` // requests being answered
	Lasting    int               `json:"lasting"` // upgraded connections and event streams
	Draining   bool              `json:"draining,omitempty"`
	RefusedFor time.Duration     `json:"refusedFor,omitempty"` // since when a target has refused every connection
	Targets    []TargetState     `json:"targets,omitempty"`
	Retries    Retries           `json:"retries,omitzero"`
	Served     understudy.Served `json:"served"`
}

// Problem is something that went wrong by itself and that somebody should see, as long as it
// is so.
type Problem struct {
	At         time.Time `json:"at"`
	Front      string    `json:"front,omitempty"`      // empty: of the router itself
	Deployment string    `json:"deployment,omitempty"` // whose health it is; its slot tells of that too
	Text       string    `json:"text"`

	about matter
}
