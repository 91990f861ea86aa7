package main

import (
	"context"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"understudy/bench/figures"
)

//go:embed mask.yaml
var shopRules string

// theirMask finds what a rule does.
var theirMask = regexp.MustCompile(`(?m)^(  \S+): .*$`)

// writeRules writes the shop's mask.yaml, and the same with everything kept.
func (b *bench) writeRules() error {
	b.masked, b.kept = filepath.Join(b.dir, "mask.yaml"), filepath.Join(b.dir, "keep.yaml")
	if err := os.WriteFile(b.masked, []byte(shopRules), 0o644); err != nil {
		return err
	}
	return os.WriteFile(b.kept, []byte(theirMask.ReplaceAllString(shopRules, "$1: keep")), 0o644)
}

// copies sets the ways of copying against each other.
func (b *bench) copies(ctx context.Context) error {
	const dumped, logical, unmasked, physical = "pg_dump + pg_restore", "logical, masked", "logical, unmasked", "physical, masked"
	ways := []way{b.dumpAndRestore(), b.ours(logical, b.masked), b.ours(unmasked, b.kept), b.ours(physical, b.masked, "--method", "physical")}
	program, err := exec.LookPath("greenmask")
	if err == nil {
		ways = append(ways, b.greenmask(program))
	}
	took, err := interleaved(ctx, b.rounds, ways)
	if err != nil {
		return err
	}
	bytes, rows, err := b.source.size(ctx, database)
	if err != nil {
		return err
	}
	peer := took[dumped].seconds
	b.restored = peer
	b.note(
		figures.Against("logical copy, masked, all valid", took[logical].seconds, "s", "unmasked pg_dump -Fd -j2 + pg_restore -j2", peer, 1.0, 0),
		figures.Against("logical copy, masked", took[logical].seconds, "s", "the same, unmasked", took[unmasked].seconds, 1.15, 0),
		figures.Against("physical copy, masks in place", took[physical].seconds, "s", "unmasked pg_dump -Fd -j2 + pg_restore -j2", peer, 0.55, 0),
		figures.Alone("logical copy, masked: memory", took[logical].memory, "MB", 200, 0),
		figures.Alone("physical copy: memory", took[physical].memory, "MB", 200, 0),
		figures.Alone("logical copy, masked: rows", float64(rows)/took[logical].seconds, "rows/s", 0, 0),
		figures.Alone("logical copy, masked: bytes", float64(bytes)/1e6/took[logical].seconds, "MB/s", 0, 0),
		figures.Against("logical copy, masked: processor", took[logical].processor, "s", "unmasked pg_dump -Fd -j2 + pg_restore -j2", took[dumped].processor, 0, 0),
		figures.Alone("physical copy: bytes", float64(bytes)/1e6/took[physical].seconds, "MB/s", 0, 0),
		figures.Against("physical copy: processor", took[physical].processor, "s", "unmasked pg_dump -Fd -j2 + pg_restore -j2", took[dumped].processor, 0, 0),
	)
	if masked, built := took["Greenmask"]; built {
		b.note(figures.Against("logical copy, masked", took[logical].seconds, "s", "Greenmask, six columns, pgzip", masked.seconds, 0.6, 0))
	} else {
		b.note(figures.Unmeasured("logical copy, masked", "at most 0.6 x", "no greenmask on the PATH"))
	}
	return nil
}
