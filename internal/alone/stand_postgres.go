package alone

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/loopback"
	"understudy/internal/migration"
	"understudy/internal/postgres"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/rehearsal"
	"understudy/internal/seal"
)

// postgresStand is a private PostgreSQL server with the copies.
type postgresStand struct {
	subject
	server   *cluster.Cluster
	port     int
	log      string // the server's
	password string
}

func (s *postgresStand) about() subject { return s.subject }

// newPostgres copies the database into a server of its own and starts that as production's
// runs. The caller closes what it returns.
func newPostgres(ctx context.Context, order cli.MigrationOrder, copying cli.TwinCopy, masks understudy.Masks, at place, tell func(string)) (*postgresStand, error) {
	from, err := lookAt(ctx, order.Database)
	if err != nil {
		return nil, err
	}
	if err := mayBe(ctx, order); err != nil {
		return nil, err
	}
	spec := rows(copying, masks, tell)
	if spec.Bin, err = programs(ctx, order.Database); err != nil {
		return nil, err
	}
	if _, err := copyIntoServer(ctx, copying, at.Folder, spec, tell); err != nil {
		return nil, err
	}
	s := &postgresStand{subject: subject{from.database, order.Role}, log: filepath.Join(at.Folder, "log")}
	if err := s.start(ctx, at, tell); err != nil {
		return nil, errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// mayBe refuses a role that the database does not have, and one whom nothing is forbidden: as that
// one, what fails in production would pass.
func mayBe(ctx context.Context, order cli.MigrationOrder) error {
	if order.Role == "" {
		return nil
	}
	conn, err := postgres.OpenReader(ctx, order.Database, "understudy")
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, conn)
	switch super, err := isSuperuser(ctx, conn, order.Role); {
	case errors.Is(err, pgx.ErrNoRows):
		return understudy.Errorf(understudy.KindInvalid, "--role: there is no role %s in the database", order.Role)
	case err != nil:
		return postgres.ReadError("asking the database for role "+order.Role, err)
	case super:
		return understudy.Errorf(understudy.KindInvalid, "--role: %s is a superuser, to whom nothing is forbidden: what fails in production would pass", order.Role).
			WithHint("name the role that production's migrations sign in as")
	}
	return nil
}

func isSuperuser(ctx context.Context, conn *pgx.Conn, role string) (super bool, err error) {
	return super, conn.QueryRow(ctx, "SELECT rolsuper FROM pg_roles WHERE rolname = $1", role).Scan(&super)
}

// start runs the server for the rehearsal, with the copy as the golden one, and lets the
// command's role in.
func (s *postgresStand) start(ctx context.Context, at place, tell func(string)) error {
	var err error
	if s.port, err = loopback.FreePort(); err != nil {
		return err
	}
	s.server = cluster.New(cluster.Spec{
		Dir: filepath.Join(at.Folder, "data"), SocketDir: filepath.Join(at.Folder, "run"), Log: s.log, Port: s.port,
	})
	if err := s.server.Start(ctx); err != nil {
		return err
	}
	if err := s.server.Rename(ctx, s.name, s.physical(rehearsal.Golden)); err != nil {
		return err
	}
	return s.letIn(ctx, tell)
}

// letIn finds out whom the command signs in as, and gives that role a password on the copy.
func (s *postgresStand) letIn(ctx context.Context, tell func(string)) error {
	conn, err := s.server.Connect(ctx, s.physical(rehearsal.Golden))
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, conn)
	if s.role == "" {
		if s.role, err = ownerOfMost(ctx, conn); err != nil {
			return err
		}
		if super, err := isSuperuser(ctx, conn, s.role); err != nil {
			return postgres.ReadError("asking the copy for role "+s.role, err)
		} else if super {
			tell("the command signs in as " + s.role + ", who owns the tables and is a superuser: what only lacks a right in production passes here; --role names another")
		}
	}
	chance := make([]byte, 18)
	if _, err := rand.Read(chance); err != nil {
		return err
	}
	s.password = hex.EncodeToString(chance)
	_, err = conn.Exec(ctx, "ALTER ROLE "+pgx.Identifier{s.role}.Sanitize()+" LOGIN PASSWORD "+postgres.QuoteText(s.password))
	if err != nil {
		return understudy.Errorf(understudy.KindInvalid, "letting role %s in: %w", s.role, postgres.ReadError("asking the copy", err)).
			WithHint("name a role that the database has with --role")
	}
	return nil
}

