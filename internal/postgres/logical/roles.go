package logical

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"understudy"
	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// neededRoles is a table expression of the roles (oid) that the database cannot be
// restored without: whoever owns something in it, is granted something, or has settings
// of its own there; the groups they are in, and the members they have, as a login
// may have all its rights from its group. The bootstrap superuser, whose rights are
// recorded nowhere, is one of them where something of the user's is his.
const neededRoles = `
	WITH RECURSIVE this AS (SELECT oid, datdba FROM pg_database WHERE datname = current_database()),
	named AS (
		SELECT s.refobjid AS oid FROM pg_shdepend s, this WHERE s.refclassid = 'pg_authid'::regclass
			AND (s.dbid = this.oid OR s.dbid = 0 AND s.classid = 'pg_database'::regclass AND s.objid = this.oid)
		UNION SELECT datdba FROM this
		UNION SELECT s.setrole FROM pg_db_role_setting s, this WHERE s.setdatabase = this.oid AND s.setrole <> 0
		UNION SELECT nspowner FROM pg_namespace WHERE nspname = 'public'
		UNION SELECT relowner FROM pg_class WHERE oid >= 16384
		UNION SELECT proowner FROM pg_proc WHERE oid >= 16384
		UNION SELECT typowner FROM pg_type WHERE oid >= 16384
		UNION SELECT nspowner FROM pg_namespace WHERE oid >= 16384
		UNION SELECT extowner FROM pg_extension WHERE extname <> 'plpgsql'
		UNION SELECT defaclrole FROM pg_default_acl
		UNION SELECT srvowner FROM pg_foreign_server
		UNION SELECT pubowner FROM pg_publication
		UNION SELECT evtowner FROM pg_event_trigger),
	needed AS (
		SELECT oid FROM named
		UNION SELECT CASE m.member WHEN n.oid THEN m.roleid ELSE m.member END
		FROM needed n JOIN pg_auth_members m ON m.member = n.oid OR m.roleid = n.oid AND n.oid >= 16384)`

// makeRoles brings the target's roles in line with production's.
func (c *copying) makeRoles(ctx context.Context) error {
	roles, err := readRoster(ctx, c.moment.Tx)
	if err != nil {
		return err
	}
	return roles.make(ctx, c.target)
}

// alone changes what all databases of a target's cluster share. Copies into several
// of them at once take turns: the server would let one fail.
func alone(ctx context.Context, target *pgx.Conn, doing, catalog string, act func(pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, target, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "LOCK TABLE pg_catalog."+catalog+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
		return act(tx)
	})
	if err != nil {
		return postgres.ReadError(doing, err)
	}
	return nil
}

// makeRole is a statement that makes a role where there is none of that name.
func makeRole(name, attributes string) string {
	return fmt.Sprintf(`DO $understudy$ BEGIN
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %s) THEN EXECUTE %s; END IF; END $understudy$`,
		postgres.QuoteText(name), postgres.QuoteText("CREATE ROLE "+pgx.Identifier{name}.Sanitize()+" "+attributes))
}

// alterRole is a statement that brings a role in line that is there, but for the one we are and
// the server's own.
func alterRole(name, attributes string) string {
	return fmt.Sprintf(`DO $understudy$ BEGIN
		IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %s AND oid >= 16384 AND rolname <> session_user) THEN EXECUTE %s; END IF; END $understudy$`,
		postgres.QuoteText(name), postgres.QuoteText("ALTER ROLE "+pgx.Identifier{name}.Sanitize()+" "+attributes))
}

// setting is one that a role, or the database, starts its sessions with.
type setting struct {
	Role  string // empty: everybody
	Here  bool   // in this database only
	Name  string
	Value string
}

func (c *copying) readSettings(ctx context.Context) (err error) {
	c.settings, err = readSettings(ctx, c.moment.Tx)
	return err
}

func readSettings(ctx context.Context, tx pgx.Tx) ([]setting, error) {
	const doing = "reading the settings of roles and database"
	rows, err := tx.Query(ctx, neededRoles+`
		SELECT COALESCE(r.rolname::text, ''), s.setdatabase <> 0, split_part(x, '=', 1), substr(x, strpos(x, '=') + 1)
		FROM this, pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole, LATERAL unnest(s.setconfig) x
		WHERE s.setdatabase = this.oid OR s.setdatabase = 0 AND s.setrole IN (SELECT oid FROM needed WHERE oid >= 16384) ORDER BY 1, 2, 3`)
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	settings, err := pgx.CollectRows(rows, pgx.RowToStructByPos[setting])
	if err != nil {
		return nil, postgres.ReadError(doing, err)
	}
	return settings, nil
}

// applySettings gives the roles, and the database, the settings they start sessions
// with. Only now: before, they could have changed how the copy itself is read.
func (c *copying) applySettings(ctx context.Context) error {
	return alone(ctx, c.target, applyingSettings, "pg_db_role_setting", func(tx pgx.Tx) error {
		return giveSettings(ctx, tx, c.into.database, c.settings, c.spec.Notice)
	})
}

const applyingSettings = "applying production's settings"

// giveSettings adds settings to what roles and the database have, but those that are secrets.
func giveSettings(ctx context.Context, tx pgx.Tx, database string, settings []setting, notice func(string)) error {
	for _, s := range settings {
		if understudy.SecretSetting(s.Name) {
			continue // parity lists it, as one that is expected to be missing
		}
		if err := applySetting(ctx, tx, settingStatement(s.Role, s.Here, database, s.Name, s.Value), s.Name, notice); err != nil {
			return err
		}
	}
	return nil
}

func applySetting(ctx context.Context, tx pgx.Tx, statement, name string, notice func(string)) error {
	err := pgx.BeginFunc(ctx, tx, func(one pgx.Tx) error {
		_, err := one.Exec(ctx, statement)
		return err
	})
	answer := new(pgconn.PgError)
	if errors.As(err, &answer) && (answer.Code == "42704" || answer.Code == "22023") {
		notice(fmt.Sprintf("setting %s is not in the twin: its server does not take it", name))
		return nil
	}
	if err != nil {
		return postgres.ReadError("applying setting "+name, err)
	}
	return nil
}

func settingStatement(role string, here bool, database, name, value string) string {
	whose := "DATABASE " + pgx.Identifier{database}.Sanitize()
	if role != "" {
		whose = "ROLE " + pgx.Identifier{role}.Sanitize() + when(here, " IN "+whose)
	}
	return fmt.Sprintf("ALTER %s SET %s TO %s", whose, pgx.Identifier(strings.Split(name, ".")).Sanitize(), settingValue(name, value))
}

// settingValue writes a value as SET takes it. A few settings are lists of names, of
// which each is quoted by itself; one text would be one name.
func settingValue(name, value string) string {
	switch strings.ToLower(name) {
	case "search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries":
	default:
		return postgres.QuoteText(value)
	}
	var parts []string
	var part strings.Builder
	quoted := false
	for _, r := range value + "," {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			parts = append(parts, postgres.QuoteText(part.String()))
			part.Reset()
		case r == ' ' && !quoted:
		default:
			part.WriteRune(r)
		}
	}
	return strings.Join(parts, ", ")
}
