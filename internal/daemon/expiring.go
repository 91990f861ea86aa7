package daemon

import (
	"context"
	"strings"
	"time"

	"understudy"
	"understudy/internal/router"
)

// tellExpiring writes down once of each front door that something is the matter with its
// certificates: one runs out and nobody renews it, or a newer one cannot be used.
func (d *Daemon) tellExpiring(ctx context.Context) error {
	state, err := d.router.State(ctx)
	if err != nil {
		return nil // it is looked after elsewhere
	}
	for _, front := range state.Fronts {
		if err := d.tellExpiringOf(ctx, front); err != nil {
			return err
		}
	}
	return nil
}

func (d *Daemon) tellExpiringOf(ctx context.Context, front router.FrontState) error {
	now, err := d.standing(ctx, front.Name)
	matter := matterOf(front.Certificates)
	if err != nil || now.Expiring == matter {
		return err
	}
	if matter != "" {
		facts := map[string]string{"certificates": matter}
		if err := (recorder{d, "understudy"}).Record(ctx, "certificate.expiring", front.Name, "", facts); err != nil {
			return err
		}
	}
	return d.changeStanding(ctx, front.Name, func(s *standing) { s.Expiring = matter })
}

// matterOf names the certificates that somebody should see to, and their ends; empty: none.
func matterOf(all []understudy.Certificate) string {
	var bad []string
	for _, c := range all {
		switch {
		case c.Problem == "":
		case c.Until.IsZero():
			bad = append(bad, strings.Join(c.Hosts, " ")+" has none")
		default:
			bad = append(bad, strings.Join(c.Hosts, " ")+" until "+c.Until.UTC().Format(time.DateTime))
		}
	}
	return strings.Join(bad, ", ")
}