func ownerOfMost(ctx context.Context, conn *pgx.Conn) (role string, err error) {
	err = conn.QueryRow(ctx, `SELECT coalesce((
		SELECT pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_|^information_schema$'
		GROUP BY c.relowner ORDER BY count(*) DESC, 1 LIMIT 1), (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()))`).Scan(&role)
	if err != nil {
		return "", postgres.ReadError("asking the copy who owns its tables", err)
	}
	return role, nil
}

// Close ends the server.
func (s *postgresStand) Close(ctx context.Context) error {
	if s.server == nil {
		return nil
	}
	return s.server.Stop(ctx)
}

// Clone makes a copy of the golden one anew.
func (s *postgresStand) Clone(ctx context.Context, to rehearsal.Copy) error {
	if err := s.server.Drop(ctx, s.physical(to)); err != nil {
		return err
	}
	_, err := s.server.Clone(ctx, s.physical(rehearsal.Golden), s.physical(to), "")
	return err
}

func (s *postgresStand) address(of rehearsal.Copy, ordered migration.Command) (address, error) {
	marked := lockwatch.Marked(s.server.URL(s.role, s.password, s.physical(of)), ordered.LockTimeout, true)
	u, err := url.Parse(marked)
	if err != nil {
		return address{}, err
	}
	return address{
		url: marked, password: s.password,
		env: []string{"PGHOST=" + u.Hostname(), "PGPORT=" + u.Port(), "PGUSER=" + s.role, "PGPASSWORD=" + s.password, "PGDATABASE=" + s.physical(of),
			"PGSSLMODE=disable", "PGAPPNAME=" + lockwatch.MigrationName, "PGOPTIONS=" + u.Query().Get("options")},
	}, nil
}

// forwards leads the address of the copy out of a seal, to the server's socket.
func (s *postgresStand) forwards() []seal.Forward {
	return []seal.Forward{{Listen: fmt.Sprintf("127.0.0.1:%d", s.port), To: "unix:" + s.server.Socket()}}
}

// Watcher implements laboratory.Engine.
func (s *postgresStand) Watcher(of rehearsal.Copy) migration.Watcher {
	return watching(func(ctx context.Context) (ending, error) {
		return lockwatch.Start(ctx, lockwatch.Spec{
			AdminURL: s.server.AdminURL("postgres"), Database: s.physical(of), ApplicationName: lockwatch.MigrationName,
			LogFile: s.log, Gate: true, Every: 10 * time.Millisecond,
		})
	})
}

// sizes are those of the tables, as the statistics of both sides say.
func (s *postgresStand) sizes(ctx context.Context, production string) (twin, there map[string]migration.Size, err error) {
	conn, err := s.server.Connect(ctx, s.physical(rehearsal.Golden))
	if err == nil {
		twin, err = tableSizes(ctx, conn)
	}
	if err != nil {
		return nil, nil, err
	}
	if conn, err = postgres.OpenReader(ctx, production, "understudy"); err == nil {
		there, err = tableSizes(ctx, conn)
	}
	return twin, there, err
}

// tableSizes reads the sizes and ends the connection.
func tableSizes(ctx context.Context, conn *pgx.Conn) (map[string]migration.Size, error) {
	defer postgres.CloseConn(ctx, conn)
	all, err := postgres.TableSizes(ctx, conn)
	sizes := map[string]migration.Size{}
	for _, t := range all {
		sizes[t.Table] = migration.Size{Rows: t.Rows, Bytes: t.Bytes}
	}
	return sizes, err
}
