package census

import (
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/parity"
	"understudy/internal/postgres"
)

// settingsQuery reads what the server gives every session, whatever this one has made of it. What this role, this database or
// this connection sets for itself is left out: the schema tells of the former two.
const settingsQuery = `
	SELECT name, COALESCE(reset_val, '') || COALESCE(unit, ''), category, reset_val IS NOT DISTINCT FROM boot_val
	FROM pg_settings s
	WHERE source NOT IN ('database', 'user', 'database user', 'client') AND name NOT LIKE 'server_version%' AND name NOT LIKE 'transaction_%'
		AND name NOT IN ('application_name', 'in_hot_standby', 'is_superuser', 'session_authorization', 'data_directory_mode', 'client_encoding',
			'shared_memory_size', 'shared_memory_size_in_huge_pages')
		AND NOT EXISTS (SELECT FROM pg_db_role_setting d, LATERAL unnest(d.setconfig) x WHERE split_part(x, '=', 1) = s.name
			AND d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
			AND d.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user)))`

// readSettings reads who looks, and the settings as they are before ours are made.
func (p *pass) readSettings(tx pgx.Tx) error {
	err := tx.QueryRow(p.ctx, `SELECT current_setting('server_version'), current_user::text, NOT pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')`).
		Scan(&p.taken.Server, &p.role, &p.taken.Hides)
	if err != nil {
		return postgres.ReadError("asking the server for its version", err)
	}
	if p.major, err = postgres.MajorOf(p.ctx, tx); err != nil {
		return err
	}
	if p.taken.Hides {
		p.unseen(nil, "settings that only superusers see (such as shared_preload_libraries): GRANT pg_read_all_settings TO %s", p.grantee())
	}
	return p.attempt(tx, "settings", []string{understudy.GapSetting}, func(tx pgx.Tx) error {
		rows, err := tx.Query(p.ctx, settingsQuery)
		if err != nil {
			return postgres.ReadError("reading the settings", err)
		}
		p.taken.Settings = map[string]parity.Setting{}
		var name string
		var s parity.Setting
		_, err = pgx.ForEachRow(rows, []any{&name, &s.Value, &s.Category, &s.Default}, func() error {
			if !s.Default && secret(name, s.Category) {
				s.Value = p.spec.Print("setting "+name, s.Value)
			}
			p.taken.Settings[name] = s
			return nil
		})
		if err != nil {
			return postgres.ReadError("reading the settings", err)
		}
		return nil
	})
}

// secret tells the settings whose values are not shown: teams and commands keep
// passwords there.
func secret(name, category string) bool {
	return strings.HasPrefix(category, "Customized") || strings.HasSuffix(name, "_command") || strings.HasSuffix(name, "_conninfo") || name == "ssl_passphrase_command"
}
