package cli

import (
	"strings"
	"time"

	"github.com/spf13/pflag"

	"understudy"
)

// TwinFollowed is what came after a copy that was kept current.
type TwinFollowed struct {
	Transactions int64         `json:"transactions"`
	Changes      int64         `json:"changes"` // rows
	For          time.Duration `json:"for"`
}

func (c *cli) followFlags(flags *pflag.FlagSet, order *TwinCopy) {
	flags.BoolVar(&order.Follow, "follow", false, "keep the copy current until interrupted; the same command goes on with it")
	flags.StringVar(&order.FollowAs, "follow-as", "", "with --follow, what the slot and the publication on the source are called, behind understudy_ (default: after --to)")
	flags.StringVar(&order.Publication, "publication", "", "with --follow, a publication of the source that holds every table")
	flags.BoolVar(&order.Publish, "publish", false, "with --follow, make the publication; the role of --from has to own the tables")
}

func (o *TwinCopy) completeFollow() error {
	extras := o.FollowAs != "" || o.Publication != "" || o.Publish
	switch {
	case !o.Follow && extras:
		return understudy.Errorf(understudy.KindInvalid, "--follow-as, --publication and --publish are for a copy that is followed").WithHint("add --follow")
	case !o.Follow:
		return nil
	case o.Copying.Method != understudy.CopyLogical:
		return understudy.Errorf(understudy.KindInvalid, "--follow: expected a copy by rows, found --method %s", o.Copying.Method)
	case !strings.HasPrefix(o.From, "postgres://") && !strings.HasPrefix(o.From, "postgresql://"):
		return understudy.Errorf(understudy.KindInvalid, "--follow: expected a PostgreSQL server as --from")
	case !strings.Contains(o.To, "://"):
		return understudy.Errorf(understudy.KindInvalid, "--follow: expected --to to be the address of a database, found folder %s", o.To).
			WithHint("a copy in a folder is stopped when it is done, and cannot be followed")
	case o.Copying.Deadline > 0:
		return understudy.Errorf(understudy.KindInvalid, "--deadline: a copy that is followed goes on until it is interrupted")
	}
	return nil
}
