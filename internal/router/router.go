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

// matter is what a problem is about: of each matter of a front there is one at most.
type matter string

const (
	aboutControl matter = "the control socket"
	aboutCopy    matter = "the copy of the state"
	aboutPort    matter = "the port"
	aboutSecond  matter = "the second port"
)

func newRouter(c Config, shared *shared) *router {
	none := make(chan struct{})
	close(none)
	r := &router{config: c, shared: shared, started: time.Now(), fronts: map[string]*front{}, predecessor: none,
		handedOver: make(chan struct{})}
	shared.tell = r.problem
	shared.over = r.over
	r.file = &stateFile{path: filepath.Join(c.State, "state.json"), warn: r.warn}
	return r
}

// restore serves what the state file says, on inherited listeners where there are any.
func (r *router) restore(ctx context.Context, inherited map[string]net.Listener) error {
	records, problems, err := r.file.load()
	if err != nil {
		return err
	}
	for _, p := range problems {
		p.about = matter(p.Text)
		r.problem(p)
	}
	if !exists(r.file.path) && len(records)+len(problems) > 0 { // the copy was read, and is the only one left
		if err := r.file.save(slices.Clone(records)); err != nil {
			r.file.warned = true // until a change is saved
			r.warn(err)
		}
	}
	for _, rec := range records {
		f := newFront(r.shared)
		if err := f.adopt(rec); err != nil {
			return err
		}
		r.put(rec.Name, f)
		listener := inherited[rec.Name]
		if listener == nil {
			if listener, err = listen(ctx, rec.Name, rec.Listen); err != nil {
				r.problem(Problem{Front: rec.Name, about: aboutPort, Text: err.Error()})
				continue
			}
		}
		r.serve(f, listener)
		if err := r.openRedirect(ctx, f, rec.Front, inherited[redirectOf(rec.Name)]); err != nil {
			r.problem(Problem{Front: rec.Name, about: aboutSecond, Text: err.Error()})
		}
	}
	return nil
}

// serve lets a front answer on a listener; stop and handOver end it.
func (r *router) serve(f *front, listener net.Listener) {
	f.mu.Lock()
	f.listener = listener
	f.mu.Unlock()
	r.let(f, f.doors[0], listener)
}

// let has a doorway of a front take the connections of a listener.
func (r *router) let(f *front, door *doorway, listener net.Listener) {
	name := f.settings.Load().name
	r.serving.Go(func() {
		if err := door.run(listener); err != nil {
			r.problem(Problem{Front: name, about: aboutPort, Text: "front " + name + " has stopped accepting: " + err.Error()})
		}
	})
}

// redirectOf names a front's second listener in a hand-over; no front can be called so.
func redirectOf(front string) string { return front + "/redirect" }

// openRedirect sees that a front has the second listener that it wishes for, and no other.
func (r *router) openRedirect(ctx context.Context, f *front, want Front, inherited net.Listener) error {
	f.mu.Lock()
	have, at := f.redirects, f.redirectAt
	if at != want.Redirect {
		f.redirects, f.redirectAt = nil, ""
	}
	f.mu.Unlock()
	if have != nil && at == want.Redirect {
		return nil
	}
	if want.Redirect == "" {
		return closeAll(have, inherited)
	}
	if err := closeAll(have); err != nil {
		return err
	}
	if inherited == nil {
		var err error
		if inherited, err = listen(ctx, want.Name, want.Redirect); err != nil {
			return err
		}
	}
	r.serveRedirect(f, inherited)
	return nil
}

// serveRedirect lets a front answer on its second listener.
func (r *router) serveRedirect(f *front, listener net.Listener) {
	second := &doorway{front: f, handler: redirect{f}, plain: true}
	f.mu.Lock()
	f.redirects, f.redirectAt = listener, f.record.Redirect
	f.doors = append(f.doors, second)
	f.mu.Unlock()
	r.let(f, second, listener)
}

// problem tells of something, in place of what was told of the same matter.
func (r *router) problem(p Problem) {
	r.shared.log.Error("problem", "front", p.Front, "text", p.Text)
	r.over(p)
	r.look.Lock()
	defer r.look.Unlock()
	p.At = time.Now()
	r.problems = append(r.problems, p)
	r.problems = r.problems[max(0, len(r.problems)-problemsKept):]
}

// over ends what was told of a problem's matter.
func (r *router) over(was Problem) {
	r.settled(func(p Problem) bool {
		return p.Front == was.Front && p.Deployment == was.Deployment && p.about == was.about
	})
}

