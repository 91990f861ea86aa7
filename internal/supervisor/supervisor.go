// Package supervisor is where a process deployment and its seal meet: the body of
// `understudy supervise`, which closes the seal from within before any program starts and
// serves feature flags there, and the canaries that are run inside to prove it.
package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"

	"understudy"
	"understudy/internal/runtime/process"
	"understudy/internal/seal"
)

// Run is the main of `understudy supervise`. It reads one order from in and returns when
// the deployment is over. It must have the process to itself.
func Run(ctx context.Context, in io.Reader) error {
	return process.Supervise(ctx, in, process.Hooks{Seal: closeSeal, Flags: serveFlags})
}

// closeSeal enters the seal that a deployment's specification describes. Publications
// come from the deployment; those of the seal's own specification are kept.
func closeSeal(ctx context.Context, raw json.RawMessage, publish map[string]string) (process.Sealed, error) {
	var spec seal.Spec
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&spec); err != nil {
		return process.Sealed{}, understudy.Errorf(understudy.KindInvalid, "sealing: reading the seal's specification: %v", err)
	}
	for _, path := range slices.Sorted(maps.Keys(publish)) {
		spec.Publish = append(spec.Publish, seal.Forward{Listen: "unix:" + path, To: publish[path]})
	}
	inside, err := seal.Enter(ctx, spec)
	if err != nil {
		return process.Sealed{}, err
	}
	return process.Sealed{Env: inside.Env(), Stop: inside.Close}, nil
}

// Probe is the main of a command that is run inside a deployment: it sends the canaries
// and writes what leaked to out, as a JSON list that is empty when nothing did.
func Probe(ctx context.Context, out io.Writer) error {
	leaks := seal.Probe(ctx)
	if leaks == nil {
		leaks = []seal.Leak{}
	}
	return json.NewEncoder(out).Encode(leaks)
}
