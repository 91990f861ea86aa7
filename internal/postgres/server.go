package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// ServerVersion is the version of the server at the other end, as it writes it itself:
// "15.18" or "15.18 (Debian 15.18-0+deb12u1)".
func ServerVersion(ctx context.Context, conn *pgx.Conn) (string, error) {
	var version string
	if err := conn.QueryRow(ctx, "SHOW server_version").Scan(&version); err != nil {
		return "", ReadError("reading the server's version", err)
	}
	return version, nil
}

// ServerSettings are the server's settings that change what queries do or how they are
// planned, those that were set at all, by name. Settings of place and size (paths, ports,
// addresses, logs, memory of the machine) are left out: they differ between machines. So are
// the language of messages and the time after which a wait is logged, which a twin has of its own.
func ServerSettings(ctx context.Context, conn *pgx.Conn) (map[string]string, error) {
	rows, err := conn.Query(ctx, `
		SELECT name, setting || coalesce(unit, '') FROM pg_settings
		WHERE source IN ('configuration file', 'database', 'user', 'global', 'command line')
		  AND (category LIKE 'Query Tuning%' OR category LIKE 'Client Connection Defaults%' OR category LIKE 'Version and Platform%'
		       OR category LIKE 'Lock Management%' OR category LIKE 'Autovacuum%')
		  AND category NOT LIKE '%Shared Library Preloading%' AND name NOT IN ('lc_messages', 'deadlock_timeout')`)
	if err != nil {
		return nil, ReadError("reading the server's settings", err)
	}
	settings := map[string]string{}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		settings[name] = value
		return nil
	})
	if err != nil {
		return nil, ReadError("reading the server's settings", err)
	}
	return settings, nil
}

// GateName begins the name by which a server knows a gate for commits; the value that may be
// left in its configuration begins so, and nothing of anybody else's does.
const GateName = "understudy_gate"
