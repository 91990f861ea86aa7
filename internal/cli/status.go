package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) statusCommand() *cobra.Command {
	return c.command(page{
		use: "status [--json]", short: "say what is where", args: takes(0, 0),
		long: "Shows every environment: its address, which release serves, its services and databases.\n" +
			"What the daemon could not bring back after a restart is said first.",
		example: "understudy status\nunderstudy status --json | jq '.[].url'",
	}, func(ctx context.Context, _ []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			info, err := roles.Control.Info(ctx)
			if err != nil {
				return err
			}
			for _, note := range info.Notes {
				c.voice.say("note: %s", note)
			}
			all, err := roles.Environments.Status(ctx)
			if err != nil {
				return err
			}
			return show(c, all, c.showStatus)
		})
	})
}

func (c *cli) showStatus(all []api.EnvironmentStatus) {
	if len(all) == 0 {
		c.voice.say("there are no environments")
	}
	for i, e := range all {
		if i > 0 {
			c.voice.print("")
		}
		c.voice.print("%s", environmentLine(e))
		c.showDoor(e)
		if e.Held != "" {
			c.voice.print("  held: %s (understudy hold lift %s --reason …)", e.Held, e.Environment.Name)
		}
		if e.Owed != "" {
			c.voice.print("  owed a rehearsal: %s", e.Owed)
		}
		if len(e.Unapplied) > 0 {
			c.voice.print("  understudy.yaml has another configuration than runs: %s (understudy config diff %s)", strings.Join(e.Unapplied, ", "), e.Environment.Name)
		}
		if len(e.Deployments) == 0 && !e.Environment.External {
			c.voice.print("  down")
		}
		for _, d := range e.Deployments {
			c.showDeployment(d)
		}
		for _, d := range e.Databases {
			if e.Environment.External {
				c.voice.print("  database %s  run by others", d.Name)
				continue
			}
			c.voice.print("  %s", strings.TrimSpace(fmt.Sprintf("database %s  %s  %s  %s", d.Name, runs(d.Running), d.Server, d.Address)))
		}
		if e.Snapshot != nil {
			c.voice.print("  data of %s as of %s, %s rows, masked", e.Snapshot.Of, moment(e.Snapshot.TakenAt), number(rows(*e.Snapshot)))
			for _, f := range e.Snapshot.Following {
				c.voice.print("  %s", followingLine(f))
			}
		}
	}
}

// followingLine says how a database of a twin is kept current.
func followingLine(f understudy.Following) string {
	line := fmt.Sprintf("database %s is %s behind production", f.Database, f.Lag.Round(100*time.Millisecond))
	switch {
	case f.State == understudy.FollowingStopped:
		return fmt.Sprintf("database %s is not kept current: %s; the next snapshot is taken anew", f.Database, f.Why)
	case f.State == understudy.FollowingOn:
		return fmt.Sprintf("%s, %s bytes of its log, and following", line, number(f.LagBytes))
	case f.Why != "":
		return fmt.Sprintf("%s, %s: %s", line, f.State, f.Why)
	}
	return fmt.Sprintf("%s, %s", line, f.State)
}

func environmentLine(e api.EnvironmentStatus) string {
	parts := []string{e.Environment.Name, string(e.Environment.Purpose)}
	if e.Environment.TwinOf != "" {
		parts = append(parts, "twin of "+e.Environment.TwinOf)
	}
	if e.Sealed {
		parts = append(parts, "sealed")
	}
	if e.Environment.External {
		parts = append(parts, "run by others, release "+e.Environment.Release)
	}
	if e.URL != "" {
		parts = append(parts, e.URL)
	}
	return strings.Join(parts, "  ")
}

func (c *cli) showDeployment(d api.DeploymentStatus) {
	line := fmt.Sprintf("  release %s  %s  %d %% of requests", d.Label, d.State, d.Percent)
	if d.Served.Requests > 0 {
		line += fmt.Sprintf("; %s served, %s failed, p99 %s", number(d.Served.Requests), number(d.Served.Errors),
			took(time.Duration(d.Served.P99*float64(time.Second))))
	}
	c.voice.print("%s", line)
	if d.Unwell != "" {
		c.voice.print("    not well: %s; requests still go there", d.Unwell)
	}
	for _, s := range d.Services {
		line := fmt.Sprintf("    %-12s %s since %s", s.Name, s.State, moment(s.Since))
		if s.PID > 0 {
			line += fmt.Sprintf(", process %d", s.PID)
		}
		if s.Restarts > 0 {
			line += fmt.Sprintf(", restarted %d times", s.Restarts)
		}
		if s.Unfit != "" && d.Unwell == "" {
			line += ", given no new requests: " + s.Unfit
		}
		c.voice.print("%s", line)
	}
}

func runs(running bool) string {
	if running {
		return "running"
	}
	return "not running"
}

func rows(s understudy.Snapshot) int64 {
	var all int64
	for _, d := range s.Databases {
		all += d.Rows()
	}
	return all
}
