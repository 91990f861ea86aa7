package cluster

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
)

// Role describes a role of a cluster. Its zero value may do nothing, not even sign in.
type Role struct {
	Name        string
	Password    string // empty: whatever it has stays
	Superuser   bool
	CreateDB    bool
	CreateRole  bool
	Login       bool
	Inherit     bool // what its groups may, without SET ROLE; production's default is true
	Replication bool
	BypassRLS   bool
	MemberOf    []string          // groups it is put into; other memberships stay
	Settings    map[string]string // its own in every database, replaced as a whole; nil: they stay
}

// EnsureRole makes the role, or brings an existing one to what is described. It is all
// done or nothing is.
func (c *Cluster) EnsureRole(ctx context.Context, role Role) error {
	if role.Name == "" {
		return understudy.Errorf(understudy.KindInvalid, "making a role in %s: it needs a name", c)
	}
	if err := validateSettings(role.Settings); err != nil {
		return err
	}
	err := c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return ensureRole(ctx, tx, role) })
	})
	if err != nil {
		return c.failed(err, "making role %s", role.Name)
	}
	return nil
}

// AdmitRole sees that a role can sign in with a password, and makes it if there is none.
// Whatever else an existing one may stays, but that it is never a superuser: one could run
// programs beside the server.
func (c *Cluster) AdmitRole(ctx context.Context, name, password string) error {
	role := Role{Name: name, Password: password, Login: true, Inherit: true}
	err := c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			var exists bool
			if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name).Scan(&exists); err != nil {
				return err
			}
			if !exists {
				return ensureRole(ctx, tx, role)
			}
			clause, err := role.passwordClause()
			if err != nil {
				return err
			}
			return execAll(ctx, tx, []string{"ALTER ROLE " + quoteName(name) + " WITH LOGIN NOSUPERUSER" + clause})
		})
	})
	if err != nil {
		return c.failed(err, "letting role %s sign in", name)
	}
	return nil
}

// Confine keeps everybody but superusers from having the server run programs, reach files or
// connect to others: it is not sealed, and its clients are. See postgres.Confine.
func (c *Cluster) Confine(ctx context.Context) error {
	err := c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return postgres.Confine(ctx, tx) })
	})
	if err != nil {
		return c.failed(err, "confining the roles")
	}
	return nil
}

// ConfineFunctions keeps everybody but superusers from the server's files in each of its databases. See postgres.ConfineFunctions.
func (c *Cluster) ConfineFunctions(ctx context.Context) error {
	all, err := c.Databases(ctx)
	for _, name := range all {
		if err == nil {
			err = c.asAdmin(ctx, name, func(conn *pgx.Conn) error {
				return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return postgres.ConfineFunctions(ctx, tx) })
			})
		}
	}
	if err != nil {
		return c.failed(err, "confining functions")
	}
	return nil
}

func ensureRole(ctx context.Context, tx pgx.Tx, role Role) error {
	var exists bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role.Name).Scan(&exists); err != nil {
		return err
	}
	verb := "CREATE"
	if exists {
		verb = "ALTER"
	}
	password, err := role.passwordClause()
	if err != nil {
		return err
	}
	statements := []string{verb + " ROLE " + quoteName(role.Name) + " WITH " + role.attributes() + password}
	for _, group := range role.MemberOf {
		statements = append(statements, "GRANT "+quoteName(group)+" TO "+quoteName(role.Name))
	}
	if err := execAll(ctx, tx, statements); err != nil {
		return err
	}
	if role.Settings == nil {
		return nil
	}
	target := "ROLE " + quoteName(role.Name)
	if err := execAll(ctx, tx, []string{"ALTER " + target + " RESET ALL"}); err != nil {
		return err
	}
	pairs := make([]string, 0, len(role.Settings))
	for _, name := range slices.Sorted(maps.Keys(role.Settings)) {
		pairs = append(pairs, name+"="+role.Settings[name])
	}
	return storeSettings(ctx, tx, target, pairs)
}

func (r Role) attributes() string {
	word := func(on bool, name string) string {
		if on {
			return name
		}
		return "NO" + name
	}
	return strings.Join([]string{
		word(r.Superuser, "SUPERUSER"), word(r.CreateDB, "CREATEDB"), word(r.CreateRole, "CREATEROLE"), word(r.Login, "LOGIN"),
		word(r.Inherit, "INHERIT"), word(r.Replication, "REPLICATION"), word(r.BypassRLS, "BYPASSRLS"),
	}, " ")
}

