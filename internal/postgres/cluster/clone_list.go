package cluster

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Stored is a database of a cluster as it lies there.
type Stored struct {
	Name       string
	Bytes      int64     // of its files, though some blocks may be other clones' too
	Made       time.Time // when it was made or cloned; zero where that cannot be told
	Sessions   int       // open now
	Unfinished bool      // a crash left it while it was made, or it is being made now
}

const storedQuery = `
SELECT d.datname, pg_database_size(d.oid), (pg_stat_file('base/' || d.oid || '/PG_VERSION', true)).modification,
       (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.oid AND a.backend_type = 'client backend')
FROM pg_database d WHERE NOT d.datistemplate AND d.datname <> $1 ORDER BY 1`

// Inventory is every database but the server's own, with its age and size: for the owner
// to end the ones that no record of his names, oldest first.
func (c *Cluster) Inventory(ctx context.Context) ([]Stored, error) {
	var all []Stored
	err := c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, storedQuery, superuser)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s Stored, err error) {
			var made *time.Time
			err = row.Scan(&s.Name, &s.Bytes, &made, &s.Sessions)
			if made != nil {
				s.Made = *made
			}
			s.Unfinished = strings.HasPrefix(s.Name, workingPrefix)
			return s, err
		})
		return err
	})
	if err != nil {
		return nil, c.failed(err, "listing the databases")
	}
	return all, nil
}
