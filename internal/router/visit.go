package router

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// gaveUpAfter is how long a client must have waited for its leaving to count as the
// release's error: one that leaves earlier changed its mind.
const gaveUpAfter = time.Second

// statusClientGone is what the access log writes, as nginx does, for a client that left.
const statusClientGone = 499

// visit is one request on its way through a front.
type visit struct {
	front      *front
	settings   *settings
	answer     *answer
	request    *http.Request
	id         string
	host       string       // that the request asks for
	guest      *guest       // the connection
	trusted    bool         // the direct peer's word on the client is taken
	tester     bool         // it brought the token of testers
	chosen     string       // release that a tester chose
	choice     *http.Cookie // that keeps the choice; nil: none
	closure    *closure     // why it was turned away
	last       bool         // the connection is to be closed after it
	byBearer   bool         // the gate was opened by Authorization, which is then not for the application
	claim      *claim
	target     *target        // whom the request was sent to; nil: nobody yet
	wait       waiting        // of the target for the request, then of the request for the target
	blamed     bool           // that it failed was counted as the target's fault
	call       *http.Response // of gRPC: its trailers say at the end how it ended
	point      int
	remember   bool // tell the client its point
	lasting    bool
	failed     bool                  // by the release
	bodyErr    atomic.Pointer[error] // what reading the request ended with; set by the transport
	startedAt  time.Time
	claimedAt  time.Time
	answeredAt time.Time
}

type visitKey struct{}

func visitOf(ctx context.Context) *visit { return ctx.Value(visitKey{}).(*visit) }

// ServeHTTP takes one request through the gate and the pause to its target.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := f.receive(w, r)
	finished := false
	defer func() { f.finish(v, finished) }()
	ctx, cancel := context.WithCancelCause(context.WithValue(r.Context(), visitKey{}, v))
	defer cancel(nil)
	v.welcomeTester()
	if v.misdirected() || v.tooLarge() || v.refusedAtGate() {
		finished = true
		return
	}
	claim := &claim{cancel: cancel, answer: v.answer.control}
	point, known := side(r, v.settings.sticky)
	v.point = point
	split, err := f.claim(ctx, claim, v)
	if err != nil {
		v.turnAway(err)
		finished = true
		return
	}
	v.claim, v.claimedAt, v.remember = claim, time.Now(), split && !known && v.chosen == ""
	v.pass(ctx)
	finished = true
}

var requestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (f *front) receive(w http.ResponseWriter, r *http.Request) *visit {
	now := time.Now()
	v := &visit{front: f, settings: f.settings.Load(), request: r, host: hostOf(r.Host), guest: guestIn(r.Context()), startedAt: now}
	v.answer = newAnswer(w, r, v.settings.limits.Stall, now)
	v.trusted = v.settings.trusts(r)
	v.last = v.guest != nil && v.guest.requests.Add(1) >= int64(v.settings.limits.Requests)
	if told := r.Header.Get("X-Request-Id"); v.trusted && requestID.MatchString(told) {
		v.id = told
	} else {
		v.id = rand.Text()
	}
	return v
}

func (v *visit) pass(ctx context.Context) {
	switch {
	case v.claim.foreign:
		v.say(http.StatusNotFound, "there is no site of this name here", 0)
	case v.claim.pool == nil:
		v.say(http.StatusNotFound, "nothing is deployed at this path", 0)
	case v.request.Method == http.MethodConnect:
		v.say(http.StatusMethodNotAllowed, "this is no forward proxy", 0)
	default:
		r := v.request.WithContext(ctx)
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = newBody(v)
		} else {
			v.wait.come()
		}
		if v.claim.pool.lasts() {
			defer v.watchCall()()
		}
		v.claim.pool.proxy.ServeHTTP(v.answer, r)
	}
}

// turnAway answers a request that was given no slot.
func (v *visit) turnAway(err error) {
	switch {
	case errors.Is(err, errNothing):
		v.say(http.StatusServiceUnavailable, "nothing is deployed here yet", 5)
	case errors.Is(err, errClosed):
		v.sayClosed(v.closure)
	case errors.Is(err, errProbed):
		v.say(http.StatusOK, "up, and paused for a moment", 0)
	case errors.Is(err, errUnknown):
		v.say(http.StatusNotFound, "the release that was chosen is not deployed here", 0)
	case errors.Is(err, errHeld):
		v.say(http.StatusServiceUnavailable, "paused for a moment; try again", 1)
	case errors.Is(err, errClosing):
		v.answer.Header().Set("Connection", "close")
		v.say(http.StatusServiceUnavailable, "closing; try again", 1)
	default:
		v.clientGone()
	}
}

// say answers with one plain sentence. A retry of 0 seconds advises none.
func (v *visit) say(status int, sentence string, retry int) {
	v.sayAs("text/plain; charset=utf-8", status, []byte(sentence+"\n"), retry)
}

// sayPage answers with HTML.
func (v *visit) sayPage(status int, page []byte, retry int) {
	v.sayAs("text/html; charset=utf-8", status, page, retry)
}

func (v *visit) sayAs(kind string, status int, text []byte, retry int) {
	h := v.answer.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-Id", v.id)
	if retry > 0 {
		h.Set("Retry-After", strconv.Itoa(retry))
	}
	v.dress(h)
	v.answer.WriteHeader(status)
	if v.request.Method != http.MethodHead {
		_, _ = v.answer.Write(text) // a client that is gone is noted by the answer
	}
}

