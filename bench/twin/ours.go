package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"understudy/internal/postgres/cluster"
)

// copied is what `understudy twin copy --json` says, as far as it is looked at here.
type copied struct {
	Directory string `json:"directory"`
	Seconds   struct {
		Rows float64 `json:"rows"`
	} `json:"seconds"`
}

// ours is Understudy's own copy into a new private server below a folder: the whole
// program, from its start to a server that is sealed and stopped.
func (b *bench) ours(name, rules string, more ...string) way {
	to := filepath.Join(b.dir, "twin")
	return way{
		name:    name,
		prepare: func(context.Context) error { return os.RemoveAll(to) },
		run: func(ctx context.Context) (float64, error) {
			args := append([]string{"twin", "copy", "--from", b.source.AdminURL(database), "--to", to, "--mask", rules, "--key", b.key, "--rate", "0", "--no-proof", "--json"}, more...)
			said, memory, err := output(ctx, b.understudy, args...)
			if err != nil {
				return 0, err
			}
			var made copied
			return memory, json.Unmarshal([]byte(said), &made)
		},
	}
}

// at describes the server whose data stands in a folder that a copy made.
func at(dir string) server {
	return server{cluster.New(cluster.Spec{Dir: filepath.Join(dir, "data"), SocketDir: filepath.Join(dir, "s"), Log: filepath.Join(dir, "log"), Settings: settings()}), dir}
}
