package seed_test

import (
	"bytes"
	"strings"
	"testing"

	"understudy/examples/shop/internal/shoptest"
	"understudy/examples/shop/v1/seed"
)

func TestFill_MakesAMillionInventedRowsOnce(t *testing.T) {
	url := shoptest.Start(t).Database(t, "shop")
	var out bytes.Buffer
	if err := seed.Fill(t.Context(), url, &out); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := seed.Fill(t.Context(), url, &out); err != nil || !strings.Contains(out.String(), "already") {
		t.Errorf("a second time: expected it to leave the shop as it is, found %v and %q", err, out.String())
	}
	var rows, real, wrongIBAN int
	err := shoptest.Pool(t, url).QueryRow(t.Context(), `SELECT
		(SELECT count(*) FROM accounts) + (SELECT count(*) FROM orders) + (SELECT count(*) FROM order_items) + (SELECT count(*) FROM payments),
		(SELECT count(*) FROM accounts WHERE email !~ '^[a-z0-9.]+@example\.(com|org|net)$'),
		(SELECT count(*) FROM accounts WHERE iban IS NOT NULL AND (substr(iban, 5) || '1314' || substr(iban, 3, 2))::numeric % 97 <> 1)`).
		Scan(&rows, &real, &wrongIBAN)
	if err != nil {
		t.Fatal(err)
	}
	if rows < 1_000_000 || real != 0 || wrongIBAN != 0 {
		t.Errorf("expected a million rows, found %d; %d addresses that could be somebody's; %d IBANs with wrong check digits", rows, real, wrongIBAN)
	}
}
