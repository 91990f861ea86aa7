package router

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"understudy"
)

// router is the table of fronts. Changes come one at a time (change); readers never wait
// for one that is being written to disk (look).
type router struct {
	config  Config
	shared  *shared
	started time.Time
	file    *stateFile
	lock    *os.File
	control net.Listener
	serving sync.WaitGroup // one for each listener
	// lifeline is open while this process lives and a new copy has taken over.
	lifeline net.Conn

	change      sync.Mutex
	moved       atomic.Bool     // a new copy serves; set under change
	ending      bool            // nothing may be changed any more; guarded by change
	handedOver  chan struct{}   // closed with moved
	predecessor <-chan struct{} // closed when the copy before this one has ended

	look     sync.Mutex
	fronts   map[string]*front
	problems []Problem
}

// problemsKept bounds the problems that State tells; older ones are in the log.
const problemsKept = 50

func newRouter(c Config, shared *shared) *router {
	none := make(chan struct{})
	close(none)
	r := &router{config: c, shared: shared, started: time.Now(), fronts: map[string]*front{}, predecessor: none,
		handedOver: make(chan struct{})}
	shared.tell = r.problem
	r.file = &stateFile{path: filepath.Join(c.State, "state.json"), warn: func(err error) { r.problem("", err.Error()) }}
	return r
}

// restore serves what the state file says, on inherited listeners where there are any.
func (r *router) restore(ctx context.Context, inherited map[string]net.Listener) error {
	records, problems, err := r.file.load()
	if err != nil {
		return err
	}
	for _, p := range problems {
		r.problem(p.Front, p.Text)
	}
	for _, rec := range records {
		f := newFront(r.shared)
		if err := f.adopt(rec); err != nil {
			return err
		}
		r.put(rec.Name, f)
		listener := inherited[rec.Name]
		if listener == nil {
			if listener, err = listen(ctx, rec.Front); err != nil {
				r.problem(rec.Name, err.Error())
				continue
			}
		}
		r.serve(f, listener)
	}
	return nil
}

// serve lets a front answer on a listener; stop and handOver end it.
func (r *router) serve(f *front, listener net.Listener) {
	f.mu.Lock()
	f.listener = listener
	name := f.record.Name
	f.mu.Unlock()
	r.serving.Go(func() {
		if err := f.serve(listener); err != nil {
			r.problem(name, "front "+name+" has stopped accepting: "+err.Error())
		}
	})
}

func (r *router) problem(front, text string) {
	r.shared.log.Error("problem", "front", front, "text", text)
	r.look.Lock()
	defer r.look.Unlock()
	r.problems = append(r.problems, Problem{At: time.Now(), Front: front, Text: text})
	r.problems = r.problems[max(0, len(r.problems)-problemsKept):]
}

func (r *router) put(name string, f *front) {
	r.look.Lock()
	defer r.look.Unlock()
	r.fronts[name] = f
}

func (r *router) find(name string) (*front, error) {
	r.look.Lock()
	defer r.look.Unlock()
	if f := r.fronts[name]; f != nil {
		return f, nil
	}
	return nil, understudy.Errorf(understudy.KindNotFound, "the router has no front %s", name).WithHint("open it first")
}

// all is every front, by name.
func (r *router) all() []*front {
	r.look.Lock()
	defer r.look.Unlock()
	var out []*front
	for _, f := range r.fronts {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *front) int { return cmp.Compare(a.settings.Load().name, b.settings.Load().name) })
	return out
}

// records is what is to be saved, with one front left out: its new form is put in its place.
func (r *router) records(but string) []record {
	var out []record
	for _, f := range r.all() {
		f.mu.Lock()
		if f.record.Name != but {
			out = append(out, f.record)
		}
		f.mu.Unlock()
	}
	return out
}

// errMoved tells a client that its call belongs to the copy that took over.
var errMoved = errors.New("the router was replaced by a new copy of itself")

// begin starts a change. Whoever gets no error must end it with r.change.Unlock.
func (r *router) begin() error {
	r.change.Lock()
	switch {
	case r.moved.Load():
		r.change.Unlock()
		return errMoved
	case r.ending:
		r.change.Unlock()
		return understudy.Errorf(understudy.KindUnavailable, "the router is ending").WithHint("start it again with: understudy router")
	}
	return nil
}