// passwordClause hands the server the verifier of a password rather than the password,
// so that no log and no view of running statements can show it.
func (r Role) passwordClause() (string, error) {
	if r.Password == "" {
		return "", nil
	}
	for _, b := range []byte(r.Password) {
		if b < 0x20 || b > 0x7e { // other texts are normalised first, which is the server's trade
			return " PASSWORD " + postgres.QuoteText(r.Password), nil
		}
	}
	verifier, err := scramVerifier(r.Password)
	return " PASSWORD " + postgres.QuoteText(verifier), err
}

// scramVerifier is what PostgreSQL stores of a password (RFC 5803).
func scramVerifier(password string) (string, error) {
	const iterations = 4096
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	keyed := func(text string) []byte {
		mac := hmac.New(sha256.New, salted)
		mac.Write([]byte(text)) //nolint:errcheck // a hash takes everything
		return mac.Sum(nil)
	}
	stored := sha256.Sum256(keyed("Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(stored[:]), encode(keyed("Server Key"))), nil
}

// isList tells the settings that hold a list of names, which ALTER … SET would take for one name.
func isList(setting string) bool {
	return slices.Contains([]string{"search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries",
		"shared_preload_libraries", "unix_socket_directories"}, strings.ToLower(setting))
}

// storeSettings stores settings, written name=value, for a target: "ROLE x", "DATABASE y"
// or "ROLE x IN DATABASE y". The server keeps their order.
func storeSettings(ctx context.Context, tx pgx.Tx, target string, pairs []string) error {
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		clause := " TO " + postgres.QuoteText(value)
		if isList(name) {
			if _, err := tx.Exec(ctx, "SELECT set_config($1, $2, true)", name, value); err != nil {
				return err
			}
			clause = " FROM CURRENT"
		}
		if err := execAll(ctx, tx, []string{"ALTER " + target + " SET " + quoteSetting(name) + clause}); err != nil {
			return err
		}
	}
	return nil
}

func execAll(ctx context.Context, tx pgx.Tx, statements []string) error {
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// EnsureDatabase makes the database if there is none, and sees to its owner (empty: the
// superuser for a new one, unchanged for another) and its extensions. It may be repeated
// after it broke off half way.
func (c *Cluster) EnsureDatabase(ctx context.Context, name, owner string, extensions []string) (created bool, err error) {
	err = c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		created, err = ensureDatabase(ctx, conn, name, owner)
		return err
	})
	if err != nil {
		return false, c.failed(err, "making database %s", name)
	}
	if len(extensions) == 0 {
		return created, nil
	}
	return created, c.asAdmin(ctx, name, func(conn *pgx.Conn) error {
		for _, extension := range extensions {
			if _, err := conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS "+quoteName(extension)+" CASCADE"); err != nil {
				return c.extensionError(name, extension, err)
			}
		}
		return nil
	})
}

func ensureDatabase(ctx context.Context, conn *pgx.Conn, name, owner string) (created bool, err error) {
	statement := "CREATE DATABASE " + quoteName(name)
	if owner != "" {
		statement += " OWNER " + quoteName(owner)
	}
	_, err = conn.Exec(ctx, statement)
	if err == nil {
		return true, nil
	}
	if !hasCode(err, "42P04") && !hasCode(err, "23505") { // it exists, perhaps since a moment ago
		return false, err
	}
	if owner == "" {
		return false, nil
	}
	var same bool
	const isOwner = "SELECT pg_get_userbyid(datdba) = $2 FROM pg_database WHERE datname = $1"
	if err := conn.QueryRow(ctx, isOwner, name, owner).Scan(&same); err != nil || same {
		return false, err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+quoteName(name)+" OWNER TO "+quoteName(owner))
	return false, err
}

func (c *Cluster) extensionError(database, extension string, err error) error {
	if hasCode(err, "58P01") || hasCode(err, "0A000") {
		return understudy.Errorf(understudy.KindUnavailable, "making extension %s in database %s: this machine's PostgreSQL does not have it", extension, database).
			WithHint("install the package that holds it (contrib's: postgresql-contrib)")
	}
	return c.failed(err, "making extension %s in database %s", extension, database)
}

// Databases lists the databases by name, without the templates and the superuser's own.
func (c *Cluster) Databases(ctx context.Context) ([]string, error) {
	var names []string
	err := c.asAdmin(ctx, superuser, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT datname FROM pg_database
			WHERE NOT datistemplate AND datname <> $1 AND NOT starts_with(datname, $2)`, superuser, workingPrefix)
		if err != nil {
			return err
		}
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, c.failed(err, "listing the databases")
	}
	slices.Sort(names)
	return names, nil
}

func hasCode(err error, code string) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code == code
}

func quoteName(name string) string { return pgx.Identifier{name}.Sanitize() }

// quoteSetting quotes each part of a setting's name (myapp.tenant).
func quoteSetting(name string) string { return pgx.Identifier(strings.Split(name, ".")).Sanitize() }
