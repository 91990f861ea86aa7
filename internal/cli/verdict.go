package cli

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) verdictCommand() *cobra.Command {
	return c.group("verdict", "list, show, verify and revoke verdicts",
		"A verdict is what a rehearsal concludes, signed. NAME is a verdict's or a rehearsal's ID, or a\n"+
			"release: then its newest verdict.",
		c.verdictList(), c.verdictShow(), c.verdictVerify(), c.verdictRevoke())
}

func (c *cli) verdictList() *cobra.Command {
	return c.command(page{
		use: "list", short: "list the verdicts, oldest first", args: takes(0, 0),
		long:    "Lists the verdicts, oldest first, with what became of them. Whether a promotion may rest on one\nis asked with understudy gate.",
		example: "understudy verdict list",
	}, func(ctx context.Context, _ []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			all, err := roles.Verdicts.Verdicts(ctx)
			if err != nil {
				return err
			}
			return show(c, all, func(all []understudy.Verdict) {
				var rows [][]string
				for _, v := range all {
					rows = append(rows, []string{v.ID, v.Label, v.Release.Short(), outcomeOf(v), moment(v.SignedAt)})
				}
				c.voice.table("ID RELEASE DIGEST VERDICT SIGNED", rows, "there are no verdicts; a rehearsal ends with one: understudy rehearse RELEASE")
			})
		})
	})
}

func outcomeOf(v understudy.Verdict) string {
	if v.RevokedAt.IsZero() {
		return string(v.Outcome)
	}
	return string(v.Outcome) + ", revoked"
}

func (c *cli) verdictShow() *cobra.Command {
	return c.command(page{
		use: "show NAME", short: "show a verdict", args: takes(1, 1),
		long: "Shows what a verdict is about, when it was signed, and whether it was revoked. With --json the\n" +
			"signed envelope too, which other tools can verify.",
		example: "understudy verdict show v2\nunderstudy verdict show v2 --json | jq -r .envelope | base64 -d",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			v, err := roles.Verdicts.Verdict(ctx, args[0])
			if err != nil {
				return err
			}
			return show(c, v, c.showVerdict)
		})
	})
}

func (c *cli) showVerdict(v understudy.Verdict) {
	c.voice.print("verdict    %s", v.ID)
	c.voice.print("outcome    %s", outcomeOf(v))
	c.voice.print("release    %s %s", v.Label, v.Release)
	c.voice.print("rehearsal  %s", v.Rehearsal)
	c.voice.print("signed     %s", moment(v.SignedAt))
	if !v.RevokedAt.IsZero() {
		c.voice.print("revoked    %s by %s: %s", moment(v.RevokedAt), v.RevokedBy, v.RevokedFor)
	}
}

func (c *cli) verdictVerify() *cobra.Command {
	return c.command(page{
		use: "verify NAME", short: "verify a verdict and print what was signed", args: takes(1, 1),
		long: "Checks the signature, what it was signed for, and that it was not revoked; then prints what\n" +
			"the signed statement binds together, and the approvals of its release whose signatures hold.",
		example: "understudy verdict verify v2",
		exits:   "0 it holds, 1 error, 2 wrong usage, 3 it does not hold",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			statement, err := roles.Verdicts.VerifyVerdict(ctx, args[0])
			if err != nil {
				return err
			}
			approvals, err := roles.Approvals.Approvals(ctx, string(statement.Release), statement.Production.Environment)
			if err != nil {
				return err
			}
			return show(c, verified{statement, approvals}, func(v verified) {
				c.showStatement(v.Statement)
				c.showApprovals(v.Approvals)
			})
		})
	})
}

// verified is a statement with the approvals of its release.
type verified struct {
	understudy.Statement
	Approvals []understudy.SignedApproval `json:"approvals,omitempty"`
}

func (c *cli) showStatement(s understudy.Statement) {
	v := c.voice
	v.print("the signature holds; it says:")
	v.print("outcome        %s, by rehearsal %s, %s to %s", s.Outcome, s.Rehearsal, moment(s.StartedAt), moment(s.EndedAt))
	v.print("release        %s %s", s.Label, s.Release)
	v.print("artifact       %s", s.Artifact)
	v.print("configuration  %s", s.Config)
	v.print("migrations     %s", s.Migrations)
	v.showFlags(s)
	v.print("policy         %s", s.Policy)
	v.print("against        %s, running %s, as of %s", s.Production.Environment, s.Production.ReleaseLabel, moment(s.Production.ObservedAt))
	v.print("data           snapshot %s of %s, %s rows, taken %s", s.Snapshot.ID, s.Snapshot.Of, number(rows(s.Snapshot)), moment(s.Snapshot.TakenAt))
	if p := s.Parity; p != nil {
		v.print("parity         %s, in evidence %s", p, p.Digest.Short())
		for _, a := range p.Accepted {
			v.print("accepted       %s, by %s", a.Acceptance, a.Said())
		}
	}
	if e := s.Expected; e != nil {
		v.print("expected       %s (%s)", e.Range(), e.Basis)
		v.print("locks          %s", cmp.Or(strings.Join(e.Locked(), ", "), "nothing that is there strongly"))
	}
	for _, ran := range s.Running {
		how := "as it was started"
		if ran.Read == "kernel" {
			how = "read back from it"
		}
		v.print("ran with       %s, configuration %s, %s", ran.Program, short(ran.Print), how)
	}
	for _, check := range s.Checks {
		v.print("check          %s %s", check.Name, check.Outcome)
	}
}

// showFlags says which flags a release declares, and which combinations of them passed.
func (v *voice) showFlags(s understudy.Statement) {
	if s.Flags == "" {
		return
	}
	v.print("flags          %s", s.Flags)
	for _, row := range s.FlagRows {
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(row)) {
			parts = append(parts, key+"="+cmp.Or(row[key], "(as declared)"))
		}
		v.print("passed with    %s", strings.Join(parts, " "))
	}
}

func (c *cli) verdictRevoke() *cobra.Command {
	var reason string
	cmd := c.command(page{
		use: "revoke NAME --reason R", short: "make a verdict count no longer", args: takes(1, 1),
		long: "Makes a verdict count no longer, for good; the release has to be rehearsed again. The reason\n" +
			"stands in the journal.",
		example: "understudy verdict revoke v2 --reason 'payments were not covered'",
	}, func(ctx context.Context, args []string) error {
		if reason == "" {
			return understudy.Errorf(understudy.KindInvalid, "a verdict is revoked for a reason, and none was given").WithHint("say why with --reason")
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			v, err := roles.Verdicts.RevokeVerdict(ctx, api.Revoke{Name: args[0], By: who(), Reason: reason})
			if err != nil {
				return err
			}
			return show(c, v, c.showVerdict)
		})
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why it counts no longer")
	return cmd
}
