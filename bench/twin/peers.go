package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed greenmask.yml
var greenmaskConfig string

// dumpAndRestore is PostgreSQL's own way, unmasked: two jobs, no compression.
func (b *bench) dumpAndRestore() way {
	files := filepath.Join(b.dir, "dump")
	return way{
		name:    "pg_dump + pg_restore",
		prepare: func(ctx context.Context) error { return errors.Join(os.RemoveAll(files), b.peer.anew(ctx, "restored")) },
		run: func(ctx context.Context) (float64, error) {
			out, err := command(ctx, filepath.Join(b.bin, "pg_dump"), "-Fd", "-j2", "-Z0", "-f", files, b.source.AdminURL(database))
			if err != nil {
				return 0, err
			}
			in, err := command(ctx, filepath.Join(b.bin, "pg_restore"), "-j2", "-d", b.peer.AdminURL("restored"), files)
			if err != nil {
				return 0, err
			}
			conn, err := b.peer.Connect(ctx, "restored")
			if err != nil {
				return 0, err
			}
			defer conn.Close(context.WithoutCancel(ctx))
			_, err = conn.Exec(ctx, "ANALYZE")
			return max(out, in), err
		},
	}
}

// greenmask masks six columns in its fastest setting: deterministic, pgzip.
func (b *bench) greenmask(program string) way {
	folder := filepath.Join(b.dir, "greenmask")
	config := filepath.Join(folder, "config.yml")
	return way{
		name: "Greenmask",
		prepare: func(ctx context.Context) error {
			if err := errors.Join(os.RemoveAll(folder), b.peer.anew(ctx, "restored")); err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Join(folder, "store"), 0o755); err != nil {
				return err
			}
			text := strings.NewReplacer("{{bin}}", b.bin, "{{folder}}", folder, "{{source}}", b.source.AdminURL(database), "{{target}}", b.peer.AdminURL("restored")).Replace(greenmaskConfig)
			return os.WriteFile(config, []byte(text), 0o600)
		},
		run: func(ctx context.Context) (float64, error) {
			out, err := command(ctx, program, "--config", config, "dump", "--pgzip")
			if err != nil {
				return 0, err
			}
			in, err := command(ctx, program, "--config", config, "restore", "latest", "--pgzip")
			return max(out, in), err
		},
	}
}

// underLoad is how many transactions a second pgbench gets through on the source: alone,
// and while act runs.
func (b *bench) underLoad(ctx context.Context, seconds int, act func(context.Context) error) (alone, during float64, err error) {
	if alone, err = b.pgbench(ctx, seconds); err != nil {
		return 0, 0, err
	}
	acting, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- act(acting) }()
	during, err = b.pgbench(ctx, seconds)
	stop()
	if acted := <-ended; acted != nil && acting.Err() == nil {
		err = errors.Join(err, acted)
	}
	return alone, during, err
}

func (b *bench) pgbench(ctx context.Context, seconds int) (float64, error) {
	said, _, err := output(ctx, filepath.Join(b.bin, "pgbench"), "-n", "-c", "2", "-T", strconv.Itoa(seconds), b.source.AdminURL("bench"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(said) {
		var tps float64
		if n, _ := fmt.Sscanf(line, "tps = %f", &tps); n == 1 {
			return tps, nil
		}
	}
	return 0, fmt.Errorf("pgbench did not say how many transactions it got through:\n%s", said)
}
