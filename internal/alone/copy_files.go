package alone

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/filetree"
	"understudy/internal/postgres/physical"
)

// copyFiles copies a server by its files, masked in place, into a new folder.
func copyFiles(ctx context.Context, order cli.TwinCopy, folder string, masks understudy.Masks, tell func(string)) (cli.TwinCopied, error) {
	spec := physical.Spec{
		Dir: filepath.Join(folder, "data"), Database: order.Database, Masks: masks, Samples: 400,
		Parallel: order.Copying.Parallel, MaxRate: max(order.Copying.Rate, 0), Notice: tell,
		Progress: func(p physical.Progress) {
			if p.Done == 0 {
				tell(p.Phase)
			}
		},
	}
	if spec.Source = order.From; strings.HasPrefix(order.From, "file:") {
		spec.Source, spec.From = "", filepath.Join(folder, "taken")
		cloned, err := filetree.Clone(ctx, strings.TrimPrefix(strings.TrimPrefix(order.From, "file:"), "//"), spec.From)
		if err != nil {
			return cli.TwinCopied{}, err
		}
		tell("took the files by " + string(cloned.Method))
	}
	made, err := physical.Copy(ctx, spec)
	if err != nil {
		return cli.TwinCopied{}, err
	}
	out := cli.TwinCopied{DatabaseCopy: made.Copy, Phases: map[string]time.Duration{}}
	for _, phase := range made.Phases {
		out.Phases[phase.Name] = phase.Took
	}
	return out, nil
}
