package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"understudy"
)

// TwinCopy is what `twin copy` was asked for.
type TwinCopy struct {
	From     string // URL of a database, or for a copy of files "file:" and a stopped server's folder
	To       string // URL of an empty database, or a folder that does not exist yet
	Database string // which one is kept of a stopped server's folder
	Rules    string // mask.yaml
	Key      string // file of the masking key; made when it is not there
	Proof    string // file of the page; empty: none
	NoProof  bool
	// Follow keeps the copy current until the command is interrupted.
	Follow      bool
	FollowAs    string // names what is made on production for it; empty: after To
	Publication string // production's own; empty: one of the follower's
	Publish     bool   // make that publication
	Copying     understudy.Copying
}

// TwinCopied is what became of it.
type TwinCopied struct {
	understudy.DatabaseCopy
	Directory string                   `json:"directory,omitempty"` // of the server that was made; it is stopped
	Start     string                   `json:"start,omitempty"`     // the command that starts it
	Took      time.Duration            `json:"took"`
	Phases    map[string]time.Duration `json:"phases,omitempty"`
	Followed  *TwinFollowed            `json:"followed,omitempty"` // when it was kept current
}

func (c *cli) twinCopy() *cobra.Command {
	order := TwinCopy{}
	var method, rate string
	cmd := c.command(page{
		use: "copy --from URL --to URL|DIR --mask FILE", short: "copy one database masked, without a project or a daemon", args: takes(0, 0),
		long: "Copies a database to another through masks, as it is at one moment, and proves afterwards that\n" +
			"the copy is whole, that it is alike, and that no original of a masked column is in it. Production is\n" +
			"only read. --to is the URL of an empty database, or a folder that does not exist yet: then a private server\n" +
			"is made there, loaded faster than a server in use can be, and stopped.\n\n" +
			"Every column needs a rule: `understudy mask plan --database URL` proposes them. Equal values become equal\n" +
			"values under one key, so keep the key with production's secrets.",
		example: "understudy mask plan --database postgres://reader@db/shop --print > mask.yaml\n" +
			"PGPASSWORD=… understudy twin copy --from postgres://reader@db/shop --to postgres://postgres@localhost/shop_twin --mask mask.yaml\n" +
			"understudy twin copy --from postgres://reader@db/shop --to ./twin --mask mask.yaml --method physical\n" +
			"understudy twin copy --from postgres://owner@db/shop --to postgres://postgres@localhost/shop_twin --mask mask.yaml --follow --publish",
		exits: "0 done, 1 error, 2 wrong usage, 3 refused: a column is not decided on, a right is missing, or an original was found in the copy",
	}, func(ctx context.Context, _ []string) error {
		if err := order.complete(method, rate); err != nil {
			return err
		}
		if status, apart := c.apart(ctx, order); apart {
			return ended(status)
		}
		made, err := c.programs.CopyTwin(ctx, order, c.tell)
		if err != nil {
			return err
		}
		return show(c, made, c.showCopied)
	})
	flags := cmd.Flags()
	flags.StringVar(&order.From, "from", "", "the database to copy: postgres://…, mysql://…, mariadb://… or sqlite:///path; or file: and the folder of a stopped PostgreSQL server, for a physical copy")
	flags.StringVar(&order.To, "to", "", "an empty database, or a folder to make a private server in")
	flags.StringVar(&order.Database, "database", "", "with --from file:FOLDER, the database to keep")
	flags.StringVar(&order.Rules, "mask", "mask.yaml", "the rules")
	flags.StringVar(&order.Key, "key", "mask.key", "file of the masking key; made when it is not there")
	flags.StringVar(&method, "method", "logical", "logical: row by row. physical: the server's files, masked in place")
	flags.IntVar(&order.Copying.Parallel, "parallel", 0, "tables at once (default 2)")
	flags.StringVar(&rate, "rate", "", "bytes a second taken at most while the source is at work, as 64MB, or 0: as many as come (default 16MB, 8MB of a source on this machine; by files 64MB)")
	flags.IntVar(&order.Copying.MaxLoad, "max-load", 0, "wait while the source has more busy sessions than this (default: do not look)")
	flags.DurationVar(&order.Copying.Deadline, "deadline", 0, "how long it may take (default: as long as it takes)")
	flags.DurationVar(&order.Copying.Hold, "hold", 0, "how long the source's vacuum may be held back (default: as long as it takes)")
	flags.StringVar(&order.Proof, "proof", "", "write the proof as a page to this file")
	c.followFlags(flags, &order)
	flags.BoolVar(&order.NoProof, "no-proof", false, "do not look afterwards whether the copy is whole, alike and without originals")
	return cmd
}

// apart lets a copy yield to production, if that is on this machine: one that follows has to
// keep up.
func (c *cli) apart(ctx context.Context, order TwinCopy) (status int, apart bool) {
	if order.Follow || !order.Copying.GivesWay() || c.programs.Apart == nil {
		return 0, false
	}
	return c.programs.Apart(ctx)
}

func (o *TwinCopy) complete(method, rate string) error {
	for _, needed := range []struct{ flag, value string }{{"--from", o.From}, {"--to", o.To}} {
		if needed.value == "" {
			return understudy.Errorf(understudy.KindInvalid, "twin copy needs %s", needed.flag).WithHint("see: understudy twin copy --help")
		}
	}
	o.Copying.Method = understudy.CopyMethod(method)
	if o.Copying.Method != understudy.CopyLogical && o.Copying.Method != understudy.CopyPhysical {
		return understudy.Errorf(understudy.KindInvalid, "--method: expected logical or physical, found %q", method)
	}
	if err := o.completeFollow(); err != nil {
		return err
	}
	if _, err := os.Stat(o.Rules); err != nil {
		return understudy.Errorf(understudy.KindInvalid, "--mask: there is no file %s", o.Rules).
			WithHint("understudy mask plan --database URL --print > %s", o.Rules)
	}
	var err error
	o.Copying.Rate, err = copyRate("--rate", rate)
	return err
}

func (c *cli) showCopied(made TwinCopied) {
	if made.Database != "" { // else it was there, and was followed
		c.showRows(made)
	}
	if f := made.Followed; f != nil {
		c.voice.print("followed production for %s: %s changes in %s transactions; the same command goes on", took(f.For), number(f.Changes), number(f.Transactions))
	}
}

func (c *cli) showRows(made TwinCopied) {
	masked := 0
	for _, t := range made.Tables {
		masked += len(t.Masked)
	}
	c.voice.print("copied %s: %s rows in %d tables, %d columns masked, in %s", made.Database, number(made.Rows()), len(made.Tables), masked, took(made.Took))
	var phases []string
	for _, phase := range slices.SortedFunc(maps.Keys(made.Phases), func(a, b string) int { return int(made.Phases[b] - made.Phases[a]) }) {
		phases = append(phases, fmt.Sprintf("%s %s", phase, took(made.Phases[phase])))
	}
	if len(phases) > 0 {
		c.voice.print("  %s", strings.Join(phases, ", "))
	}
	if made.Proof != nil {
		c.showProof(made.Database, *made.Proof)
	}
	if made.Start != "" {
		c.voice.print("the server is stopped; start it with: %s", made.Start)
	}
}
