package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/config"
	"understudy/internal/router"
	"understudy/internal/runtime/process"
)

// doorOf is the front of an environment as the router is to have it.
func doorOf(o order) router.Front {
	d := o.env.Door
	front := router.Front{Name: o.env.Name, Listen: o.env.Listen, Mark: o.env.Sealed(), Trusted: d.Trusted, TLS: d.TLS, Redirect: d.Redirect,
		ProxyFrom: d.ProxyFrom, Limits: d.Limits, Sticky: d.Sticky}
	for _, s := range o.release.Application.Services {
		home := s.Health.Path == "" || s.Health.Path == "/" // what people come to
		if s.Route != "" && !home && !slices.Contains(front.Probes, s.Health.Path) {
			front.Probes = append(front.Probes, s.Health.Path)
		}
	}
	return front
}

// leastToken is the shortest token that is taken.
const leastToken = 20

// testersOf is what the token of an environment's testers opens; nil, where it has none. One
// that cannot be used is noted and left out: customers are served without testers.
func (d *Daemon) testersOf(ctx context.Context, e understudy.Environment) *router.Gate {
	matter := "the token of " + e.Name
	if e.Door.Token == "" {
		d.notes.set(matter, "")
		return nil
	}
	token, err := config.Secret(ctx, e.Door.Token)
	if err == nil && len(token) < leastToken {
		err = understudy.Errorf(understudy.KindInvalid, "it has fewer than %d letters, and could be guessed (openssl rand -hex 32 makes one)", leastToken)
	}
	switch {
	case ctx.Err() != nil: // it was broken off, which says nothing of the token
		return nil
	case err != nil:
		d.note(matter, "%s lets no tester in: %v", matter, err)
		return nil
	}
	d.notes.set(matter, "")
	return router.GateFor(token)
}

// slotFor is where a deployment's services are, under the names that hosts have here.
func slotFor(o order, programs []process.ProgramStatus) (router.Slot, error) {
	slot := router.Slot{Deployment: o.id, Release: o.release.Label}
	for _, s := range o.release.Application.Services {
		at := addresses(s, programs)
		if len(at) == 0 {
			continue
		}
		for _, route := range s.Reached() {
			place, err := understudy.ParsePlace(route)
			if err != nil {
				return slot, err
			}
			place = place.Here(o.env.Door.Hosts)
			slot.Routes = append(slot.Routes, router.Route{Host: place.Host, Prefix: place.Prefix, Addresses: at, Protocol: s.Protocol, Health: s.Health})
		}
	}
	return slot, nil
}

// maintained is a maintenance as it is kept, so that it outlasts a front.
type maintained struct {
	api.Maintained
	Page string `json:"page,omitempty"`
}

func (m maintained) forRouter() router.Maintenance {
	return router.Maintenance{Since: m.Since, Page: m.Page, Allow: m.Allow, Testers: m.Testers}
}

// Maintain answers everybody with a page, from now on and until EndMaintenance, whatever
// is started again meanwhile. An environment that is down is closed when it comes up.
func (d *Daemon) Maintain(ctx context.Context, request api.Maintain) error {
	request.By = d.actor(ctx, request.By)
	env, _, err := d.environment(request.Environment)
	if err != nil {
		return err
	}
	switch {
	case env.Listen == "" || env.External:
		return understudy.Errorf(understudy.KindRefused, "%s has no front door here that could be closed", env.Name)
	case env.Sealed(): // closed, it would answer a rehearsal's traffic with the page
		return understudy.Errorf(understudy.KindRefused, "%s is a twin: it has no customers, and rehearsals need its front door", env.Name)
	case request.Testers && env.Door.Token == "":
		return understudy.Errorf(understudy.KindInvalid, "%s has no token that testers could bring", env.Name).
			WithHint("give it one with token: in understudy.yaml, or let addresses through with --allow")
	}
	m := maintained{Page: request.Page, Maintained: api.Maintained{Since: time.Now().UTC(), By: request.By, Reason: request.Reason,
		Allow: request.Allow, Testers: request.Testers}}
	if err := m.forRouter().Validate(); err != nil {
		return err
	}
	var facts map[string]string
	if letThrough := append(slices.Clone(request.Allow), testersAmong(request.Testers)...); len(letThrough) > 0 {
		facts = map[string]string{"through": strings.Join(letThrough, " ")}
	}
	if err := (recorder{d, request.By}).Record(ctx, "maintenance.on", env.Name, request.Reason, facts); err != nil {
		return err
	}
	var before *maintained
	if err := d.changeStanding(ctx, env.Name, func(s *standing) { before, s.Maintenance = s.Maintenance, &m }); err != nil {
		return err
	}
	if err := notThere(d.router.Maintain(ctx, env.Name, m.forRouter())); err != nil {
		return errors.Join(err, d.changeStanding(ctx, env.Name, func(s *standing) { s.Maintenance = before }))
	}
	return nil
}

