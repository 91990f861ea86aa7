package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"

	"understudy"
)

// Answer is one answer of a tour.
type Answer struct {
	Step   string // "GET /products/{{int 1 9}}"
	Status int    // 0: there was none
	Type   string // of its content
	Body   []byte // the first bytes, up to 1 MiB
	Failed string // the class of its failure; empty: it is what the step expects
}

// Tour makes each journey of some traffic several times, one request after the other, in the
// order in which they are declared, and gives every answer. The same seed makes the same
// requests; turn keeps apart what must be unique from tour to tour. A step that fails ends
// its journey.
func Tour(ctx context.Context, traffic understudy.Traffic, target Target, seed uint64, turn, times int) ([]Answer, error) {
	w := &web{g: &Generator{seed: seed}, header: http.Header{}, dial: target.Dial}
	var err error
	if w.base, err = url.Parse(target.Base); err != nil || w.base.Host == "" {
		return nil, understudy.Errorf(understudy.KindInvalid, "traffic needs a target such as http://host:port, found %q", target.Base)
	}
	for name, value := range target.Header {
		w.header.Set(name, value)
	}
	if w.journeys, err = compileJourneys(traffic.Journeys); err != nil {
		return nil, err
	}
	transport := w.transport()
	defer transport.CloseIdleConnections()
	var out []Answer
	for round := range times {
		for i, j := range w.journeys {
			number := round*len(w.journeys) + i
			out = append(out, w.guide(number, turn, j, transport).tour(ctx)...)
			if ctx.Err() != nil {
				return out, context.Cause(ctx)
			}
		}
	}
	return out, nil
}

// guide prepares a visit of one journey: its chances are those of its number, and what is
// unique is so in its turn.
func (w *web) guide(number, turn int, j journey, transport *http.Transport) *visit {
	v := &visit{web: w, journey: j}
	v.values = values{random: rand.New(rand.NewPCG(w.g.seed, uint64(number))), named: map[string]string{
		"unique": "t" + strconv.Itoa(turn) + "n" + strconv.Itoa(number),
	}}
	cookies, _ := cookiejar.New(nil) // never fails
	v.client = http.Client{Transport: transport, Jar: openJar{cookies}, CheckRedirect: stay}
	return v
}

func (v *visit) tour(ctx context.Context) []Answer {
	var out []Answer
	for _, s := range v.journey.steps {
		e, failed := v.exchange(ctx, s)
		answer := Answer{Step: s.label, Status: e.status, Type: e.header.Get("Content-Type"), Body: e.body}
		if failed != nil {
			answer.Failed = failed.class
		}
		out = append(out, answer)
		if failed != nil {
			break
		}
	}
	return out
}

// exchange is a request's answer as far as there is one.
type exchange struct {
	status int
	header http.Header
	body   []byte
}

// stay lets redirects be answers.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// exchange makes one request, reads the whole answer and captures from it.
func (v *visit) exchange(parent context.Context, s step) (exchange, *failure) {
	ctx, cancel := context.WithTimeout(parent, RequestTimeout)
	defer cancel()
	request, err := v.prepare(ctx, s)
	if err != nil {
		return exchange{}, &failure{class: s.label + " → not a valid request", sample: s.label + ": what its templates were filled with makes no valid request"}
	}
	response, err := v.client.Do(request)
	if err != nil {
		class := s.label + " → " + noAnswer(err)
		return exchange{}, &failure{class: class, sample: class}
	}
	e := exchange{status: response.StatusCode, header: response.Header}
	if e.body, err = readBody(response.Body); err != nil {
		class := fmt.Sprintf("%s → %d, then %s", s.label, response.StatusCode, noAnswer(err))
		return e, &failure{class: class, sample: class}
	}
	if !s.expected(response.StatusCode) {
		class := fmt.Sprintf("%s → %d", s.label, response.StatusCode)
		return e, &failure{class: class, sample: class + ": " + quote(e.body)}
	}
	return e, v.capture(s, response, e.body)
}
