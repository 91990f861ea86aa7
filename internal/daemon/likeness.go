package daemon

import (
	"context"
	"strings"
	"time"

	"understudy"
	"understudy/internal/alone"
	"understudy/internal/api"
	"understudy/internal/mask"
	"understudy/internal/postgres"
	"understudy/internal/seal"

	"github.com/jackc/pgx/v5"
)

// compared is what is looked at of an environment: what it runs, or, of a twin that runs
// nothing now, its golden snapshot.
func (d *Daemon) compared(ctx context.Context, e understudy.Environment) (understudy.Release, map[string]string, error) {
	if e.Sealed() {
		now, err := d.standing(ctx, e.Name)
		if err != nil {
			return understudy.Release{}, nil, err
		}
		snapshot, found, err := shelf{d}.Latest(ctx, e.Name)
		switch {
		case err != nil:
			return understudy.Release{}, nil, err
		case !found:
			return understudy.Release{}, nil, understudy.Errorf(understudy.KindNotFound, "%s has no snapshot yet", e.Name).WithHint("understudy twin reset %s", e.Name)
		case !now.Up:
			release, err := d.releaseByDigest(ctx, snapshot.Source.Release)
			names := map[string]string{}
			for _, copied := range snapshot.Databases {
				names[copied.Database] = golden(copied.Database, snapshot.ID)
			}
			return release, names, err
		}
	}
	return d.running(ctx, e)
}

// Captures lists what the seal of an environment caught since a moment.
func (d *Daemon) Captures(_ context.Context, environment string, from time.Time) ([]api.Capture, error) {
	if _, _, err := d.environment(environment); err != nil {
		return nil, err
	}
	caught, err := seal.Read(d.captures(environment), from)
	out := []api.Capture{}
	for _, c := range caught {
		if strings.HasSuffix(c.Host, canaries) {
			continue
		}
		out = append(out, api.Capture{
			At: c.At, Kind: c.Kind, Integration: c.Integration, Host: c.Host, Method: c.Method, Path: c.Path,
			Header: first(c.Header), From: c.From, To: c.To, Subject: c.Subject, Body: string(c.Body), Status: c.Status,
		})
	}
	return out, err
}

// canaries ends the names that the seal's own canaries call.
const canaries = ".understudy.invalid"

// first keeps one value for each header.
func first(header map[string][]string) map[string]string {
	out := map[string]string{}
	for name, values := range header {
		if len(values) > 0 {
			out[name] = values[0]
		}
	}
	return out
}

// MaskPlan proposes the masking rules of an environment's databases.
func (d *Daemon) MaskPlan(ctx context.Context, environment string) (api.MaskPlan, error) {
	file, columns, have, err := d.masked(ctx, environment)
	if err != nil {
		return api.MaskPlan{}, err
	}
	return alone.PlanMask(columns, have, file), nil
}

// MaskDiff tells what an environment's databases ask of the masking rules.
func (d *Daemon) MaskDiff(ctx context.Context, environment string) (api.MaskDiff, error) {
	file, columns, have, err := d.masked(ctx, environment)
	if err != nil {
		return api.MaskDiff{}, err
	}
	return alone.DiffMask(columns, have, file), nil
}

// masked reads the masking rules, and the columns of an environment's databases, by
// default of the one that releases are promoted to.
func (d *Daemon) masked(ctx context.Context, environment string) (file string, columns []understudy.Column, have mask.Policy, err error) {
	if environment == "" {
		e, err := d.target("")
		if err != nil {
			return "", nil, have, err
		}
		environment = e.Name
	}
	e, p, err := d.environment(environment)
	if err != nil {
		return "", nil, have, err
	}
	release, databases, err := d.running(ctx, e)
	if err != nil {
		return "", nil, have, err
	}
	if have, err = mask.Load(p.Mask); err != nil {
		return "", nil, have, err
	}
	for name, physical := range databases {
		err := d.reading(ctx, e, release.Application, name, physical, func(conn *pgx.Conn) error {
			found, err := postgres.Columns(ctx, conn, 400)
			columns = append(columns, alone.Flat(found)...)
			return err
		})
		if err != nil {
			return "", nil, have, err
		}
	}
	return p.Mask, columns, have, nil
}