func testersAmong(through bool) []string {
	if through {
		return []string{"token"}
	}
	return nil
}

// EndMaintenance serves everybody again.
func (d *Daemon) EndMaintenance(ctx context.Context, request api.EndMaintenance) error {
	request.By = d.actor(ctx, request.By)
	env, _, err := d.environment(request.Environment)
	if err != nil {
		return err
	}
	if err := (recorder{d, request.By}).Record(ctx, "maintenance.off", env.Name, request.Reason, nil); err != nil {
		return err
	}
	if err := d.changeStanding(ctx, env.Name, func(s *standing) { s.Maintenance = nil }); err != nil {
		return err
	}
	return notThere(d.router.EndMaintenance(ctx, env.Name))
}

// notThere takes it for no error that an environment has no front now.
func notThere(err error) error {
	if kind := understudy.KindOf(err); kind == understudy.KindNotFound || kind == understudy.KindUnavailable {
		return nil
	}
	return err
}

// keepClosed closes a front that was opened anew during maintenance, before anybody is
// served by it.
func (d *Daemon) keepClosed(ctx context.Context, front router.Front) error {
	now, err := d.standing(ctx, front.Name)
	if err != nil || now.Maintenance == nil {
		return err
	}
	m := now.Maintenance.forRouter()
	m.Testers = m.Testers && front.Testers != nil
	return d.router.Maintain(ctx, front.Name, m)
}

// doorStatus says how an environment is reached.
func doorStatus(out *api.EnvironmentStatus, front router.FrontState, now standing) {
	if now.Maintenance != nil {
		out.Maintenance = &now.Maintenance.Maintained
	}
	if !front.Open {
		return
	}
	scheme, plain := "http", "80"
	if front.TLS != nil {
		scheme, plain = "https", "443"
	}
	host, port, _ := net.SplitHostPort(front.Listen) // the router listens there
	ending := ":" + port
	if port == plain {
		ending = ""
	}
	out.URL = scheme + "://" + front.Listen
	if strings.Trim(host, "[]:0.") == "" {
		out.URL = scheme + "://localhost" + ending
	}
	for _, slot := range front.Slots {
		for _, route := range slot.Routes {
			site := scheme + "://" + route.Host + ending
			if route.Host != "" && !slices.Contains(out.Sites, site) {
				out.Sites = append(out.Sites, site)
			}
		}
	}
	out.Certificates = front.Certificates
	if front.Redirect != "" && !front.RedirectOpen {
		out.Problems = append(out.Problems, front.Redirect+" could not be opened, so http is not sent to https")
	}
	if front.Refused > 0 {
		out.Problems = append(out.Problems, fmt.Sprintf("%d connections were refused at a limit since the router began", front.Refused))
	}
}

// doorProblems are those that the router tells of one front door, or with no name of itself.
// What it tells of a deployment stands beside that one.
func doorProblems(all []router.Problem, of string) (out []string) {
	for _, p := range all {
		if p.Front == of && p.Deployment == "" {
			out = append(out, p.Text)
		}
	}
	return out
}

// routerItself is the matter of what the router tells of itself.
const routerItself = "the router itself"

// noteRouter notes what the router tells of itself, as that a part of its state was damaged.
func (d *Daemon) noteRouter(state router.State) {
	if told := doorProblems(state.Problems, ""); len(told) > 0 {
		d.note(routerItself, "the router, since %s: %s", state.Started.UTC().Format(time.DateTime), strings.Join(told, "; "))
		return
	}
	d.notes.set(routerItself, "")
}
