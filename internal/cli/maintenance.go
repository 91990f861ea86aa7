package cli

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) maintenanceCommand() *cobra.Command {
	return c.group("maintenance", "close an environment to customers for a while",
		"During maintenance everybody is answered 503 with a page, but for those who are let through.\n"+
			"It lasts until it is ended, through restarts and promotions. What is under way goes on.",
		c.maintenanceOn(), c.maintenanceOff())
}

func (c *cli) maintenanceOn() *cobra.Command {
	var request api.Maintain
	var file string
	cmd := c.command(page{use: "on ENV [--reason R] [--page FILE] [--allow CIDR] [--token]", short: "answer everybody with a page", args: takes(1, 1),
		long: "Answers everybody 503 with Retry-After and a page: yours, or a plain one. Programs that ask for no\n" +
			"page get one sentence. The health paths of routed services are answered 200 meanwhile, so that a\n" +
			"balancer in front keeps this machine. The reason stands in the journal and in status, not on the page.",
		example: "understudy maintenance on production --reason 'new disks' --page soon.html --allow 10.0.0.0/8"},
		func(ctx context.Context, args []string) error {
			request.Environment, request.By = args[0], who()
			var err error
			if request.Page, err = readPage(file); err != nil {
				return err
			}
			return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
				if err := roles.Doors.Maintain(ctx, request); err != nil {
					return err
				}
				c.voice.say("%s is closed for maintenance; open it with: understudy maintenance off %s", args[0], args[0])
				return nil
			})
		})
	flags := cmd.Flags()
	flags.StringVar(&request.Reason, "reason", "", "why, for the journal")
	flags.StringVar(&file, "page", "", "a file of HTML to show")
	flags.StringArrayVar(&request.Allow, "allow", nil, "an address or CIDR that is let through; may be given again")
	flags.BoolVar(&request.Testers, "token", false, "let through who brings the environment's token")
	return cmd
}

func (c *cli) maintenanceOff() *cobra.Command {
	var request api.EndMaintenance
	cmd := c.command(page{use: "off ENV [--reason R]", short: "serve everybody again", args: takes(1, 1),
		long: "Ends a maintenance. Where there is none, nothing changes.", example: "understudy maintenance off production"},
		func(ctx context.Context, args []string) error {
			request.Environment, request.By = args[0], who()
			return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
				if err := roles.Doors.EndMaintenance(ctx, request); err != nil {
					return err
				}
				c.voice.say("%s is open", args[0])
				return nil
			})
		})
	cmd.Flags().StringVar(&request.Reason, "reason", "", "why, for the journal")
	return cmd
}

// largestPage is more than the router takes, so that it is who says so.
const largestPage = 512 << 10

func readPage(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	file, err := os.Open(path)
	if err != nil {
		return "", understudy.Errorf(understudy.KindInvalid, "reading the page: %w", err)
	}
	defer func() { _ = file.Close() }() // only read from
	text, err := io.ReadAll(io.LimitReader(file, largestPage))
	if err != nil {
		return "", understudy.Errorf(understudy.KindInvalid, "reading the page: %w", err)
	}
	return string(text), nil
}

// showDoor says how an environment is reached, and what somebody should see to.
func (c *cli) showDoor(e api.EnvironmentStatus) {
	if len(e.Sites) > 0 {
		c.voice.print("  sites: %s", strings.Join(e.Sites, "  "))
	}
	if m := e.Maintenance; m != nil {
		c.voice.print("  closed for maintenance since %s by %s%s (understudy maintenance off %s)", moment(m.Since), m.By, forReason(m.Reason), e.Environment.Name)
		if letThrough := append(m.Allow, testers(m.Testers)...); len(letThrough) > 0 {
			c.voice.print("    let through: %s", strings.Join(letThrough, ", "))
		}
	}
	for _, one := range e.Certificates {
		c.voice.print("  certificate %s", certificateLine(one))
	}
	for _, problem := range e.Problems {
		c.voice.print("  problem: %s", problem)
	}
}

func forReason(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func testers(through bool) []string {
	if through {
		return []string{"who brings the token"}
	}
	return nil
}

func certificateLine(c understudy.Certificate) string {
	line := strings.Join(c.Hosts, ", ")
	switch {
	case c.Until.IsZero():
		line += "  none yet"
	default:
		line += "  until " + c.Until.UTC().Format(time.DateTime)
	}
	line += "  from " + c.From
	if c.Problem != "" {
		line += "\n    problem: " + c.Problem
	}
	return strings.TrimSpace(line)
}
