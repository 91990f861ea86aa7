// Package shop_test holds the example to what it promises about its three releases: what
// is sound in v2, and what is wrong in v3 although v3's own tests pass.
package shop_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"understudy/examples/shop/internal/e2e"
	"understudy/examples/shop/internal/shoptest"
	"understudy/examples/shop/internal/web"
	v1 "understudy/examples/shop/v1/migrations"
	"understudy/examples/shop/v1/store"
	v2 "understudy/examples/shop/v2/migrations"
	"understudy/examples/shop/v2/ratings"
	"understudy/examples/shop/v3/giftcard"
	v3 "understudy/examples/shop/v3/migrations"
	store3 "understudy/examples/shop/v3/store"
)

func asV1(pool *pgxpool.Pool) (web.Accounts, web.Orders, []web.Feature) {
	return store.Accounts{Pool: pool}, store.Orders{Pool: pool}, nil
}

func asV2(pool *pgxpool.Pool) (web.Accounts, web.Orders, []web.Feature) {
	return store.Accounts{Pool: pool}, store.Orders{Pool: pool}, []web.Feature{ratings.Ratings{Pool: pool}.Feature()}
}

func asV2Off(pool *pgxpool.Pool) (web.Accounts, web.Orders, []web.Feature) {
	off := ratings.Ratings{Pool: pool, On: func(context.Context) bool { return false }}
	return store.Accounts{Pool: pool}, store.Orders{Pool: pool}, []web.Feature{off.Feature()}
}

func asV3(cards string) web.Assemble {
	return func(pool *pgxpool.Pool) (web.Accounts, web.Orders, []web.Feature) {
		return store3.Accounts{Pool: pool}, store3.Orders{Pool: pool},
			[]web.Feature{ratings.Ratings{Pool: pool}.Feature(), giftcard.New(cards).Feature()}
	}
}

// stocked makes a database that v1 has brought forward, with something to sell.
func stocked(t *testing.T, server shoptest.Server, name string) (url string, pool *pgxpool.Pool) {
	t.Helper()
	url = server.Database(t, name)
	shoptest.Migrate(t, url, "v1", "up", v1.Files)
	pool = shoptest.Pool(t, url)
	shoptest.Stock(t, pool)
	return url, pool
}

func passes(t *testing.T, base string, cases ...e2e.Case) {
	t.Helper()
	if failed := shoptest.Pass(t, base, cases...); len(failed) > 0 {
		t.Fatal(strings.Join(failed, "\n"))
	}
}

func TestReleases(t *testing.T) {
	server := shoptest.Start(t)
	t.Run("V1_PassesItsOwnTests", func(t *testing.T) {
		_, pool := stocked(t, server, "v1")
		passes(t, shoptest.Open(t, "v1", pool, asV1), e2e.Always()...)
	})
	t.Run("V2_RunsBesideV1AndGoesBackWhole", func(t *testing.T) { v2IsSound(t, server) })
	t.Run("V3_PassesItsOwnTests", func(t *testing.T) {
		url, pool := stocked(t, server, "v3")
		shoptest.Migrate(t, url, "v3", "up", v1.Files, v2.Files, v3.Files)
		cards := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, err := w.Write([]byte(`{"balance_cents":2500}`)); err != nil {
				t.Error(err)
			}
		}))
		defer cards.Close()
		passes(t, shoptest.Open(t, "v3", pool, asV3(cards.URL)), append(e2e.Always(), ratings.Case(), giftcard.Case())...)
	})
	t.Run("V3_BreaksV1WhileItsHealthIsFine", func(t *testing.T) { v3BreaksV1(t, server) })
	t.Run("V3_LosesDataOnItsWayBack", func(t *testing.T) { v3LosesData(t, server) })
}

func v2IsSound(t *testing.T, server shoptest.Server) {
	url, pool := stocked(t, server, "v2")
	schema := columns(t, pool)
	// v1 is open, its connections and their prepared statements in use, from before.
	old := shoptest.Open(t, "v1", pool, asV1)
	passes(t, old, e2e.Always()...)
	shoptest.Migrate(t, url, "v2", "up", v1.Files, v2.Files)
	passes(t, old, e2e.Always()...)
	passes(t, shoptest.Open(t, "v2", shoptest.Pool(t, url), asV2), append(e2e.Always(), ratings.Case())...)
	passes(t, shoptest.Open(t, "v2", shoptest.Pool(t, url), asV2Off), append(e2e.Always(), ratings.CaseOff())...)
	passes(t, old, e2e.Always()...)

	before := orders(t, pool)
	shoptest.Migrate(t, url, "v2", "down", v1.Files, v2.Files)
	if after := orders(t, pool); before == 0 || after != before {
		t.Errorf("%d orders before the way back, %d after", before, after)
	}
	if back := columns(t, pool); !slices.Equal(back, schema) {
		t.Errorf("the schema is not back:\nbefore %v\nafter  %v", schema, back)
	}
	passes(t, old, e2e.Always()...)
}

func v3BreaksV1(t *testing.T, server shoptest.Server) {
	url, pool := stocked(t, server, "broken")
	old := shoptest.Open(t, "v1", pool, asV1)
	passes(t, old, e2e.Always()...)
	shoptest.Migrate(t, url, "v3", "up", v1.Files, v2.Files, v3.Files)
	response, err := http.Get(old + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("v1's health on v3's schema: expected 200, found %d", response.StatusCode)
	}
	if failed := shoptest.Pass(t, old, e2e.Always()...); len(failed) == 0 {
		t.Error("v1 runs on v3's schema; expected it to break")
	}
}

func v3LosesData(t *testing.T, server shoptest.Server) {
	url, pool := stocked(t, server, "lost")
	const name = "Oskar de la Haas"
	_, err := pool.Exec(t.Context(), "INSERT INTO accounts (email, password_hash, full_name, phone) VALUES ('o@example.com', '', $1, '+49 30 23125 1')", name)
	if err != nil {
		t.Fatal(err)
	}
	shoptest.Migrate(t, url, "v3", "up", v1.Files, v2.Files, v3.Files)
	shoptest.Migrate(t, url, "v3", "down", v1.Files, v2.Files, v3.Files)
	var found string
	var phone *string
	if err := shoptest.Pool(t, url).QueryRow(t.Context(), "SELECT full_name, phone FROM accounts").Scan(&found, &phone); err != nil {
		t.Fatal(err)
	}
	if found == name || phone != nil {
		t.Errorf("v3 was expected to lose part of the name and the telephone, found %q and %v", found, phone)
	}
}

func orders(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM orders").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// columns lists the columns and indexes of the schema.
func columns(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	var list []string
	err := pool.QueryRow(t.Context(), `SELECT array_agg(line ORDER BY line) FROM (
		SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS line
		FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public') AS all_lines`).Scan(&list)
	if err != nil {
		t.Fatal(err)
	}
	return list
}
