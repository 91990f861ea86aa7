package physical_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/postgres/physical"
	"understudy/internal/postgres/postgrestest"
)

// shopMasks are for the columns of the shop that bench/ makes.
func shopMasks() understudy.Masks {
	contact := shift()
	contact.Leaf = func(path []string) understudy.MaskFunc {
		switch last := path[len(path)-1]; last {
		case "email", "phone", "ip", "session":
			return shifted
		}
		return nil
	}
	masks := map[string]understudy.Mask{"public.customers.profile": contact, "public.events.payload": contact}
	for _, name := range []string{"customers.email", "customers.first_name", "customers.last_name", "customers.phone", "customers.street", "customers.iban",
		"orders.contact_email", "orders.ship_name", "orders.ship_street", "orders.note"} {
		masks["public."+name] = shift()
	}
	return by(masks)
}

// BenchmarkCopy copies a small shop, or the database that UNDERSTUDY_BENCH_SOURCE is the
// URL of; with UNDERSTUDY_BENCH_FROM, a data directory with a database shop, which is used up.
// UNDERSTUDY_BENCH_VERIFY=1 has the copy verified too.
func BenchmarkCopy(b *testing.B) {
	spec := physical.Spec{Source: os.Getenv("UNDERSTUDY_BENCH_SOURCE"), From: os.Getenv("UNDERSTUDY_BENCH_FROM"), Masks: shopMasks(),
		Verify: os.Getenv("UNDERSTUDY_BENCH_VERIFY") != ""}
	folder := postgrestest.Folder(b)
	if spec.From != "" {
		folder, spec.Database = filepath.Dir(spec.From), "shop"
	} else if spec.Source == "" {
		c, name := postgrestest.Database(b)
		spec.Source = c.AdminURL(name)
		postgrestest.Runs(b, postgrestest.Connected(b, spec.Source), `CREATE TABLE customers AS SELECT i AS id, 'person' || i || '@example.org' AS email, 'Street ' || i AS street FROM generate_series(1, 100000) i`)
	}
	for b.Loop() {
		spec.Dir = filepath.Join(folder, "data")
		result, err := physical.Copy(b.Context(), spec)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(result.Copy.Bytes)
		for _, p := range result.Phases {
			b.ReportMetric(p.Took.Seconds(), strings.ReplaceAll(p.Name, " ", "-")+"-s")
		}
		if err := os.RemoveAll(spec.Dir); err != nil {
			b.Fatal(err)
		}
	}
}
