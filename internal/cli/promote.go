package cli

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) promoteCommand() *cobra.Command {
	var request api.Promote
	var yes, detach bool
	cmd := c.command(page{
		use: "promote RELEASE [--to production] [--yes] [--detach] [--break-glass --reason R]", short: "bring a rehearsed release to production", args: takes(1, 1),
		long: "Says what will change, asks once, and switches without losing a request; then watches, and goes\n" +
			"back by itself when the release does worse. Without a valid verdict it refuses, and says why.\n" +
			"Breaking the glass passes over what a person may answer for, once, and owes a rehearsal.",
		example: "understudy promote v2\nunderstudy promote v2 --to production --yes\nunderstudy promote v3 --break-glass --reason 'checkout is down'",
		exits:   "0 promoted, 1 error or gone back, 2 wrong usage, 3 refused; with --detach 0 once it is under way",
	}, func(ctx context.Context, args []string) error {
		if !yes && !c.canAsk() {
			return notAsked("promote")
		}
		if request.BreakGlass && strings.TrimSpace(request.Reason) == "" {
			return understudy.Errorf(understudy.KindInvalid, "the glass is broken for a reason, and none was given").WithHint("say why with --reason")
		}
		if request.Reason != "" && !request.BreakGlass {
			return understudy.Errorf(understudy.KindInvalid, "--reason is why the glass is broken, and it is not").WithHint("leave it out, or add --break-glass")
		}
		request.Release, request.By = args[0], who()
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			if err := c.agree(ctx, roles.Promotions, request, yes); err != nil {
				return err
			}
			p, err := roles.Promotions.Promote(ctx, request)
			if err != nil {
				return err
			}
			return c.under(ctx, roles.Promotions, p, detach)
		})
	})
	cmd.Flags().BoolVar(&request.BreakGlass, "break-glass", false, "pass over what a person may answer for")
	cmd.Flags().StringVar(&request.Reason, "reason", "", "why the glass is broken")
	cmd.Flags().StringVar(&request.To, "to", "", "environment to promote it to (default production)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&detach, "detach", false, "do not follow: return once it is under way")
	return cmd
}

// agree shows what a promotion would change, and asks.
func (c *cli) agree(ctx context.Context, promotions api.Promotions, request api.Promote, yes bool) error {
	plan, err := promotions.PlanPromotion(ctx, request)
	if err != nil {
		return err
	}
	if err := refusal(plan); err != nil {
		return err
	}
	c.voice.say("%s goes to %s%s%s", plan.Label, plan.To, after(", instead of ", plan.OldLabel), after(", by verdict ", plan.Verdict))
	for _, change := range plan.Changes {
		c.voice.say("  - %s", change)
	}
	if yes {
		return nil
	}
	question := "promote " + plan.Label + " to " + plan.To + "?"
	if plan.Glass != nil && len(plan.Glass.Passed) > 0 {
		question = "break the glass, and " + question
	}
	return c.confirm(ctx, question)
}

// under follows an act that is under way, or says how to.
func (c *cli) under(ctx context.Context, promotions api.Promotions, p understudy.Promotion, detach bool) error {
	if err := refusal(p); err != nil {
		return err
	}
	if detach {
		return show(c, p, func(p understudy.Promotion) {
			c.voice.print("%s", p.ID)
			c.voice.say("promotion %s is under way; follow it with: understudy promotion watch %s", p.ID, p.ID)
		})
	}
	ended, err := c.followPromotion(ctx, promotions, p.ID, 0)
	if err != nil {
		return err
	}
	if err := show(c, ended, c.showPromoted); err != nil {
		return err
	}
	return promoted(ended)
}

// promoted is how a promotion ends the command: going back is no success.
func promoted(p understudy.Promotion) error {
	switch p.State {
	case understudy.PromotionSettled, understudy.PromotionContracted:
		return nil
	case understudy.PromotionRefused:
		return refusal(p)
	}
	return understudy.Errorf(understudy.KindConflict, "%s went back to %s%s", p.To, orNothing(p.OldLabel), after(": ", p.Reason)).
		WithHint("nothing is promoted to %s until somebody lifts the hold: understudy hold lift %s --reason …", p.To, p.To)
}

func orNothing(label string) string {
	if label == "" {
		return "what it ran before"
	}
	return label
}

// canAsk tells whether there is somebody to ask.
func (c *cli) canAsk() bool {
	in, isFile := c.streams.In.(*os.File)
	return isFile && term.IsTerminal(int(in.Fd())) && c.voice.terminal.file != nil
}

func notAsked(what string) error {
	return understudy.Errorf(understudy.KindInvalid, "%s asks before it acts, and there is no terminal to ask on", what).
		WithHint("say that it may with --yes")
}

// confirm asks, and is nil only where the answer is yes.
func (c *cli) confirm(ctx context.Context, question string) error {
	if _, err := c.voice.err.Write([]byte(clean(question) + " [y/N] ")); err != nil {
		return err
	}
	answer := make(chan string, 1)
	go func() { // until a line is read, or the process ends
		line, err := bufio.NewReader(c.streams.In).ReadString('\n')
		if err != nil {
			line = ""
		}
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		c.voice.say("")
		return ctx.Err()
	case said := <-answer:
		if said == "y" || said == "yes" {
			return nil
		}
	}
	return errors.New("nothing was done: the answer was not yes")
}
