package router

import (
	"net"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"understudy"
)

// record is what a front should be: the plain data that the state file holds. Its
// methods are the rules; they have no effect but on the record.
type record struct {
	Front
	Slots       []Slot    `json:"slots,omitempty"`
	Shares      []Share   `json:"shares,omitempty"`
	PausedUntil time.Time `json:"pausedUntil,omitzero"`

	Maintenance *Maintenance `json:"maintenance,omitempty"`
}

// clone is a copy that can be edited without touching the original.
func (r record) clone() record {
	r.Slots = slices.Clone(r.Slots)
	r.Shares = slices.Clone(r.Shares)
	return r
}

var frontName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// validate reports the first thing that makes a record impossible to serve.
func (r record) validate() error {
	if err := r.Front.validate(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, s := range r.Slots {
		if err := s.validate(); err != nil {
			return err
		}
		if seen[s.Deployment] {
			return understudy.Errorf(understudy.KindInvalid, "front %s has deployment %s twice", r.Name, s.Deployment)
		}
		seen[s.Deployment] = true
	}
	if _, err := r.Maintenance.closure(); err != nil {
		return err
	}
	return r.validateShares(r.Shares)
}

func (f Front) validate() error {
	if !frontName.MatchString(f.Name) {
		return understudy.Errorf(understudy.KindInvalid,
			"a front's name is letters, digits, dots, dashes and underscores, found %q", f.Name)
	}
	if _, port, err := net.SplitHostPort(f.Listen); err != nil || port == "" {
		return understudy.Errorf(understudy.KindInvalid, "front %s listens on host:port, found %q", f.Name, f.Listen)
	}
	if err := f.validateDoor(); err != nil {
		return err
	}
	_, err := f.settings()
	return err
}

func (s Slot) validate() error {
	if s.Deployment == "" || s.Release == "" {
		return understudy.Errorf(understudy.KindInvalid, "a slot names its deployment and its release, found %q and %q",
			s.Deployment, s.Release)
	}
	if len(s.Routes) == 0 {
		return understudy.Errorf(understudy.KindInvalid, "deployment %s has no routes", s.Deployment)
	}
	for _, route := range s.Routes {
		if !strings.HasPrefix(route.Prefix, "/") || path.Clean(route.Prefix) != strings.TrimRight(route.Prefix, "/")+rootSlash(route.Prefix) {
			return understudy.Errorf(understudy.KindInvalid, "deployment %s: a route's prefix is a clean path that begins with /, found %q",
				s.Deployment, route.Prefix)
		}
		if place, err := understudy.ParsePlace(route.Host + "/"); err != nil || place.Host != route.Host {
			return understudy.Errorf(understudy.KindInvalid, "deployment %s: a route's host is a name in lower case, found %q", s.Deployment, route.Host)
		}
		if err := route.validate(s.Deployment); err != nil {
			return err
		}
	}
	return nil
}

// rootSlash keeps the one slash of the root prefix that trimming takes away.
func rootSlash(prefix string) string {
	if strings.Trim(prefix, "/") == "" {
		return "/"
	}
	return ""
}

// splitAddress takes "tcp:host:port" or "unix:/path" apart for a dialer.
func splitAddress(address string) (network, target string, err error) {
	network, target, _ = strings.Cut(address, ":")
	switch {
	case network == "unix" && strings.HasPrefix(target, "/"):
		return network, target, nil
	case network == "tcp":
		if _, port, err := net.SplitHostPort(target); err == nil && port != "" {
			return network, target, nil
		}
	}
	return "", "", understudy.Errorf(understudy.KindInvalid, "an address is tcp:host:port or unix:/path, found %q", address)
}

func (r record) validateShares(shares []Share) error {
	sum, seen := 0, map[string]bool{}
	for _, share := range shares {
		switch {
		case r.slot(share.Deployment) < 0:
			return understudy.Errorf(understudy.KindNotFound, "front %s has no deployment %s to give a share to", r.Name, share.Deployment)
		case share.Percent < 0 || share.Percent > 100:
			return understudy.Errorf(understudy.KindInvalid, "a share is 0 to 100 percent, found %d for %s", share.Percent, share.Deployment)
		case seen[share.Deployment]:
			return understudy.Errorf(understudy.KindInvalid, "deployment %s is given two shares", share.Deployment)
		}
		seen[share.Deployment] = true
		sum += share.Percent
	}
	if len(shares) > 0 && sum != 100 {
		return understudy.Errorf(understudy.KindInvalid, "the shares of front %s sum to 100, found %d", r.Name, sum)
	}
	return nil
}

// slot is the index of a deployment's slot, or -1.
func (r record) slot(deployment string) int {
	return slices.IndexFunc(r.Slots, func(s Slot) bool { return s.Deployment == deployment })
}

// shared tells whether a deployment has a share.
func (r record) shared(deployment string) bool {
	return slices.ContainsFunc(r.Shares, func(s Share) bool { return s.Deployment == deployment && s.Percent > 0 })
}

func (r *record) add(s Slot) error {
	if err := s.validate(); err != nil {
		return err
	}
	at := r.slot(s.Deployment)
	if at < 0 {
		r.Slots = append(r.Slots, s)
		return nil
	}
	if r.Slots[at].Release != s.Release {
		return understudy.Errorf(understudy.KindConflict, "deployment %s is of release %s and cannot become one of %s",
			s.Deployment, r.Slots[at].Release, s.Release).WithHint("give the other release a deployment of its own")
	}
	r.Slots[at] = s
	return nil
}

func (r *record) split(shares []Share) error {
	if err := r.validateShares(shares); err != nil {
		return err
	}
	r.Shares = slices.DeleteFunc(slices.Clone(shares), func(s Share) bool { return s.Percent == 0 })
	return nil
}

func (r *record) remove(deployment string) error {
	if r.shared(deployment) {
		return understudy.Errorf(understudy.KindConflict, "deployment %s still has a share of front %s", deployment, r.Name).
			WithHint("split the requests among others, drain it, then remove it")
	}
	r.Slots = slices.DeleteFunc(r.Slots, func(s Slot) bool { return s.Deployment == deployment })
	return nil
}

func (r *record) pause(until time.Time) error {
	r.PausedUntil = until
	return nil
}

func (r *record) resume() error {
	r.PausedUntil = time.Time{}
	return nil
}

// parsePeer reads an address or a CIDR.
func parsePeer(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, understudy.Errorf(understudy.KindInvalid, "a peer is an address or a CIDR, found %q", text)
	}
	return prefix.Masked(), nil
}
