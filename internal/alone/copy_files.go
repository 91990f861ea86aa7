package alone

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/filetree"
	"understudy/internal/mask"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/physical"
	"understudy/internal/postgres/proof"
)

// copyFiles copies a server by its files, masked in place, into a new folder.
func copyFiles(ctx context.Context, order cli.TwinCopy, folder string, masks understudy.Masks, tell func(string)) (cli.TwinCopied, error) {
	spec := physical.Spec{
		Dir: filepath.Join(folder, "data"), Database: order.Database, Masks: masks, Samples: 400,
		Parallel: order.Copying.Parallel, MaxRate: physical.Rate(order.Copying.Rate), Notice: tell,
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
	made, err := copyFilesAndProve(ctx, order, spec, tell)
	if err != nil {
		return cli.TwinCopied{}, err
	}
	out := cli.TwinCopied{DatabaseCopy: made.Copy, Phases: map[string]time.Duration{}}
	for _, phase := range made.Phases {
		out.Phases[phase.Name] = phase.Took
	}
	return out, nil
}

// copyFilesAndProve copies by files, and searches them and the server for originals. Rows
// are not counted against the source: a copy of files is of no snapshot that could be held.
func copyFilesAndProve(ctx context.Context, order cli.TwinCopy, spec physical.Spec, tell func(string)) (made physical.Result, err error) {
	if order.NoProof {
		return physical.Copy(ctx, spec)
	}
	rules, err := mask.Load(order.Rules)
	if err != nil {
		return made, err
	}
	p, err := proof.New(proof.Spec{
		Masks: spec.Masks, Room: room, Compare: proof.Off, Parallel: spec.Parallel, Files: proof.Folder(spec.Dir), Tell: tell,
		Accepted: rules.Accepted, Groups: Groups(rules),
	})
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	spec.Masks = p.Masks
	if made, err = physical.Copy(ctx, spec); err != nil {
		return made, err
	}
	server := cluster.New(cluster.Spec{Dir: spec.Dir, SocketDir: filepath.Join(filepath.Dir(spec.Dir), "run"), Log: filepath.Join(filepath.Dir(spec.Dir), "log")})
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	if err := server.Start(ctx); err != nil {
		return made, err
	}
	found, err := p.Loosely(ctx, spec.Source, server.AdminURL(made.Copy.Database))
	if err != nil {
		return made, err
	}
	made.Copy.Proof = &found
	return made, errors.Join(writePage(order.Proof, made.Copy), judge(found))
}
