package main

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"understudy/internal/postgres/cluster"
)

//go:embed shop.sql
var shopSQL string

// server is a PostgreSQL of the benchmark's own.
type server struct {
	*cluster.Cluster
	dir string
}

// settings are those of the anchors' measurements: nothing is made safer or less safe
// than a server in production, and there is memory enough to sort in.
func settings() map[string]string {
	return map[string]string{
		"shared_buffers": "1GB", "maintenance_work_mem": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min",
		"autovacuum": "off", "jit": "off", "max_parallel_maintenance_workers": "1", "wal_level": "logical", "max_connections": "60",
	}
}

// startServer makes and starts one below a folder.
func startServer(ctx context.Context, dir string) (server, error) {
	port, err := freePort()
	if err != nil {
		return server{}, err
	}
	made := cluster.New(cluster.Spec{
		Dir: filepath.Join(dir, "data"), SocketDir: filepath.Join(dir, "s"), Log: filepath.Join(dir, "log"), Port: port, Settings: settings(),
	})
	return server{made, dir}, made.Start(ctx)
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// fill makes the shop, of as many customers and four times as many orders and events.
func (s server) fill(ctx context.Context, database string, customers int) error {
	if _, err := s.EnsureDatabase(ctx, database, "", nil); err != nil {
		return err
	}
	conn, err := s.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	text := strings.NewReplacer("{{customers}}", strconv.Itoa(customers), "{{orders}}", strconv.Itoa(4*customers), "{{events}}", strconv.Itoa(4*customers)).Replace(shopSQL)
	text = "SET synchronous_commit = off;\nSET maintenance_work_mem = '512MB';\n" + text
	for statement := range strings.SplitSeq(text, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("making the shop: %w", err)
		}
	}
	_, err = conn.Exec(ctx, "CHECKPOINT")
	return err
}

// size of a database in bytes, and its rows as the server counts them.
func (s server) size(ctx context.Context, database string) (bytes, rows int64, err error) {
	conn, err := s.Connect(ctx, database)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, `SELECT pg_database_size(current_database()), (SELECT sum(reltuples)::bigint FROM pg_class c
		JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname = 'public')`).Scan(&bytes, &rows)
	return bytes, rows, err
}

// anew drops a database and makes it empty.
func (s server) anew(ctx context.Context, database string) error {
	if err := s.Drop(ctx, database); err != nil {
		return err
	}
	_, err := s.EnsureDatabase(ctx, database, "", nil)
	return err
}

// processor is how many seconds of processor time a server has used, its ended children
// included.
func (s server) processor() (float64, error) {
	content, err := os.ReadFile(filepath.Join(s.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(content), "\n")
	return processorOf(first)
}

func processorOf(pid string) (float64, error) {
	content, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
	const userTime, childrensSystemTime = 11, 14
	ticks := 0.0
	for _, field := range fields[userTime : childrensSystemTime+1] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return ticks / 100, nil
}

// end stops a server that was started.
func (s server) end(ctx context.Context) error {
	if s.Cluster == nil {
		return nil
	}
	return s.Stop(ctx)
}
