package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) promotionCommand() *cobra.Command {
	return c.group("promotion", "look at promotions, and follow them",
		"A promotion brings a rehearsed release to an environment, unchanged. It belongs to the daemon: it\n"+
			"goes on when the command that asked for it ends.",
		c.promotionList(), c.promotionShow(), c.promotionWatch(), c.promotionSettle(), c.promotionContract())
}

func (c *cli) promotionList() *cobra.Command {
	return c.command(page{
		use: "list", short: "list the promotions, oldest first", args: takes(0, 0),
		long:    "Lists the promotions, oldest first: what went where, how it ended, and by whom. Refused ones\nare listed too.",
		example: "understudy promotion list",
	}, func(ctx context.Context, _ []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			all, err := roles.Promotions.Promotions(ctx)
			if err != nil {
				return err
			}
			return show(c, all, func(all []understudy.Promotion) {
				var rows [][]string
				for _, p := range all {
					rows = append(rows, []string{p.ID, p.Label, p.To, string(p.State), moment(p.MadeAt), p.By})
				}
				c.voice.table("ID RELEASE TO STATE ASKED BY", rows, "there are no promotions; make one with: understudy promote RELEASE")
			})
		})
	})
}

func (c *cli) promotionShow() *cobra.Command {
	return c.command(page{
		use: "show ID", short: "show a promotion and what happened on the way", args: takes(1, 1),
		long:    "Shows what a promotion changed, on which verdict it rested, and every event on the way. With\n--json everything that is recorded.",
		example: "understudy promotion show p-19c2",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			all, err := roles.Promotions.Promotions(ctx)
			if err != nil {
				return err
			}
			at := slices.IndexFunc(all, func(p understudy.Promotion) bool { return p.ID == args[0] })
			if at < 0 {
				return understudy.Errorf(understudy.KindNotFound, "there is no promotion %s", args[0]).WithHint("see what there is: understudy promotion list")
			}
			return show(c, all[at], c.showPromotion)
		})
	})
}

func (c *cli) showPromotion(p understudy.Promotion) {
	c.voice.print("promotion  %s of %s to %s, by %s", p.ID, p.Label, p.To, p.By)
	c.voice.print("state      %s%s", p.State, after(": ", p.Reason))
	if p.Verdict != "" {
		c.voice.print("verdict    %s", p.Verdict)
	}
	if p.Glass != nil && len(p.Glass.Passed) > 0 {
		c.voice.print("BREAK-GLASS by %s: %s", p.Glass.By, p.Glass.Reason)
	}
	for _, change := range p.Changes {
		c.voice.print("change     %s", change)
	}
	for _, why := range p.Refusals {
		c.voice.print("refused    %s", why)
	}
	for _, part := range p.Judged {
		c.voice.print("%-10s %s%s: %s", "judged", part.Outcome, advisory(part), part.Says)
	}
	if p.Contract != nil && p.Contract.Said != "" {
		c.voice.print("contract   %s", p.Contract.Said)
	}
	for _, e := range p.Events {
		c.voice.print("%s  %s", moment(e.At), e.Text)
	}
}

// advisory marks what is told and decides nothing.
func advisory(j understudy.Judged) string {
	if j.Advisory {
		return " (decides nothing)"
	}
	return ""
}

func (c *cli) promotionWatch() *cobra.Command {
	return c.command(page{
		use: "watch ID", short: "follow a promotion until it has ended", args: takes(1, 1),
		long:    "Tells every event of a promotion as it happens, from the first. Interrupting it ends the looking,\nnot the promotion.",
		example: "understudy promotion watch p-19c2",
		exits:   "0 promoted, 1 error or gone back, 2 wrong usage, 3 refused",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			p, err := c.followPromotion(ctx, roles.Promotions, args[0], 0)
			if err != nil {
				return err
			}
			if err := show(c, p, c.showPromoted); err != nil {
				return err
			}
			return promoted(p)
		})
	})
}

func (c *cli) showPromoted(p understudy.Promotion) {
	c.voice.print("%s: %s is %s after %s (%s)", p.To, p.Label, p.State, took(p.EndedAt.Sub(p.MadeAt)), p.ID)
	if p.Glass != nil && len(p.Glass.Passed) > 0 && p.State == understudy.PromotionSettled {
		c.voice.say("hint: %s is owed a rehearsal of it, and gets nothing else before: understudy rehearse %s", p.To, p.Label)
	}
}

// followPromotion tells a promotion's events, but for the first ones that were told
// already, until it has ended.
func (c *cli) followPromotion(ctx context.Context, promotions api.Promotions, id string, told int) (understudy.Promotion, error) {
	var last understudy.Promotion
	var state understudy.PromotionState
	err := c.persist(ctx, func(ctx context.Context) error {
		return promotions.WatchPromotion(ctx, id, func(p understudy.Promotion) error {
			last = p
			for ; told < len(p.Events); told++ {
				c.voice.say("%s %s", p.Events[told].At.Local().Format(time.TimeOnly), p.Events[told].Text)
			}
			if p.State == understudy.PromotionBaking && state != p.State && p.BakeEnds.After(c.now()) {
				c.voice.say("%s watching until %s", c.now().Local().Format(time.TimeOnly), p.BakeEnds.Local().Format(time.TimeOnly))
			}
			state = p.State
			return nil
		})
	})
	if errors.Is(err, context.Canceled) {
		return last, understudy.Errorf(understudy.KindUnavailable, "interrupted; promotion %s goes on", id).WithHint("%s", meanwhile(id, last))
	}
	return last, err
}

// meanwhile is what can be done about a promotion that nobody follows any more. One that goes
// back, or contracts, cannot be taken back.
func meanwhile(id string, last understudy.Promotion) string {
	hint := "follow it again with: understudy promotion watch " + id
	if last.State.CanBecome(understudy.PromotionRollingBack) && last.State != understudy.PromotionSettled {
		hint += "\ntake it back with: understudy rollback " + last.To
	}
	return hint
}
