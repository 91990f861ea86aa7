package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/atomicfile"
	"understudy/internal/config"
	"understudy/internal/loopback"
	"understudy/internal/postgres/cluster"
)

// server is the private database server of an environment.
func (d *Daemon) server(e understudy.Environment, app understudy.Application, major int) (*cluster.Cluster, error) {
	spec, err := d.serverSpec(e, app, major)
	return cluster.New(spec), err
}

func (d *Daemon) serverSpec(e understudy.Environment, app understudy.Application, major int) (cluster.Spec, error) {
	spec := cluster.Spec{
		Dir:       d.options.State.Below("databases", e.Name),
		SocketDir: d.options.State.ServerSocket(e.Name),
		Log:       d.options.State.Below("databases", e.Name+".log"),
		Major:     major,
		Settings:  map[string]string{},
		Urgent:    !e.Copying.GivesWay(),
	}
	if e.Sealed() {
		spec.Settings = twinSettings()
	}
	for _, database := range app.Databases {
		if database.Engine != "" && database.Engine != "postgres" {
			return spec, understudy.Errorf(understudy.KindInvalid, "database %s wants engine %q; postgres is what can be run now", database.Name, database.Engine)
		}
		placement := e.Databases[database.Name]
		if placement.Port != 0 {
			spec.Port = placement.Port
		}
		for k, v := range placement.Settings {
			spec.Settings[k] = v
		}
	}
	if e.Sealed() { // what its busiest statements are is read under the rehearsal's traffic
		spec.Preload = []string{"pg_stat_statements"}
	}
	if !e.Sealed() && spec.Port == 0 {
		port, err := d.port(e.Name)
		if err != nil {
			return spec, err
		}
		spec.Port = port
	}
	return spec, nil
}

// twinSettings let a twin's server tell of every wait for a lock: after 10 ms, and with who
// holds the lock, which it logs as it logs the values of a failing row. A twin has masked ones only.
func twinSettings() map[string]string {
	return map[string]string{"deadlock_timeout": "10ms", "log_error_verbosity": "default"}
}

// port is the loopback port of an environment's server, chosen once and kept.
func (d *Daemon) port(environment string) (int, error) {
	path := d.options.State.Below("databases", environment+".port")
	raw, err := os.ReadFile(path)
	if err == nil {
		var port int
		_, err = fmt.Sscan(string(raw), &port)
		return port, err
	}
	if !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	port, err := loopback.FreePort()
	if err != nil {
		return 0, err
	}
	return port, atomicfile.Write(path, []byte(fmt.Sprint(port)), 0o600)
}

// password is that of a role in an environment's private server, made on first use.
func (d *Daemon) password(environment, role string) (string, error) {
	path := d.options.State.Below("keys", "databases", environment, hex.EncodeToString([]byte(role)))
	raw, err := os.ReadFile(path)
	if err == nil {
		return string(raw), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	chance := make([]byte, 18)
	if _, err := rand.Read(chance); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	made := hex.EncodeToString(chance)
	return made, atomicfile.Write(path, []byte(made), 0o600)
}

// roles sees that the application's roles can sign in to a private server, and on a twin that no
// role gets out of the seal through it.
func (d *Daemon) roles(ctx context.Context, c *cluster.Cluster, e understudy.Environment, app understudy.Application) error {
	for _, role := range rolesOf(app) {
		password, err := d.password(e.Name, role)
		if err != nil {
			return err
		}
		if err := c.AdmitRole(ctx, role, password); err != nil {
			return err
		}
	}
	if e.Sealed() {
		return c.Confine(ctx)
	}
	return nil
}

func rolesOf(app understudy.Application) []string {
	var roles []string
	for _, database := range app.Databases {
		roles = append(roles, database.Role)
	}
	if app.Migration != nil && app.Migration.Role != "" {
		roles = append(roles, app.Migration.Role)
	}
	return roles
}

// sealedPort is where a sealed deployment finds its databases on its own loopback.
const sealedPort = 5432

// address is the URL under which a deployment's programs reach a database as a role.
func (d *Daemon) address(e understudy.Environment, c *cluster.Cluster, role, physical string) (string, error) {
	password, err := d.password(e.Name, role)
	if err != nil {
		return "", err
	}
	if !e.Sealed() {
		return c.URL(role, password, physical), nil
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Host: fmt.Sprintf("127.0.0.1:%d", sealedPort), Path: "/" + physical, RawQuery: "sslmode=disable"}
	return u.String(), nil
}

// external is the URL of a database that is not ours.
func external(ctx context.Context, e understudy.Environment, database string) (string, bool, error) {
	ref := e.Databases[database].URL
	if ref == "" {
		return "", false, nil
	}
	value, err := config.Secret(ctx, ref)
	return value, true, err
}

// private tells whether Understudy runs an environment's databases.
func private(e understudy.Environment) bool {
	for _, placement := range e.Databases {
		if placement.URL != "" {
			return false
		}
	}
	return !e.External
}

// connect opens a connection for reading an environment's database, whoever runs it.
func (d *Daemon) connect(ctx context.Context, e understudy.Environment, app understudy.Application, database, physical string) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	address, is, err := external(ctx, e, database)
	if err != nil {
		return nil, err
	}
	if is {
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			return nil, understudy.Errorf(understudy.KindUnavailable, "connecting to database %s of %s: %s", database, e.Name, scrub(err, address)).
				WithHint("see that its url in understudy.yaml is right and that the server answers from here")
		}
		return conn, nil
	}
	c, err := d.server(e, app, 0)
	if err != nil {
		return nil, err
	}
	return c.Connect(ctx, physical)
}

// source is the URL to copy from.
func (d *Daemon) source(ctx context.Context, e understudy.Environment, app understudy.Application, database, physical string) (string, error) {
	address, is, err := external(ctx, e, database)
	if is || err != nil {
		return address, err
	}
	c, err := d.server(e, app, 0)
	if err != nil {
		return "", err
	}
	return c.AdminURL(physical), nil
}

// physicals maps each database to the name it has in an environment's own server.
func physicals(app understudy.Application) map[string]string {
	out := map[string]string{}
	for _, database := range app.Databases {
		out[database.Name] = onServer(database)
	}
	return out
}

// onServer is a database's name in a private server: its own, but where the server has a
// database of that name itself.
func onServer(database understudy.Database) string {
	switch database.Name {
	case "postgres", "template0", "template1":
		return database.Name + "_app"
	}
	return database.Name
}

// scrub takes a URL with its password out of an error's words.
func scrub(err error, address string) string {
	return strings.ReplaceAll(err.Error(), address, "its url")
}
