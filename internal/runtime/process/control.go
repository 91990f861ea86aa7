package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"understudy"
)

// control answers requests of the runtime over Run/<id>/control.sock, which only the
// owner of the state directory can open:
//
//	GET  /taken   when the specification was taken, or the refusal
//	GET  /status  what is known of the programs
//	GET  /ready   when every program is healthy, or what went wrong
//	POST /stop    when every program is gone
//	POST /hold    when the programs that are named do not run
//	POST /let     when those that are named were told to run
//	POST /exec    becomes a stream of frames (exec.go)
//	GET  /flags   what is served of feature flags, and what was read
//	POST /flags   when others are in force
type control struct {
	*supervisor
	ctx   context.Context // of the deployment: commands end with it
	execs sync.WaitGroup
}

// listen opens the control socket. The returned function serves until its context ends.
func (s *supervisor) listen(ctx context.Context) (serve func(context.Context), err error) {
	path := filepath.Join(s.folder, "control.sock")
	if err := removeIfThere(path); err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "clearing %s: %w", path, err)
	}
	usable, release, err := socketAt(path)
	if err != nil {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: usable, Net: "unix"})
	if err = errors.Join(err, release()); err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "listening on %s: %w", path, err)
	}
	listener.SetUnlinkOnClose(false) // leave removes it, by its real path
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	c := &control{supervisor: s, ctx: ctx}
	server := &http.Server{Handler: c.routes(), ReadHeaderTimeout: 5 * time.Second}
	return func(end context.Context) {
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		<-end.Done()
		c.execs.Wait()
		bounded, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := server.Shutdown(bounded); err != nil {
			_ = server.Close() // somebody does not hang up: their connection is cut
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintf(os.Stderr, "deployment %s: its control socket broke: %v\n", s.spec.ID, err)
		}
	}, nil
}

func (c *control) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /taken", c.serveTaken)
	mux.HandleFunc("GET /status", c.serveStatus)
	mux.HandleFunc("GET /ready", c.serveReady)
	mux.HandleFunc("POST /stop", c.serveStop)
	mux.HandleFunc("POST /hold", c.serveHold)
	mux.HandleFunc("POST /let", c.serveLet)
	mux.HandleFunc("POST /exec", c.serveExec)
	mux.HandleFunc("GET /flags", c.serveLookAtFlags)
	mux.HandleFunc("POST /flags", c.serveSetFlags)
	return mux
}

// answer is the body of every reply: what was asked for, or an error.
type answer struct {
	Status *Status           `json:"status,omitempty"`
	Moved  []string          `json:"moved,omitempty"` // programs that were held, or let
	Flags  json.RawMessage   `json:"flags,omitempty"` // of who serves them
	Error  *understudy.Error `json:"error,omitempty"`
}

func reply(w http.ResponseWriter, status *Status, err error) {
	encode(w, answer{Status: status, Error: portable(err)})
}

func encode(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	if encodeErr := json.NewEncoder(w).Encode(a); encodeErr != nil {
		return // who asked has hung up: nobody is left to tell
	}
}

// portable is an error in the form that crosses a socket.
func portable(err error) *understudy.Error {
	if err == nil {
		return nil
	}
	return &understudy.Error{Kind: understudy.KindOf(err), Message: err.Error(), Hint: understudy.HintOf(err)}
}

func (c *control) serveTaken(w http.ResponseWriter, r *http.Request) {
	select {
	case <-c.taken:
		reply(w, nil, c.takenErr)
		if c.takenErr != nil {
			c.tellOnce()
		}
	case <-r.Context().Done():
	}
}

func (c *control) tellOnce() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.told:
	default:
		close(c.told)
	}
}

func (c *control) serveStatus(w http.ResponseWriter, r *http.Request) {
	status := &Status{ID: c.spec.ID, Environment: c.spec.Environment, Label: c.spec.Label,
		Supervisor: os.Getpid(), Sealed: c.spec.Seal != nil}
	select {
	case <-c.taken:
		for _, p := range c.programs {
			status.Programs = append(status.Programs, p.look())
		}
		status.CPU, status.Memory = c.usage.look()
		reply(w, status, c.takenErr)
	default:
		for _, p := range c.spec.Programs {
			status.Programs = append(status.Programs, ProgramStatus{Name: p.Name, State: StateStarting, Since: c.record.Since})
		}
		reply(w, status, nil)
	}
}

func (c *control) serveReady(w http.ResponseWriter, r *http.Request) {
	for {
		changed := c.changes.wait()
		if done, err := c.settled(); done || err != nil {
			reply(w, nil, err)
			return
		}
		select {
		case <-changed:
		case <-c.gone:
			reply(w, nil, understudy.Errorf(understudy.KindNotFound, "deployment %s was stopped", c.spec.ID))
			return
		case <-r.Context().Done():
			return
		}
	}
}

// settled tells whether every program is healthy, or what one of them did instead.
func (s *supervisor) settled() (bool, error) {
	select {
	case <-s.taken:
	default:
		return false, nil
	}
	if s.takenErr != nil {
		return false, s.takenErr
	}
	all := true
	for _, p := range s.programs {
		done, err := p.settled()
		if err != nil {
			return false, err
		}
		all = all && done
	}
	return all, nil
}

func (c *control) serveStop(w http.ResponseWriter, r *http.Request) {
	c.stop()
	select {
	case <-c.gone:
		reply(w, nil, nil)
	case <-r.Context().Done():
	}
}
