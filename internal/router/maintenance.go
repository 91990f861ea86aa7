package router

import (
	"net/netip"
	"slices"
	"time"

	"understudy"
)

// Maintenance answers everybody with a page, until it is ended; whoever is let through is
// served as ever.
type Maintenance struct {
	Since      time.Time     `json:"since"`
	Page       string        `json:"page,omitempty"`       // HTML; empty: a plain one
	Allow      []string      `json:"allow,omitempty"`      // clients, address or CIDR, that are let through
	Testers    bool          `json:"testers,omitempty"`    // so is who brings the front's token for testers
	RetryAfter time.Duration `json:"retryAfter,omitempty"` // what clients are told; 0: DefaultRetryAfter
}

// DefaultRetryAfter is what clients are told to wait during maintenance.
const DefaultRetryAfter = 2 * time.Minute

// pageLimit bounds a page: it lies in the state file, which every switch writes.
const pageLimit = 256 << 10

const plainPage = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="robots" content="noindex">
<meta name="viewport" content="width=device-width"><title>Back soon</title>
<style>body{font:1.1em/1.6 system-ui,sans-serif;margin:20vh auto;max-width:30em;padding:0 1em;text-align:center}</style>
<h1>Back soon</h1><p>We are working on this site. Please try again in a few minutes.</p></html>
`

// closure is a maintenance in the form that requests are held against.
type closure struct {
	Maintenance
	page  []byte
	allow []netip.Prefix
}

// closure reports what is wrong with a maintenance; none makes no closure.
func (m *Maintenance) closure() (*closure, error) {
	if m == nil {
		return nil, nil
	}
	c := &closure{Maintenance: *m, page: []byte(m.Page)}
	if len(m.Page) > pageLimit {
		return nil, understudy.Errorf(understudy.KindInvalid, "a maintenance page has at most %d KiB, found %d", pageLimit>>10, len(m.Page)>>10).
			WithHint("put images and fonts elsewhere")
	}
	if m.Page == "" {
		c.page = []byte(plainPage)
	}
	if c.RetryAfter <= 0 {
		c.RetryAfter = DefaultRetryAfter
	}
	var err error
	c.allow, err = parsePeers(m.Allow)
	return c, err
}

// lets tells whether a request is served although the front is closed to others.
func (c *closure) lets(v *visit) bool {
	if c.Testers && v.tester {
		return true
	}
	if len(c.allow) == 0 {
		return false
	}
	client := v.client()
	return slices.ContainsFunc(c.allow, func(p netip.Prefix) bool { return p.Contains(client) })
}

// Validate reports what is wrong with it.
func (m Maintenance) Validate() error {
	_, err := m.closure()
	return err
}

func (r *record) maintain(m Maintenance) error {
	if err := m.Validate(); err != nil {
		return err
	}
	if m.Testers && r.Testers == nil {
		return understudy.Errorf(understudy.KindInvalid, "front %s knows no token that testers could bring", r.Name).
			WithHint("give the environment one with token: in understudy.yaml and bring it up again, or let addresses through")
	}
	r.Maintenance = &m
	return nil
}

func (r *record) endMaintenance() error {
	r.Maintenance = nil
	return nil
}

// sayClosed answers with the page, or with a sentence where no page was asked for.
func (v *visit) sayClosed(c *closure) {
	seconds := int(c.RetryAfter.Seconds())
	if v.isProbe() && !v.wantsPage() {
		v.say(200, "up, and closed for maintenance", 0)
		return
	}
	if !v.wantsPage() {
		v.say(503, "closed for maintenance; try again later", seconds)
		return
	}
	v.sayPage(503, c.page, seconds)
}
