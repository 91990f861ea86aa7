package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"

	"understudy"
	"understudy/internal/loopback"
)

// Hooks are what a supervisor does for its deployment without knowing how. One may be nil
// where no deployment asks for it.
type Hooks struct {
	Seal  Hook
	Flags FlagHook
}

// FlagHook serves feature flags to the programs of a deployment over a listener of its own,
// inside their seal, from before the first of them starts until Close. What it is handed is
// for it alone to read.
type FlagHook func(listener net.Listener, order json.RawMessage) (FlagServer, error)

// FlagServer is feature flags being served.
type FlagServer interface {
	Env() []string                                      // how programs and commands find it; what one sets itself stays
	Set(order json.RawMessage) (json.RawMessage, error) // in force when it returns; with an error, nothing has changed
	Look() (json.RawMessage, error)                     // what is served, and what was read of it
	Close() error
}

// serveFlags begins to serve the flags of a deployment that has some.
func (s *supervisor) serveFlags(hook FlagHook) error {
	if s.spec.Flags == nil {
		return nil
	}
	if hook == nil {
		return understudy.Errorf(understudy.KindInternal, "deployment %s has flags, but this supervisor cannot serve any", s.spec.ID)
	}
	listener, err := s.listenBeside()
	if err != nil {
		return err
	}
	if s.flags, err = hook(listener, s.spec.Flags); err != nil {
		return errors.Join(err, listener.Close())
	}
	s.extra = append(s.extra, s.flags.Env()...)
	return nil
}

// listenBeside listens on a loopback port that none of the programs is to listen on.
func (s *supervisor) listenBeside() (net.Listener, error) {
	for range 200 {
		port, err := loopback.FreePort()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(s.spec.Programs, func(p Program) bool { return p.Port == port }) {
			continue
		}
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if !errors.Is(err, syscall.EADDRINUSE) { // somebody was faster
			return listener, err
		}
	}
	return nil, understudy.Errorf(understudy.KindUnavailable, "deployment %s: no loopback port is free to serve its flags on", s.spec.ID)
}

// maxFlags is the most that an order for flags may have.
const maxFlags = 16 << 20

func (c *control) serveLookAtFlags(w http.ResponseWriter, r *http.Request) {
	c.aboutFlags(w, r, func(f FlagServer) (json.RawMessage, error) { return f.Look() })
}

func (c *control) serveSetFlags(w http.ResponseWriter, r *http.Request) {
	order, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFlags))
	if err != nil { // cut off half way: nothing has changed
		reply(w, nil, understudy.Errorf(understudy.KindInvalid, "setting flags of deployment %s: reading them: %v", c.spec.ID, err))
		return
	}
	c.aboutFlags(w, r, func(f FlagServer) (json.RawMessage, error) { return f.Set(order) })
}

// aboutFlags asks who serves the flags, once they are served.
func (c *control) aboutFlags(w http.ResponseWriter, r *http.Request, ask func(FlagServer) (json.RawMessage, error)) {
	select {
	case <-c.taken:
	case <-r.Context().Done():
		return
	}
	switch {
	case c.takenErr != nil:
		reply(w, nil, c.takenErr)
	case c.flags == nil:
		reply(w, nil, understudy.Errorf(understudy.KindNotFound, "deployment %s has no flags", c.spec.ID))
	default:
		said, err := ask(c.flags)
		encode(w, answer{Flags: said, Error: portable(err)})
	}
}

// SetFlags hands an order to who serves a deployment's flags, and gives its answer. They are
// in force when it returns without an error.
func (r *Runtime) SetFlags(ctx context.Context, id string, order json.RawMessage) (json.RawMessage, error) {
	return r.flags(ctx, id, http.MethodPost, order)
}

// Flags is what is served to a deployment, and what was read of it, as who serves it says.
func (r *Runtime) Flags(ctx context.Context, id string) (json.RawMessage, error) {
	return r.flags(ctx, id, http.MethodGet, nil)
}

func (r *Runtime) flags(ctx context.Context, id, method string, body []byte) (json.RawMessage, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	a, err := r.exchange(ctx, id, method, "/flags", body)
	if isSilence(err) {
		err = r.explainSilence(ctx, id, err)
	}
	return a.Flags, err
}