// wantsPage tells a person's browser from a program.
func (v *visit) wantsPage() bool {
	return strings.Contains(v.request.Header.Get("Accept"), "text/html")
}

// isProbe tells whether a balancer asks how this machine is.
func (v *visit) isProbe() bool {
	return (v.request.Method == http.MethodGet || v.request.Method == http.MethodHead) && slices.Contains(v.settings.probes, v.request.URL.Path)
}

// misdirected refuses a request for one name on a connection that was made for another,
// unless the certificate is for both: then the client may share it.
func (v *visit) misdirected() bool {
	secured := v.request.TLS
	if secured == nil || secured.ServerName == "" || v.host == "" {
		return false
	}
	if shown := hostOf(secured.ServerName); shown == v.host || v.front.covers(shown, v.host) {
		return false
	}
	v.say(http.StatusMisdirectedRequest, "this connection is for another site; make one for this name", 0)
	return true
}

// tooLarge refuses a body that says itself that it is larger than it may be, before
// anything of it is read.
func (v *visit) tooLarge() bool {
	most := v.settings.limits.Body
	if most < 0 || v.request.ContentLength <= most {
		return false
	}
	v.refuseBody()
	return true
}

func (v *visit) refuseBody() {
	v.last = true // what is left of the body is not read
	v.say(http.StatusRequestEntityTooLarge, "the request's body is larger than may be sent here", 0)
}

// dress adds the router's own headers to an answer.
func (v *visit) dress(h http.Header) {
	if v.settings.mark {
		h.Set("X-Robots-Tag", "noindex, nofollow")
		if v.claim != nil {
			h.Set("X-Understudy-Release", v.claim.slot.Release)
		}
	}
	if v.remember {
		h.Add("Set-Cookie", rememberSide(v.point, v.secure()).String())
	}
	if v.choice != nil {
		h.Add("Set-Cookie", v.choice.String())
	}
	if (v.last || v.front.crowd.leaving()) && h.Get("Upgrade") == "" {
		h.Set("Connection", "close")
	}
}

// clientGone notes that nobody is there to be answered.
func (v *visit) clientGone() {
	v.answer.status = statusClientGone
	if v.guest != nil && v.request.ProtoMajor == 2 && !v.trusted && v.guest.resets.tooMany(time.Now()) {
		v.front.shared.log.Warn("a client takes back its requests again and again, and is cut off", "front", v.settings.name)
		_ = v.guest.Conn.Close() // its server notices
	}
	if v.claim != nil && time.Since(v.claimedAt) >= gaveUpAfter && v.bodyErr.Load() == nil {
		v.failed = true
	}
}

// finish gives the claim back and writes down what became of the request. Without
// finished, the answer was broken off half way.
func (f *front) finish(v *visit, finished bool) {
	if !finished && !v.answer.failed && (v.request.Context().Err() == nil) {
		v.failed = true
	}
	now := time.Now()
	v.answer.leaveBody(v.request)
	if v.claim != nil {
		v.leaveTarget()
	}
	if v.claim == nil || v.chosen != "" { // what testers do says nothing of how a release fares
		f.nowhere.count(v.counted(), v.answer.status >= 500, now.Sub(v.startedAt))
	} else {
		v.claim.slot.figures.count(v.counted(), v.failed || v.answer.status >= 500, v.took(now))
	}
	if v.claim != nil {
		f.release(v.claim)
	}
	f.shared.access.write(v, now)
}

// moveTo notes whom the request is sent to.
func (v *visit) moveTo(t *target) {
	if v.target != nil {
		v.target.running.Add(-1)
	}
	v.target = t
	t.running.Add(1)
	if v.wait.move() {
		t.begin()
	}
}

// arrive notes that all of the request is here: from now on it is its target that is waited for.
func (v *visit) arrive() {
	if v.wait.come() {
		v.target.begin()
	}
}

// waitOver notes that nothing is waited for any more: the answer has begun, or none will come.
func (v *visit) waitOver() {
	if v.wait.end() {
		v.target.waiting.Add(-1)
	}
}

var errBrokenOff = errors.New("it was broken off, or its client gave up waiting")

// leaveTarget notes that the request is over, and what its target is to blame for.
func (v *visit) leaveTarget() {
	v.failed = v.failed || callFailed(v.call)
	if v.target == nil {
		return
	}
	v.target.running.Add(-1)
	v.waitOver()
	if v.failed && !v.blamed && v.call == nil {
		v.claim.pool.fault(v.target, errBrokenOff)
	}
}

// took is how long the release needed: of an answer that lasts, for its first byte.
func (v *visit) took(now time.Time) time.Duration {
	took := now.Sub(v.claimedAt)
	call := v.claim.pool != nil && v.claim.pool.lasts() && took >= lastsFrom
	if (v.lasting || call) && !v.answeredAt.IsZero() {
		return v.answeredAt.Sub(v.claimedAt)
	}
	return took
}

// counted is the status as figures know it: 0 where there was no answer.
func (v *visit) counted() int {
	if v.answer.status == statusClientGone {
		return 0
	}
	return v.answer.status
}
