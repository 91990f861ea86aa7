// Package throwaway gives benchmarks a PostgreSQL server of their own, which is gone after them.
package throwaway

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"understudy/internal/postgres/cluster"
)

// Server is a running server.
type Server struct {
	*cluster.Cluster
	Bin string // the folder of its programs
	dir string
}

// Start makes a server in a folder of its own and starts it. Of the specification, settings and
// what is preloaded are the caller's. The caller ends it.
func Start(ctx context.Context, spec cluster.Spec) (Server, error) {
	installed, err := cluster.Installations()
	if err != nil {
		return Server{}, err
	}
	dir, err := os.MkdirTemp("/tmp", "us-bench") // a socket's path has to be short
	if err != nil {
		return Server{}, err
	}
	spec.Dir, spec.SocketDir, spec.Log = filepath.Join(dir, "data"), filepath.Join(dir, "s"), filepath.Join(dir, "log")
	s := Server{Cluster: cluster.New(spec), Bin: installed[0].Bin, dir: dir}
	if err := os.Chmod(dir, 0o755); err != nil { // the server runs as somebody else
		return Server{}, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.Start(ctx); err != nil {
		return Server{}, errors.Join(err, s.End(ctx))
	}
	return s, nil
}

// End stops the server and takes its folder away, though the context has ended.
func (s Server) End(ctx context.Context) error {
	return errors.Join(s.Stop(context.WithoutCancel(ctx)), os.RemoveAll(s.dir))
}