// edit changes one front: its record first, then the file, then what is served.
func (r *router) edit(name string, change func(*record) error) error {
	if err := r.begin(); err != nil {
		return err
	}
	defer r.change.Unlock()
	f, err := r.find(name)
	if err != nil {
		return err
	}
	f.mu.Lock()
	old := f.record
	f.mu.Unlock()
	fresh := old.clone()
	if err := change(&fresh); err != nil {
		return err
	}
	if same(old, fresh) {
		return f.adopt(fresh)
	}
	if err := r.file.save(append(r.records(name), fresh)); err != nil {
		return err
	}
	return f.adopt(fresh)
}

func same(a, b record) bool {
	left, errLeft := json.Marshal(a)
	right, errRight := json.Marshal(b)
	return errLeft == nil && errRight == nil && string(left) == string(right)
}

// open makes a front, or changes the wishes of one that is there.
func (r *router) open(ctx context.Context, want Front) error {
	if err := want.validate(); err != nil {
		return err
	}
	if have, err := r.find(want.Name); err == nil {
		return r.reopen(ctx, have, want)
	}
	if err := r.begin(); err != nil {
		return err
	}
	defer r.change.Unlock()
	listener, err := listen(ctx, want)
	if err != nil {
		return r.nameHolder(err, want)
	}
	want.Listen = listener.Addr().String()
	rec := record{Front: want}
	f := newFront(r.shared)
	r.file.forget(want.Name)
	if err := errors.Join(r.file.save(append(r.records(want.Name), rec)), f.adopt(rec)); err != nil {
		return errors.Join(err, listener.Close())
	}
	r.put(want.Name, f)
	r.serve(f, listener)
	return nil
}

// reopen takes new wishes, and opens the port of a front that could not have it before.
func (r *router) reopen(ctx context.Context, f *front, want Front) error {
	err := r.edit(want.Name, func(rec *record) error {
		if !sameListen(rec.Listen, want.Listen) {
			return understudy.Errorf(understudy.KindConflict, "front %s listens on %s, not on %s", rec.Name, rec.Listen, want.Listen).
				WithHint("close it first")
		}
		want.Listen = rec.Listen
		rec.Front = want
		return nil
	})
	if err != nil {
		return err
	}
	if err := r.begin(); err != nil {
		return err
	}
	defer r.change.Unlock()
	if f.open() {
		return nil
	}
	listener, err := listen(ctx, want)
	if err != nil {
		return r.nameHolder(err, want)
	}
	r.serve(f, listener)
	return nil
}

// sameListen tells whether a wish is met by what there is; port 0 is met by any.
func sameListen(have, want string) bool {
	haveHost, _, _ := net.SplitHostPort(have)
	wantHost, wantPort, _ := net.SplitHostPort(want)
	return have == want || (wantPort == "0" && haveHost == wantHost)
}

// nameHolder says which front has the port, where it is one of ours.
func (r *router) nameHolder(err error, want Front) error {
	for _, s := range r.state().Fronts {
		if s.Name != want.Name && s.Open && s.Listen == want.Listen {
			return understudy.Errorf(understudy.KindConflict, "opening front %s: %s is taken by front %s", want.Name, want.Listen, s.Name).
				WithHint("give it another port, or close %s", s.Name)
		}
	}
	return err
}

// closeFront ends a front; it is done when its last request has ended.
func (r *router) closeFront(name string) error {
	f, err := r.forget(name)
	if err != nil || f == nil {
		return err
	}
	return f.close(0, afterCut)
}

func (r *router) forget(name string) (*front, error) {
	if err := r.begin(); err != nil {
		return nil, err
	}
	defer r.change.Unlock()
	r.file.forget(name)
	if err := r.file.save(r.records(name)); err != nil {
		return nil, err
	}
	r.look.Lock()
	defer r.look.Unlock()
	f := r.fronts[name]
	delete(r.fronts, name)
	return f, nil
}

func (r *router) state() State {
	now := time.Now()
	s := State{PID: os.Getpid(), Started: r.started}
	for _, f := range r.all() {
		s.Fronts = append(s.Fronts, f.state(now))
	}
	r.look.Lock()
	defer r.look.Unlock()
	s.Problems = slices.Clone(r.problems)
	return s
}

// stop ends all fronts at once.
func (r *router) stop(linger time.Duration) error {
	fronts := r.all()
	results := make(chan error, len(fronts))
	for _, f := range fronts {
		go func() { results <- f.close(linger, r.config.Drain) }()
	}
	var failed error
	for range fronts {
		failed = errors.Join(failed, <-results)
	}
	return failed
}
