package supervisor

import (
	"context"
	"encoding/json"
	"net"
	"sync"

	"understudy"
	"understudy/internal/featureflag"
	"understudy/internal/runtime/process"
)

// FlagSet is what a deployment is to serve of feature flags: what its release declares, and
// what its environment sets beside that. Version grows with each change.
type FlagSet struct {
	Version    int64                 `json:"version"`
	Definition json.RawMessage       `json:"definition"`
	Set        understudy.FlagValues `json:"set,omitempty"`
}

// FlagOrder is what a deployment begins with: Token is what its programs bring, and Origins
// are those of pages that may ask from a browser.
type FlagOrder struct {
	Token   string   `json:"token"`
	Origins []string `json:"origins,omitempty"`
	FlagSet
}

// FlagsServed is what a deployment serves, and what was read since it began.
type FlagsServed struct {
	Version int64                  `json:"version"`
	Digest  understudy.Digest      `json:"digest"`
	Reads   []featureflag.KeyReads `json:"reads,omitempty"`
	Bulk    int                    `json:"bulk,omitempty"` // how often all flags were read at once
}

// flags serves the flags of one deployment from memory: nobody who dies outside changes what
// it answers.
type flags struct {
	env   []string
	live  *featureflag.Live
	reads featureflag.Reads
	end   context.CancelFunc
	ended chan error

	mu      sync.Mutex
	version int64
}

// serveFlags begins to answer OFREP on a listener.
func serveFlags(listener net.Listener, raw json.RawMessage) (process.FlagServer, error) {
	var order FlagOrder
	if err := decode(raw, &order); err != nil {
		return nil, err
	}
	set, err := order.effective()
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	f := &flags{live: featureflag.NewLive(set), version: order.Version, end: end, ended: make(chan error, 1)}
	f.env = []string{"OFREP_ENDPOINT=http://" + listener.Addr().String(), "OFREP_HEADERS=Authorization=Bearer " + order.Token}
	handler := featureflag.NewHandler(f.live, order.Token, &f.reads, order.Origins...)
	go func() { f.ended <- featureflag.Serve(ctx, listener, handler) }()
	return f, nil
}

// decode reads an order whole, or says that it is none; never what it holds. What a newer
// daemon adds is passed over: it must be able to turn a flag off.
func decode(raw json.RawMessage, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return understudy.Errorf(understudy.KindInvalid, "reading which flags to serve: expected one whole order")
	}
	return nil
}

// effective is what is declared, with what is set.
func (s FlagSet) effective() (*featureflag.Set, error) {
	set, err := featureflag.Parse(s.Definition)
	if err != nil {
		return nil, err
	}
	overrides := map[string]featureflag.Override{}
	for key, variant := range s.Set {
		overrides[key] = featureflag.Override{Variant: variant}
	}
	return set.With(overrides)
}

// Env is how the standard says that clients find it (OpenFeature's ADR-0007 on OFREP).
func (f *flags) Env() []string { return f.env }

// Set puts another set in force. One that is older than what is served changes nothing: who
// sends it has been overtaken.
func (f *flags) Set(raw json.RawMessage) (json.RawMessage, error) {
	var order FlagSet
	if err := decode(raw, &order); err != nil {
		return nil, err
	}
	set, err := order.effective()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	if order.Version >= f.version {
		f.live.Replace(set)
		f.version = order.Version
	}
	f.mu.Unlock()
	return f.Look()
}

// Look says what is served, and what was read.
func (f *flags) Look() (json.RawMessage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys, bulk := f.reads.All()
	return json.Marshal(FlagsServed{Version: f.version, Digest: f.live.Set().Digest(), Reads: keys, Bulk: bulk})
}

// Close ends the service, once the programs have ended.
func (f *flags) Close() error {
	f.end()
	return <-f.ended
}
