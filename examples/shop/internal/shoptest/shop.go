package shoptest

import (
	"io"
	"io/fs"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"understudy/examples/shop/internal/e2e"
	"understudy/examples/shop/internal/migrate"
	"understudy/examples/shop/internal/settings"
	"understudy/examples/shop/internal/web"
)

// Migrate runs a release's migrations on a database, up or down.
func Migrate(t *testing.T, url, release, direction string, folders ...fs.FS) {
	t.Helper()
	steps, err := migrate.Read(folders...)
	check(t, err)
	check(t, migrate.Migrator{Release: release, Migrations: steps, Out: io.Discard}.Run(t.Context(), url, direction, ""))
}

// Stock puts a few products on the shelves.
func Stock(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `INSERT INTO products (title, description, price_cents)
		SELECT 'Clay kettle, no. ' || n, 'Made of clay.', 100 * n FROM generate_series(1, 50) n`)
	check(t, err)
}

// Open opens a shop and returns its address. It closes with the test.
func Open(t *testing.T, release string, pool *pgxpool.Pool, assemble web.Assemble) string {
	t.Helper()
	given := settings.Settings{SessionKey: "a key for tests", PageSize: 20}
	server := httptest.NewServer(web.New(release, pool, given, assemble).Handler())
	t.Cleanup(server.Close)
	return server.URL
}

// Pass runs end-to-end tests against the shop at base, and returns what failed.
func Pass(t *testing.T, base string, cases ...e2e.Case) []string {
	t.Helper()
	var report strings.Builder
	err := e2e.Run(t.Context(), base, &report, cases)
	var failed []string
	for line := range strings.Lines(report.String()) {
		if strings.HasPrefix(line, "not ok") || strings.HasPrefix(line, "#") {
			failed = append(failed, strings.TrimSpace(line))
		}
	}
	if (err == nil) != (len(failed) == 0) {
		t.Fatalf("the report and the error disagree: %v\n%s", err, report.String())
	}
	return failed
}
