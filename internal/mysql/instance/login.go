package instance

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"

	"understudy"
)

// EnsureAccount makes an account that may do everything in one database, and enters through
// the socket without a password: a migration that is watched has one of its own. One that is
// there gets the right to that database as well.
func (s *Server) EnsureAccount(ctx context.Context, name, database string) error {
	err := s.administer(ctx, func(db *sql.DB) error {
		account := "'" + strings.ReplaceAll(name, "'", "''") + "'@'localhost'"
		// What stands behind ON is a pattern.
		pattern := quoted(strings.NewReplacer(`\`, `\\`, "_", `\_`, "%", `\%`).Replace(database))
		_, made := db.ExecContext(ctx, "CREATE USER IF NOT EXISTS "+account)
		_, granted := db.ExecContext(ctx, "GRANT ALL ON "+pattern+".* TO "+account)
		return errors.Join(made, granted)
	})
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "making account %s of database %s in %s: %w", name, database, s, err)
	}
	return nil
}

// URLOf leads an account to a database of the server.
func (s *Server) URLOf(account, database string) string {
	return (&url.URL{Scheme: "mysql", User: url.User(account), Path: "/" + database, RawQuery: url.Values{"socket": {s.Socket()}}.Encode()}).String()
}
