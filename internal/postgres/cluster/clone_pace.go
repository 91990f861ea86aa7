package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
)

// pace is how fast one way of copying is on this machine: so long for nothing, and so
// much more for each byte.
type pace struct {
	Fixed time.Duration `json:"fixed"`
	PerMB time.Duration `json:"perMB"`
}

func (p pace) of(bytes int64) time.Duration { return p.Fixed + p.PerMB*time.Duration(bytes>>20) }

// paceFrom fits a pace to the times for a small and a big database.
func paceFrom(small, big time.Duration, smallBytes, bigBytes int64) pace {
	perMB := max(0, big-small) / time.Duration(max(1, (bigBytes-smallBytes)>>20))
	return pace{Fixed: max(0, small-perMB*time.Duration(smallBytes>>20)), PerMB: perMB}
}

// paces are the measured ways, with the version of the server that they hold for.
type paces struct {
	Server int  `json:"server"`
	File   pace `json:"fileCopy"`
	WAL    pace `json:"walLog"`
}

// paceFile is where the measurement of a data directory is kept.
func (c *Cluster) paceFile() string { return c.spec.Dir + ".pace.json" }

// paces are those measured before for this directory and version, or measured now.
func (c *Cluster) paces(ctx context.Context, server int) (paces, error) {
	var known paces
	content, err := os.ReadFile(c.paceFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return known, understudy.Errorf(understudy.KindUnavailable, "reading how fast %s copies: %w", c, err)
	}
	if json.Unmarshal(content, &known) == nil && known.Server == server { // one that cannot be read is measured anew
		return known, nil
	}
	ballast := workingName("ballast of a measurement")
	err = c.asMaker(ctx, ballast, func(conn *pgx.Conn) error {
		known, err = c.measure(ctx, conn, ballast)
		return err
	})
	if err != nil {
		return known, err
	}
	known.Server = server
	content, err = json.Marshal(known)
	if err != nil {
		return known, err
	}
	owner, err := ownerOrRunAs(c.spec.Dir)
	if err != nil {
		return known, err
	}
	return known, replaceFile(c.paceFile(), string(content)+"\n", owner)
}

// ballastMB is how big the database is that is copied to measure, in megabytes: enough
// to tell the bytes from the rest, and a second or two of work.
const ballastMB = 48

// measure copies an empty database and one of ballastMB, each in both ways, in turn.
func (c *Cluster) measure(ctx context.Context, conn *pgx.Conn, ballast string) (measured paces, err error) {
	copied := workingName("copy of a measurement")
	for _, name := range []string{ballast, copied} {
		if err := c.Drop(ctx, name); err != nil {
			return paces{}, err
		}
	}
	defer func() { err = errors.Join(err, c.Drop(context.WithoutCancel(ctx), ballast)) }()
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+quoteName(ballast)+" TEMPLATE template0"); err != nil {
		return paces{}, err
	}
	if err := c.fillBallast(ctx, ballast); err != nil {
		return paces{}, err
	}
	took := map[Strategy][2]time.Duration{}
	var bytes [2]int64
	for i, template := range []string{"template0", ballast} {
		if err := conn.QueryRow(ctx, "SELECT pg_database_size($1::name)", template).Scan(&bytes[i]); err != nil {
			return paces{}, err
		}
		for _, strategy := range []Strategy{FileCopy, WALLog} {
			times := took[strategy]
			if times[i], err = c.timeCopy(ctx, conn, template, copied, strategy); err != nil {
				return paces{}, err
			}
			took[strategy] = times
		}
	}
	fit := func(s Strategy) pace { return paceFrom(took[s][0], took[s][1], bytes[0], bytes[1]) }
	return paces{File: fit(FileCopy), WAL: fit(WALLog)}, nil
}

func (c *Cluster) fillBallast(ctx context.Context, ballast string) error {
	return c.asAdmin(ctx, ballast, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, fmt.Sprintf("CREATE TABLE ballast AS SELECT g, repeat(md5(g::text), 30) AS t FROM generate_series(1, %d) g; CHECKPOINT", ballastMB*1000))
		return err
	})
}

func (c *Cluster) timeCopy(ctx context.Context, conn *pgx.Conn, template, copied string, strategy Strategy) (time.Duration, error) {
	started := time.Now()
	err := c.undisturbed(ctx, template, func() error {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+quoteName(copied)+" TEMPLATE "+quoteName(template)+strategy.clause())
		return err
	})
	took := time.Since(started)
	return took, errors.Join(err, c.Drop(context.WithoutCancel(ctx), copied))
}
