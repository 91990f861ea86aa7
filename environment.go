package understudy

import (
	"cmp"
	"time"
)

// Purpose is what an environment is for.
type Purpose string

// The purposes.
const (
	PurposeDevelopment Purpose = "development"
	PurposeQA          Purpose = "qa"
	PurposeStaging     Purpose = "staging"
	PurposeProduction  Purpose = "production"
	PurposePreview     Purpose = "preview"
)

// Environment is one running copy of the application with its own configuration,
// data and flags.
type Environment struct {
	Name    string  `json:"name"`
	Purpose Purpose `json:"purpose"`
	Listen  string  `json:"listen,omitempty"` // host:port of its front door
	Door    Door    `json:"door,omitzero"`
	TwinOf  string  `json:"twinOf,omitempty"` // the environment it is a twin of; then it is sealed
	Copying Copying `json:"copying,omitzero"` // of a twin: how its data comes
	// External production is run by other means: only read from, never started or switched.
	External bool              `json:"external,omitempty"`
	Release  string            `json:"release,omitempty"` // label of what an external one runs
	Env      map[string]string `json:"env,omitempty"`
	// Original are, in a twin, the plain values of what it is a twin of, below its own.
	Original map[string]string `json:"original,omitempty"`
	// Confidential are keys that are a secret in some other environment, and so here.
	Confidential map[string]bool              `json:"-"`
	Secrets      map[string]SecretRef         `json:"secrets,omitempty"`
	Databases    map[string]DatabasePlacement `json:"databases,omitempty"`
	// Volumes are the folders of volumes, by name; one that is not named is kept by
	// Understudy, as are all of a twin.
	Volumes map[string]string `json:"volumes,omitempty"`
	// FlagOrigins are origins of pages that may ask for flags from a browser.
	FlagOrigins []string `json:"flagOrigins,omitempty"`
	// Prepare runs in a twin after each reset, before anything else: test accounts
	// and the like. Commands run as tests do.
	Prepare []Test `json:"prepare,omitempty"`
}

// Sealed tells whether nothing that runs in the environment may reach the outside.
func (e Environment) Sealed() bool { return e.TwinOf != "" }

// SecretRef says where a secret is: "env:NAME", "file:PATH", "exec:COMMAND" or
// "sops:FILE#KEY". The value itself is read when a process is started and never kept.
type SecretRef string

// DatabasePlacement says where an environment's database is. An empty one is kept in
// a private cluster that Understudy runs.
type DatabasePlacement struct {
	URL SecretRef `json:"url,omitempty"` // a reference, as it holds a password
	// Replica is a standby of it that copies are read from instead.
	Replica SecretRef `json:"replica,omitempty"`
	// Port is where a private cluster listens on loopback; 0: chosen.
	Port int `json:"port,omitempty"`
	// Seed runs once, when a private database was made and is empty.
	Seed []string `json:"seed,omitempty"`
	// Settings are server settings of a private cluster; the twin takes production's.
	Settings map[string]string `json:"settings,omitempty"`
}

// Fingerprint is what an environment was found to be at one moment: what a verdict
// is bound to, and what promotion compares with what it finds.
type Fingerprint struct {
	Environment  string `json:"environment"`
	Release      Digest `json:"release,omitempty"`
	ReleaseLabel string `json:"releaseLabel,omitempty"`
	Config       string `json:"config"` // keyed digest of keys and values that it runs with
	// Configured is the same of what a release would be started with there now; empty: equal.
	Configured string            `json:"configured,omitempty"`
	Schemas    map[string]Digest `json:"schemas,omitempty"` // by database
	Servers    map[string]string `json:"servers,omitempty"` // by database: engine and version
	Flags      Digest            `json:"flags,omitempty"`   // declared and set
	FlagSet    FlagValues        `json:"flagSet,omitempty"` // what is set beside what is declared
	ObservedAt time.Time         `json:"observedAt"`
}

// Moved names the parts in which two fingerprints differ in a way that matters to
// evidence, in plain words; none means that evidence about a holds for b.
func (a Fingerprint) Moved(b Fingerprint) []string {
	var moved []string
	if a.Release != b.Release {
		moved = append(moved, "it runs release "+labelled(b)+", then it ran "+labelled(a))
	}
	if a.Config != b.Config {
		moved = append(moved, "its configuration has changed")
	}
	if a.Pending() != b.Pending() && (a.Config == b.Config || b.Configured != "") {
		moved = append(moved, "the configuration that a release would be started with there has changed")
	}
	moved = append(moved, differences("schema of database", a.Schemas, b.Schemas)...)
	moved = append(moved, differences("server of database", a.Servers, b.Servers)...)
	return append(moved, a.movedFlags(b)...)
}

// movedFlags says which flags are otherwise set. What is declared moves with the release.
func (a Fingerprint) movedFlags(b Fingerprint) []string {
	moved := a.FlagSet.Changes(b.FlagSet)
	if a.Flags != b.Flags && a.Release == b.Release && len(moved) == 0 {
		moved = append(moved, "its flags have changed")
	}
	return moved
}

// Pending is the keyed digest of the configuration that a release would be started with.
func (a Fingerprint) Pending() string { return cmp.Or(a.Configured, a.Config) }

// Reconfigures tells whether a start would bring another configuration than the one that runs.
func (a Fingerprint) Reconfigures() bool { return a.Pending() != a.Config }

func labelled(f Fingerprint) string {
	if f.ReleaseLabel != "" {
		return f.ReleaseLabel
	}
	if f.Release == "" {
		return "nothing"
	}
	return f.Release.Short()
}

func differences[V comparable](what string, a, b map[string]V) []string {
	var out []string
	for _, name := range sortedKeys(a, b) {
		before, had := a[name]
		after, has := b[name]
		switch {
		case !has:
			out = append(out, what+" "+name+" is gone")
		case !had:
			out = append(out, what+" "+name+" is new")
		case before != after:
			out = append(out, what+" "+name+" has changed")
		}
	}
	return out
}
