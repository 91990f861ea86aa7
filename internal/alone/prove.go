package alone

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"understudy"
	"understudy/internal/atomicfile"
	"understudy/internal/cli"
	"understudy/internal/leak"
	"understudy/internal/mask"
	"understudy/internal/postgres/logical"
	"understudy/internal/postgres/proof"
	"understudy/internal/proofpage"
)

// copyAndProve copies by rows, and looks whether the copy is whole, alike and without
// originals: at the source while the snapshot is held, at the rest afterwards.
func copyAndProve(ctx context.Context, order cli.TwinCopy, spec logical.Spec, tell func(string)) (made understudy.DatabaseCopy, err error) {
	if order.NoProof {
		return logical.Copy(ctx, spec)
	}
	rules, err := mask.Load(order.Rules)
	if err != nil {
		return made, err
	}
	p, err := proof.New(proof.Spec{
		Masks: spec.Masks, Earlier: spec.Earlier, Room: room, Parallel: spec.Parallel, Tell: tell, Accepted: rules.Accepted, Groups: Groups(rules),
	})
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	spec.Masks, spec.While = p.Masks, p.Check
	if made, err = logical.Copy(ctx, spec); err != nil {
		return made, err
	}
	found, err := p.Finish(ctx, spec.Target)
	if err != nil {
		return made, err
	}
	made.Proof = &found
	return made, errors.Join(writePage(order.Proof, made), judge(found))
}

// Groups are the groups that the rules of a project have counted, as a proof wants them.
func Groups(rules mask.Policy) []proof.Group {
	var out []proof.Group
	for _, g := range rules.Groups {
		out = append(out, proof.Group(g))
	}
	return out
}

// writePage writes the proof for people, where a page was asked for.
func writePage(path string, made understudy.DatabaseCopy) error {
	if path == "" {
		return nil
	}
	snapshot := understudy.Snapshot{Of: made.Server, Databases: []understudy.DatabaseCopy{made}, TakenAt: made.Proof.At, Took: made.Proof.Took}
	return atomicfile.WriteFrom(path, func(to io.Writer) error { return proofpage.Write(to, snapshot) }, 0o644)
}

// room is a file without a name: it is gone with the program, however that ends.
func room() (leak.File, error) {
	file, err := os.CreateTemp("", "understudy-proof-")
	if err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "making room for fingerprints: %w", err)
	}
	return file, os.Remove(file.Name())
}

// judge refuses a copy that is not whole, or holds originals.
func judge(found understudy.CopyProof) error {
	why := found.Refusals()
	if len(why) == 0 {
		return nil
	}
	return understudy.Errorf(understudy.KindRefused, "the copy was made and must not be used: %s", strings.Join(why, "; "))
}
