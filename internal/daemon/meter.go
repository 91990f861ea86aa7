package daemon

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/meter"
	"understudy/internal/migration"
	"understudy/internal/promotion"
	"understudy/internal/runtime/process"
)

// gauge measures the team's own metrics.
type gauge struct{ d *Daemon }

// Measure asks Prometheus, or runs the team's command in the deployment.
func (g gauge) Measure(ctx context.Context, m understudy.Metric, of promotion.Window) understudy.Measurement {
	if len(m.Command) > 0 {
		return g.command(ctx, m, of)
	}
	server := meter.Prometheus{URL: m.URL}
	if m.Token != "" {
		var err error
		if server.Token, err = config.Secret(ctx, m.Token); err != nil {
			return unmeasured(err)
		}
	}
	query := meter.Fill(m.PromQL, map[string]string{
		"release": of.Release, "old": of.Old, "environment": of.Environment, "window": fmt.Sprintf("%ds", max(1, int(of.Lasts.Seconds()))),
	})
	value, found, err := server.Query(ctx, query)
	switch {
	case err != nil:
		return unmeasured(err)
	case !found:
		return understudy.Measurement{Outcome: understudy.OutcomeInconclusive, Says: "Prometheus has no value for it"}
	}
	return understudy.Measurement{Outcome: understudy.OutcomePassed, Value: &value}
}

func unmeasured(err error) understudy.Measurement {
	return understudy.Measurement{Outcome: understudy.OutcomeError, Says: err.Error()}
}

// cannotTell is the exit status of a command that cannot tell now: EX_TEMPFAIL of sysexits.
const cannotTell = 75

// command runs in the new release's deployment, with its first service's configuration.
func (g gauge) command(ctx context.Context, m understudy.Metric, of promotion.Window) understudy.Measurement {
	record, err := g.d.loadDeployment(ctx, of.Deployment)
	if err != nil {
		return unmeasured(err)
	}
	o, err := g.d.again(ctx, record.ID)
	if err != nil {
		return unmeasured(err)
	}
	service, environ, err := g.d.serviceEnviron(ctx, o, "")
	if err != nil {
		return unmeasured(err)
	}
	env := append(environ.List, "UNDERSTUDY_OLD_RELEASE="+of.Old, fmt.Sprintf("UNDERSTUDY_WINDOW=%d", int(of.Lasts.Seconds())))
	var out, complaint migration.Tail
	status, err := g.d.runtime.Exec(ctx, record.ID, process.Command{Args: m.Command, Env: env, User: userFor(o.env, service)}, strings.NewReader(""), &out, &complaint)
	said := redact(migration.LastLines(out.String()+complaint.String(), 1), environ.Secrets)
	switch {
	case ctx.Err() != nil:
		return understudy.Measurement{Outcome: understudy.OutcomeError, Says: "it did not end in time"}
	case err != nil:
		return unmeasured(err)
	case m.Max != nil || m.Min != nil:
		return number(status, out.String(), said)
	}
	outcome := map[int]understudy.Outcome{0: understudy.OutcomePassed, 1: understudy.OutcomeFailed, cannotTell: understudy.OutcomeInconclusive}[status]
	if outcome == "" {
		outcome, said = understudy.OutcomeError, fmt.Sprintf("exit status %d%s", status, after(": ", said))
	}
	return understudy.Measurement{Outcome: outcome, Says: said}
}

// number is the value that a command says in its last line.
func number(status int, out, said string) understudy.Measurement {
	switch status {
	case 0:
	case cannotTell:
		return understudy.Measurement{Outcome: understudy.OutcomeInconclusive, Says: said}
	default:
		return understudy.Measurement{Outcome: understudy.OutcomeError, Says: fmt.Sprintf("exit status %d%s", status, after(": ", said))}
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	value, err := strconv.ParseFloat(strings.TrimSpace(lines[len(lines)-1]), 64)
	if err != nil {
		return understudy.Measurement{Outcome: understudy.OutcomeError, Says: "its last line is no number"}
	}
	return understudy.Measurement{Outcome: understudy.OutcomePassed, Value: &value}
}
