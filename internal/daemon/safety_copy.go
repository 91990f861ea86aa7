package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/atomicfile"
	"understudy/internal/postgres"
	"understudy/internal/postgres/cluster"
)

// safetyCopy is a promotion's copy of production's databases: a dump of each, and notes.
type safetyCopy struct {
	d   *Daemon
	env understudy.Environment
	app understudy.Application
	dir string
}

// noted is what stands beside the dumps, of the moment before they were begun.
type noted struct {
	Copied    time.Time         `json:"copied"`
	Databases map[string]string `json:"databases"` // by name, what they are called on the server
	Counts    map[string]counts `json:"counts"`
	Sizes     map[string]int64  `json:"sizes"` // in bytes, by what they are called on the server
}

// asides are what the databases are called once they are replaced, by their names on the server.
func (n noted) asides(promotion string) map[string]string {
	all := map[string]string{}
	for _, physical := range n.Databases {
		all[physical] = cluster.Aside(physical, promotion)
	}
	return all
}

// wanted is how much room each database needs when it is given back, by its name on the server:
// what it had when it was copied, as that is what comes back. What it has now is more where
// rows were written since, and less where the migration took some away; it counts where nothing
// was noted.
func (n noted) wanted(now map[string]int64) map[string]int64 {
	all := map[string]int64{}
	for _, physical := range n.Databases {
		bytes, known := n.Sizes[physical]
		if !known {
			bytes, known = now[physical]
		}
		if known {
			all[physical] = bytes
		}
	}
	return all
}

// counts are the rows that one database's server has counted as written.
type counts struct {
	Since string             `json:"since"` // when it began to count
	Rows  understudy.Written `json:"rows"`
}

const (
	notedFile    = "copy.json"
	migratedFile = "migrated.json" // counts when the migration had ended
)

func (d *Daemon) safetyCopy(ctx context.Context, environment, promotion string) (safetyCopy, map[string]string, error) {
	env, _, err := d.environment(environment)
	if err != nil {
		return safetyCopy{}, nil, err
	}
	release, databases, err := d.running(ctx, env)
	return safetyCopy{d, env, release.Application, d.options.State.Below("backups", promotion)}, databases, err
}

func (s safetyCopy) dump(database string) string { return filepath.Join(s.dir, database+".dump") }

// make dumps every database. What an earlier try left is older than whoever asks believes, and
// goes first.
func (s safetyCopy) make(ctx context.Context, databases map[string]string) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	server, err := s.d.server(s.env, s.app, 0)
	if err != nil {
		return err
	}
	if err := clearCopies(s.dir); err != nil {
		return err
	}
	counted, err := s.count(ctx, databases)
	if err != nil {
		return err
	}
	sizes, err := server.Sizes(ctx, slices.Collect(maps.Values(databases)))
	if err != nil {
		return err
	}
	if err := s.keep(notedFile, noted{time.Now(), databases, counted, sizes}); err != nil {
		return err
	}
	for name, physical := range databases {
		if err := server.Dump(ctx, physical, s.dump(name)); err != nil {
			return err
		}
	}
	return nil
}

// count asks what was written on each database until now.
func (s safetyCopy) count(ctx context.Context, databases map[string]string) (map[string]counts, error) {
	out := map[string]counts{}
	for name, physical := range databases {
		err := s.d.reading(ctx, s.env, s.app, name, physical, func(conn *pgx.Conn) error {
			rows, since, err := postgres.Written(ctx, conn)
			out[name] = counts{since, rows}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s safetyCopy) keep(name string, what any) error {
	raw, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(s.dir, name), raw, 0o600)
}

func (s safetyCopy) read(name string, into any) error {
	raw, err := os.ReadFile(filepath.Join(s.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return understudy.Errorf(understudy.KindNotFound, "the safety copy in %s has no %s", s.dir, name)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return understudy.Errorf(understudy.KindInternal, "reading %s of the safety copy in %s: %w", name, s.dir, err)
	}
	return nil
}

// lost says what restoring the copy costs. What cannot be counted is said, and keeps nobody
// from going back.
func (s safetyCopy) lost(ctx context.Context) (understudy.Lost, error) {
	var at noted
	if err := s.read(notedFile, &at); err != nil {
		return understudy.Lost{}, err
	}
	lost := understudy.Lost{Copied: at.Copied}
	now, err := s.count(ctx, at.Databases)
	if err != nil {
		lost.Unknown = err.Error()
		return lost, ctx.Err()
	}
	migrated := map[string]counts{}
	if err := s.read(migratedFile, &migrated); err != nil && understudy.KindOf(err) != understudy.KindNotFound {
		return lost, err
	}
	lost.Rows, lost.Meanwhile, lost.Unknown = lostSince(at.Counts, migrated, now)
	return lost, nil
}

// lostSince tells the rows written after the migration from those before its end. Without
// counts of that moment all are of before it. A server that began to count anew, as after a
// crash, does not know.
func lostSince(copied, migrated, now map[string]counts) (rows, meanwhile understudy.Written, unknown string) {
	rows, meanwhile = understudy.Written{}, understudy.Written{}
	for name, is := range now {
		was, had := copied[name]
		if !had || was.Since != is.Since {
			return nil, nil, "the server began to count anew meanwhile"
		}
		after, known := migrated[name]
		if !known {
			after = is
		}
		for table, n := range is.Rows.Since(after.Rows) {
			rows[inDatabase(name, table, len(now))] = n
		}
		for table, n := range after.Rows.Since(was.Rows) {
			meanwhile[inDatabase(name, table, len(now))] = n
		}
	}
	return rows, meanwhile, ""
}

// inDatabase names a table: where there are several databases, with its own.
func inDatabase(database, table string, databases int) string {
	table = strings.TrimPrefix(table, "public.")
	if databases > 1 {
		return database + "." + table
	}
	return table
}

// clearCopies removes what a crash left of a copy, whole or half made: production's data, unmasked.
func clearCopies(dir string) error {
	var failed error
	for _, pattern := range []string{".*.new-*", "*.dump"} {
		left, err := filepath.Glob(filepath.Join(dir, pattern))
		for _, path := range left {
			err = errors.Join(err, os.Remove(path))
		}
		failed = errors.Join(failed, err)
	}
	return failed
}
