package router

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"understudy"
)

// lookAgain is how often a pair's files are looked at, at most.
const lookAgain = time.Second

// pair is a certificate and its key in files that somebody else keeps. They are read again
// when they have changed; while they cannot be used, the last pair that could be is shown,
// of which a copy is kept, so that a restart in the meantime has it too.
type pair struct {
	front, cert, key string
	kept             string // the last good pair
	shared           *shared
	made             *tls.Config

	mu      sync.Mutex
	looked  time.Time
	seen    [2]stamp
	good    *tls.Certificate
	problem string
}

// stamp is how a file is known to have changed.
type stamp struct {
	at   time.Time
	size int64
}

func newPair(shared *shared, f Front) *pair {
	p := &pair{front: f.Name, cert: f.TLS.Cert, key: f.TLS.Key, shared: shared, kept: keptPair(shared.state, f.Name)}
	p.made = tlsConfig(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.get(time.Now()) })
	p.look(time.Now())
	return p
}

// keptPair is where the last good pair of a front is.
func keptPair(state, front string) string { return filepath.Join(state, "certificates", front+".pem") }

// forgetPair takes away the copy of a front that is no more: it holds a key.
func forgetPair(state, front string) error {
	if err := os.Remove(keptPair(state, front)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the copy of a certificate: %w", err)
	}
	return nil
}

func (p *pair) config() *tls.Config { return p.made }

func (p *pair) want([]string) {}

func (p *pair) challenge() httpChallenge { return nil }

func (p *pair) close() {}

func (p *pair) get(now time.Time) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lookAgain(now)
	if p.good == nil {
		return nil, errors.New(p.problem)
	}
	return p.good, nil
}

func (p *pair) state(now time.Time) []understudy.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lookAgain(now)
	c := understudy.Certificate{From: p.cert, Problem: p.problem}
	if p.good != nil {
		c.Hosts, c.Until = p.good.Leaf.DNSNames, p.good.Leaf.NotAfter
		if left := c.Until.Sub(now); left < runsOutSoon && c.Problem == "" {
			c.Problem = fmt.Sprintf("%s runs out at %s; put a newer one in its place", p.cert, c.Until.UTC().Format(time.DateTime))
		}
	}
	return []understudy.Certificate{c}
}

func (p *pair) look(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lookAgain(now)
}

// lookAgain reads the files where they have changed since they were looked at.
func (p *pair) lookAgain(now time.Time) {
	if now.Sub(p.looked) < lookAgain && !p.looked.IsZero() {
		return
	}
	p.looked = now
	seen := [2]stamp{stampOf(p.cert), stampOf(p.key)}
	if seen == p.seen && p.good != nil && p.problem == "" {
		return
	}
	fresh, err := readPair(p.cert, p.key)
	if err == nil {
		p.seen, p.good = seen, fresh
		p.say("")
		p.keep()
		return
	}
	if p.good == nil {
		p.good, _ = readPair(p.kept, p.kept) // none was kept, where it cannot be read
	}
	p.say(err.Error() + p.meanwhile())
}

func (p *pair) meanwhile() string {
	if p.good == nil {
		return "; nobody can be served over TLS until it can"
	}
	return "; the last good one is shown, until " + p.good.Leaf.NotAfter.UTC().Format(time.DateTime)
}

func (p *pair) say(problem string) {
	if problem != "" && problem != p.problem {
		p.shared.log.Error("a certificate cannot be used", "front", p.front, "cause", problem)
	}
	p.problem = problem
}

// keep writes the pair aside.
func (p *pair) keep() {
	cert, errCert := os.ReadFile(p.cert)
	key, errKey := os.ReadFile(p.key)
	err := errors.Join(errCert, errKey)
	content := append(append(cert, '\n'), key...)
	if had, errHad := os.ReadFile(p.kept); err == nil && errHad == nil && bytes.Equal(had, content) {
		return
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(p.kept), 0o700)
	}
	if err == nil {
		err = replaceFile(p.kept, content, true)
	}
	if err != nil {
		p.shared.log.Warn("a copy of a certificate could not be kept", "front", p.front, "cause", err.Error())
	}
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// readPair reads a certificate with its key, and says which file is at fault.
func readPair(cert, key string) (*tls.Certificate, error) {
	chain, err := os.ReadFile(cert)
	if err != nil {
		return nil, fmt.Errorf("reading a certificate: %w", err)
	}
	secret, err := os.ReadFile(key)
	if err != nil {
		return nil, fmt.Errorf("reading a certificate's key: %w", err)
	}
	made, err := tls.X509KeyPair(chain, secret)
	if err != nil {
		return nil, fmt.Errorf("%s and %s are no certificate with its key: %w", cert, key, err)
	}
	if len(made.Leaf.DNSNames)+len(made.Leaf.IPAddresses) == 0 {
		return nil, fmt.Errorf("the certificate in %s is for no host", cert)
	}
	return &made, nil
}

// checkPair refuses a front whose certificate can be shown to nobody.
func checkPair(state string, f Front) error {
	if f.TLS == nil || f.TLS.ACME != nil {
		return nil
	}
	_, err := readPair(f.TLS.Cert, f.TLS.Key)
	if err == nil {
		return nil
	}
	kept := keptPair(state, f.Name)
	if _, errKept := readPair(kept, kept); errKept == nil {
		return nil
	}
	return understudy.Errorf(understudy.KindInvalid, "front %s: %w", f.Name, err)
}
