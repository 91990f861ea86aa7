package alone

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/keyfile"
	"understudy/internal/mask"
	"understudy/internal/maskprogram"
	"understudy/internal/postgres"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/logical"
	"understudy/internal/yield"
)

// slack is by how many percent the collector lets memory grow beyond what is in use: that
// is little in a copy, and looking for what is not costs a tenth of its time.
const slack = 400

// CopyTwin copies one database masked, as `understudy twin copy` was asked to.
func CopyTwin(ctx context.Context, order cli.TwinCopy, tell func(string)) (cli.TwinCopied, error) {
	started := time.Now()
	defer debug.SetGCPercent(debug.SetGCPercent(slack))
	if !order.Follow && order.Copying.GivesWay() { // what follows has to keep up
		yield.Session(os.Getpid())
	}
	if order.Copying.Deadline > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, order.Copying.Deadline,
			understudy.Errorf(understudy.KindUnavailable, "the copy took longer than its deadline of %s", order.Copying.Deadline))
		defer cancel()
		ctx = limited
	}
	if err := checkPage(order); err != nil {
		return cli.TwinCopied{}, err
	}
	masks, err := masksOf(order)
	if err != nil {
		return cli.TwinCopied{}, err
	}
	kind, err := engine(order.From)
	if err != nil {
		return cli.TwinCopied{}, understudy.Errorf(understudy.KindInvalid, "--from: %w", err)
	}
	var made cli.TwinCopied
	if kind == "mysql" || kind == "sqlite" {
		made, err = copyOther(ctx, order, kind, masks, tell)
	} else {
		made, err = copyPostgres(ctx, order, masks, tell)
	}
	made.Took = time.Since(started)
	if made.Followed != nil {
		made.Took -= made.Followed.For
	}
	return made, planned(err, order.Rules)
}

// planned says to whom columns are not decided on how rules for them are proposed without a project.
func planned(err error, rules string) error {
	if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(understudy.HintOf(err), "`understudy mask plan`") {
		return err
	}
	return understudy.Errorf(understudy.KindRefused, "%w", err).
		WithHint("decide each of these columns: understudy mask plan --database URL --mask %s proposes rules", rules)
}

// checkPage refuses a page of the proof that would have no folder when the copy is done.
func checkPage(order cli.TwinCopy) error {
	folder := filepath.Dir(order.Proof)
	if is, err := os.Stat(folder); order.Proof != "" && (err != nil || !is.IsDir()) {
		return understudy.Errorf(understudy.KindInvalid, "--proof: %s is no folder that is there; nothing was copied", folder)
	}
	return nil
}

func masksOf(order cli.TwinCopy) (understudy.Masks, error) {
	policy, err := mask.Load(order.Rules)
	if err != nil {
		return nil, err
	}
	key, err := keyfile.Open(order.Key)
	if err != nil {
		return nil, err
	}
	return policy.Masks(key, mask.WithProgram(maskprogram.Runner{}.Run)), nil
}

// isURL tells the address of a database from a folder.
func isURL(to string) bool { return strings.Contains(to, "://") }

func copyPostgres(ctx context.Context, order cli.TwinCopy, masks understudy.Masks, tell func(string)) (cli.TwinCopied, error) {
	files := order.Copying.Method == understudy.CopyPhysical
	switch {
	case files && isURL(order.To):
		return cli.TwinCopied{}, understudy.Errorf(understudy.KindInvalid, "--to: a physical copy is made in a folder; expected one that is not there, found an address")
	case files:
		return inNewFolder(ctx, order.To, tell, func(folder string) (cli.TwinCopied, error) { return copyFiles(ctx, order, folder, masks, tell) })
	case strings.HasPrefix(order.From, "file:"):
		return cli.TwinCopied{}, understudy.Errorf(understudy.KindInvalid, "--from: a folder can be copied by its files only").WithHint("add --method physical")
	}
	return copyRows(ctx, order, masks, tell)
}

// copyRows copies by rows, into a database that is there or a server made for it.
func copyRows(ctx context.Context, order cli.TwinCopy, masks understudy.Masks, tell func(string)) (cli.TwinCopied, error) {
	bin, err := programs(ctx, order.From)
	if err != nil {
		return cli.TwinCopied{}, err
	}
	spec := rows(order, masks, tell)
	spec.Bin = bin
	if isURL(order.To) {
		spec.Target = order.To
		if order.Follow {
			return copyAndFollow(ctx, order, spec, tell)
		}
		made, err := copyAndProve(ctx, order, spec, tell)
		if err != nil && ctx.Err() != nil {
			tell("the target may hold a part of the copy: drop and create that database before the next one")
		}
		return cli.TwinCopied{DatabaseCopy: made}, err
	}
	return inNewFolder(ctx, order.To, tell, func(folder string) (cli.TwinCopied, error) {
		made, err := copyIntoServer(ctx, order, folder, spec, tell)
		return cli.TwinCopied{DatabaseCopy: made}, err
	})
}

// programs finds the programs of the source's own major version, or of the next newer.
func programs(ctx context.Context, from string) (string, error) {
	conn, err := postgres.OpenReader(ctx, from, "understudy")
	if err != nil {
		return "", err
	}
	defer postgres.CloseConn(ctx, conn)
	version, err := postgres.ServerVersion(ctx, conn)
	if err != nil {
		return "", err
	}
	var major int
	if _, err := fmt.Sscanf(version, "%d", &major); err != nil {
		return "", understudy.Errorf(understudy.KindInternal, "the source calls its version %q, which is none", version)
	}
	all, err := cluster.Installations()
	if err != nil {
		return "", err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Major >= major {
			return all[i].Bin, nil
		}
	}
	return "", understudy.Errorf(understudy.KindUnavailable, "the source is PostgreSQL %d, and this machine has %d at most", major, all[0].Major).
		WithHint("install the package postgresql-%d", major)
}

// rows is the order for a copy by rows.
func rows(order cli.TwinCopy, masks understudy.Masks, tell func(string)) logical.Spec {
	last := time.Time{}
	return logical.Spec{
		Source: order.From, Masks: masks, Parallel: order.Copying.Parallel, Samples: 400, Notice: tell,
		Gentle: logical.Gentle{Rate: order.Copying.Rate, MaxLoad: order.Copying.MaxLoad, MaxHold: order.Copying.Hold},
		Progress: func(p logical.Progress) {
			if time.Since(last) > time.Second {
				last = time.Now()
				tell(p.String())
			}
		},
	}
}
