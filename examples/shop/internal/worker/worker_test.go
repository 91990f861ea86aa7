package worker_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"understudy/examples/shop/internal/shop"
	"understudy/examples/shop/internal/shoptest"
	"understudy/examples/shop/internal/worker"
	"understudy/examples/shop/v1/migrations"
	"understudy/examples/shop/v1/store"
)

type mailbox chan string

func (m mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return m, nil }
func (m mailbox) Mail(string, *smtp.MailOptions) error        { return nil }
func (m mailbox) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (m mailbox) Reset()                                      {}
func (m mailbox) Logout() error                               { return nil }
func (m mailbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	m <- string(text)
	return err
}

// relay is a mail relay that ends with the test.
func relay(t *testing.T) (address string, received mailbox) {
	t.Helper()
	received = make(mailbox, 10)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(received)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return listener.Addr().String(), received
}

func TestWorker_ChargesAndWritesOnceForEachOrder(t *testing.T) {
	url := shoptest.Start(t).Database(t, "shop")
	shoptest.Migrate(t, url, "v1", "up", migrations.Files)
	pool := shoptest.Pool(t, url)
	shoptest.Stock(t, pool)
	account := shop.Account{Email: "ida@example.com", FullName: "Ida Horn"}
	id, err := store.Accounts{Pool: pool}.Create(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	account.ID = id
	order, err := store.Orders{Pool: pool}.Place(t.Context(), account, []shop.Item{{ProductID: 1, Title: "Kettle", Quantity: 2, Price: 100}})
	if err != nil {
		t.Fatal(err)
	}

	charged := make(chan string, 10)
	provider := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		charged <- r.Header.Get("Authorization") + " " + string(body)
	}))
	defer provider.Close()
	address, mails := relay(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- worker.Worker{
			Pool: pool, PaymentURL: provider.URL, PaymentKey: "a-key", SMTPAddr: address,
			Client: &http.Client{Timeout: 5 * time.Second},
		}.Run(ctx)
	}()
	if got := <-charged; !strings.HasPrefix(got, "Bearer a-key ") || !strings.Contains(got, `"amount_cents":200`) {
		t.Errorf("the provider was told %q", got)
	}
	if got := <-mails; !strings.Contains(got, "To: ida@example.com") || !strings.Contains(got, "Together 2.00 €") {
		t.Errorf("the mail says %q", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if len(charged) != 0 || len(mails) != 0 {
		t.Errorf("%d more charges and %d more mails", len(charged), len(mails))
	}
	paid, err := store.Orders{Pool: pool}.Get(t.Context(), id, order)
	if err != nil || paid.Status != "paid" {
		t.Errorf("expected the order to be paid, found %q and %v", paid.Status, err)
	}
}

func TestWorker_LeavesAPaymentOpenThatTheProviderRefused(t *testing.T) {
	url := shoptest.Start(t).Database(t, "shop")
	shoptest.Migrate(t, url, "v1", "up", migrations.Files)
	pool := shoptest.Pool(t, url)
	_, err := pool.Exec(t.Context(), `WITH a AS (INSERT INTO accounts (email, password_hash, full_name) VALUES ('a@example.com', '', 'A') RETURNING id),
		o AS (INSERT INTO orders (account_id, total_cents, ship_name, ship_street, ship_postcode, ship_city) SELECT id, 1, '', '', '', '' FROM a RETURNING id)
		INSERT INTO payments (order_id, reference, amount_cents) SELECT id, 'R', 1 FROM o`)
	if err != nil {
		t.Fatal(err)
	}
	provider := httptest.NewServer(http.NotFoundHandler())
	defer provider.Close()
	w := worker.Worker{Pool: pool, PaymentURL: provider.URL, Client: provider.Client()}
	if err := w.Settle(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("expected an error that says what the provider answered, found %v", err)
	}
	// Its claim has not run out: nobody else takes it yet.
	if err := w.Settle(t.Context()); !errors.Is(err, shop.ErrNotFound) {
		t.Errorf("expected nothing to settle, found %v", err)
	}
	var open int
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM payments WHERE settled_at IS NULL").Scan(&open); err != nil || open != 1 {
		t.Errorf("expected one open payment, found %d and %v", open, err)
	}
}