// settled ends the problems that are none any more.
func (r *router) settled(is func(Problem) bool) {
	r.look.Lock()
	defer r.look.Unlock()
	r.problems = slices.DeleteFunc(r.problems, is)
}

// warn tells of a change that was saved less safely than it should be; nil: the last one was not.
func (r *router) warn(err error) {
	p := Problem{about: aboutCopy}
	if err == nil {
		r.over(p)
		return
	}
	p.Text = err.Error()
	r.problem(p)
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
	if err := errors.Join(want.validate(), checkPair(r.config.State, want)); err != nil {
		return err
	}
	if have, err := r.find(want.Name); err == nil {
		return r.reopen(ctx, have, want)
	}
	if err := r.begin(); err != nil {
		return err
	}
	defer r.change.Unlock()
	listener, second, err := r.listenBoth(ctx, want)
	if err != nil {
		return err
	}
	want.Listen = asListened(want.Listen, listener)
	want.Redirect = asListened(want.Redirect, second)
	rec := record{Front: want}
	f := newFront(r.shared)
	r.file.forget(want.Name)
	if err := errors.Join(r.file.save(append(r.records(want.Name), rec)), f.adopt(rec)); err != nil {
		f.closeKeys()
		return errors.Join(err, closeAll(listener, second))
	}
	r.settled(func(p Problem) bool { return p.Front == want.Name }) // of the record that it replaces
	r.put(want.Name, f)
	r.serve(f, listener)
	if second != nil {
		r.serveRedirect(f, second)
	}
	return nil
}

// listenBoth opens the ports of a front, or none.
func (r *router) listenBoth(ctx context.Context, want Front) (listener, second net.Listener, err error) {
	if listener, err = listen(ctx, want.Name, want.Listen); err != nil {
		return nil, nil, r.nameHolder(err, want)
	}
	if want.Redirect == "" {
		return listener, nil, nil
	}
	if second, err = listen(ctx, want.Name, want.Redirect); err != nil {
		return nil, nil, errors.Join(err, listener.Close())
	}
	return listener, second, nil
}

func closeAll(listeners ...net.Listener) error {
	var failed error
	for _, l := range listeners {
		if l != nil {
			failed = errors.Join(failed, l.Close())
		}
	}
	return failed
}

// asListened is a wish with the port that was found, where it asked for any.
func asListened(wish string, listener net.Listener) string {
	if _, port, err := net.SplitHostPort(wish); err == nil && port == "0" {
		return listener.Addr().String()
	}
	return wish
}

// reopen takes new wishes, and opens the port of a front that could not have it before.
func (r *router) reopen(ctx context.Context, f *front, want Front) error {
	err := r.edit(want.Name, func(rec *record) error {
		if !sameListen(rec.Listen, want.Listen) {
			return understudy.Errorf(understudy.KindConflict, "front %s listens on %s, not on %s", rec.Name, rec.Listen, want.Listen).
				WithHint("close it first")
		}
		want.Listen = rec.Listen
		if want.Redirect != "" && sameListen(rec.Redirect, want.Redirect) {
			want.Redirect = rec.Redirect
		}
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
	if !f.open() {
		listener, err := listen(ctx, want.Name, want.Listen)
		if err != nil {
			return r.nameHolder(err, want)
		}
		r.over(Problem{Front: want.Name, about: aboutPort})
		r.serve(f, listener)
	}
	if err := r.openRedirect(ctx, f, want, nil); err != nil {
		return err
	}
	r.over(Problem{Front: want.Name, about: aboutSecond})
	return nil
}

// sameListen tells whether a wish is met by what there is; port 0 is met by any.
func sameListen(have, want string) bool {
	haveHost, havePort, _ := net.SplitHostPort(have)
	wantHost, wantPort, _ := net.SplitHostPort(want)
	return sameHost(haveHost, wantHost) && (havePort == wantPort || wantPort == "0")
}

// sameHost knows the two ways to write every address, and this machine.
func sameHost(a, b string) bool {
	plain := func(host string) string {
		switch host {
		case "::":
			return ""
		case "localhost":
			return "127.0.0.1"
		}
		return host
	}
	return plain(a) == plain(b)
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
	return errors.Join(f.close(0, afterCut), forgetPair(r.config.State, name))
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
	r.settled(func(p Problem) bool { return p.Front == name })
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
