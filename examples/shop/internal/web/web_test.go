package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"understudy/examples/shop/internal/shop"
	"understudy/examples/shop/internal/shoptest"
	"understudy/examples/shop/internal/visitor"
	"understudy/examples/shop/internal/web"
	"understudy/examples/shop/v1/migrations"
	"understudy/examples/shop/v1/store"
)

func assemble(pool *pgxpool.Pool) (web.Accounts, web.Orders, []web.Feature) {
	return store.Accounts{Pool: pool}, store.Orders{Pool: pool}, nil
}

func TestSite(t *testing.T) {
	url := shoptest.Start(t).Database(t, "shop")
	shoptest.Migrate(t, url, "v1", "up", migrations.Files)
	pool := shoptest.Pool(t, url)
	shoptest.Stock(t, pool)
	base := shoptest.Open(t, "v1", pool, assemble)
	guest := func() *visitor.Visitor {
		return visitor.New(base, http.DefaultTransport, func(visitor.Answer) {})
	}
	t.Run("RefusesWhatMakesNoSense", func(t *testing.T) { refuses(t, guest()) })
	t.Run("EscapesWhatCustomersWrite", func(t *testing.T) {
		v := guest()
		if err := v.SignUp(t.Context(), "script@example.com", "<script>alert(1)</script>"); err != nil {
			t.Fatal(err)
		}
		page, err := v.Get(t.Context(), "/account", http.StatusOK)
		if err != nil || strings.Contains(page, "<script>") {
			t.Errorf("expected the name escaped, found %v in\n%s", err, page)
		}
	})
	t.Run("AnswersNoOtherSite", func(t *testing.T) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/signout", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("expected 403, found %d", response.StatusCode)
		}
	})
	t.Run("TrustsNoForgedCookie", func(t *testing.T) {
		ours, theirs := shop.Sessions{Pool: pool, Key: "ours"}, shop.Sessions{Pool: pool, Key: "theirs"}
		cookie, err := theirs.Write(t.Context(), shop.Session{Cart: shop.Cart{1: 1}})
		if err != nil {
			t.Fatal(err)
		}
		session, err := ours.Read(t.Context(), cookie)
		if err != nil || session.Token != "" {
			t.Errorf("expected no session, found %+v and %v", session, err)
		}
	})
}

func refuses(t *testing.T, v *visitor.Visitor) {
	form := func(pairs ...string) url.Values {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Set(pairs[i], pairs[i+1])
		}
		return values
	}
	complete := []string{"email", "ida@example.com", "password", "long enough", "name", "Ida", "street", "A 1", "postcode", "1", "city", "B"}
	for _, c := range []struct {
		path string
		form url.Values
		want int
	}{
		{"/signup", form(append(complete, "email", "no address")...), http.StatusUnprocessableEntity},
		{"/signup", form(append(complete, "email", "a@b.example\r\nBcc: c@d.example")...), http.StatusUnprocessableEntity},
		{"/signup", form(append(complete, "password", "short")...), http.StatusUnprocessableEntity},
		{"/signup", form(append(complete, "born", "yesterday")...), http.StatusUnprocessableEntity},
		{"/signup", form(complete...), http.StatusSeeOther},
		{"/signup", form(complete...), http.StatusConflict},
		{"/signin", form("email", "ida@example.com", "password", "wrong"), http.StatusUnprocessableEntity},
		{"/signin", form("email", "nobody@example.com", "password", "long enough"), http.StatusUnprocessableEntity},
		{"/checkout", form(), http.StatusUnprocessableEntity},
		{"/cart", form("product", "1", "quantity", "0"), http.StatusUnprocessableEntity},
		{"/cart", form("product", "99999", "quantity", "1"), http.StatusNotFound},
	} {
		if _, _, err := v.Post(t.Context(), c.path, c.form, c.want); err != nil {
			t.Errorf("%v: %v", c.form, err)
		}
	}
	if _, err := v.Get(t.Context(), "/orders/99999999999999999999", http.StatusNotFound); err != nil {
		t.Error(err)
	}
}
