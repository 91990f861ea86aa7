// Package worker does what an order leaves to be done: it settles payments with the
// provider and sends the mails in the outbox.
//
// Jobs are rows. A worker claims one for half a minute in a statement of its own, does it,
// and marks it done; a worker that dies leaves its claim to run out. So a job is done at
// least once, and the provider is told a reference by which it knows a second try. Several
// workers, also of two releases, can work side by side.
package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/smtp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"understudy/examples/shop/internal/program"
	"understudy/examples/shop/internal/settings"
	"understudy/examples/shop/internal/shop"
)

// Worker settles payments and sends mail.
type Worker struct {
	Pool       *pgxpool.Pool
	PaymentURL string
	PaymentKey string
	SMTPAddr   string
	Client     *http.Client
}

// Main is the program `worker`, for program.Main.
func Main(ctx context.Context) error {
	given, err := settings.Read("DATABASE_URL", "PAYMENT_URL", "PAYMENT_KEY", "SMTP_ADDR")
	if err != nil {
		return err
	}
	pool, err := program.Database(ctx, given.DatabaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	return Worker{
		Pool: pool, PaymentURL: given.PaymentURL, PaymentKey: given.PaymentKey, SMTPAddr: given.SMTPAddr,
		Client: &http.Client{Timeout: 5 * time.Second},
	}.Run(ctx)
}

// Run works until ctx ends; the job in hand is finished first.
func (w Worker) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		job := context.WithoutCancel(ctx)
		worked := w.try(job, "settling a payment", w.Settle)
		worked = w.try(job, "sending a mail", w.Send) || worked
		if worked {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(250 * time.Millisecond):
		}
	}
	return nil
}

// try does one job, and tells whether there was one that went well.
func (w Worker) try(ctx context.Context, what string, job func(context.Context) error) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := job(ctx)
	if err != nil && !errors.Is(err, shop.ErrNotFound) {
		slog.Error(what, "error", err)
	}
	return err == nil
}

// Settle charges one open payment; shop.ErrNotFound when none is open.
func (w Worker) Settle(ctx context.Context) error {
	var id, amount int64
	var reference string
	err := w.Pool.QueryRow(ctx, `UPDATE payments SET claimed_until = now() + interval '30 s' WHERE id =
		(SELECT id FROM payments WHERE settled_at IS NULL AND coalesce(claimed_until < now(), true)
		 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, reference, amount_cents`).Scan(&id, &reference, &amount)
	if err != nil {
		return shop.OneRow(err)
	}
	if err := w.charge(ctx, reference, amount); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		var order int64
		err := tx.QueryRow(ctx, "UPDATE payments SET settled_at = now(), claimed_until = NULL WHERE id = $1 RETURNING order_id", id).Scan(&order)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE orders SET status = 'paid' WHERE id = $1 AND status = 'placed'", order)
		return err
	})
}

func (w Worker) charge(ctx context.Context, reference string, amount int64) error {
	body := fmt.Sprintf(`{"reference":%q,"amount_cents":%d}`, reference, amount)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.PaymentURL+"/charge", strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+w.PaymentKey)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", reference)
	response, err := w.Client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)); err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("charging payment %s: the provider answered %s", reference, response.Status)
	}
	return nil
}

// Send sends one open mail; shop.ErrNotFound when none is open.
func (w Worker) Send(ctx context.Context) error {
	var id int64
	var to, subject, body string
	err := w.Pool.QueryRow(ctx, `UPDATE outbox SET claimed_until = now() + interval '30 s' WHERE id =
		(SELECT id FROM outbox WHERE sent_at IS NULL AND coalesce(claimed_until < now(), true)
		 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, recipient, subject, body`).Scan(&id, &to, &subject, &body)
	if err != nil {
		return shop.OneRow(err)
	}
	text := "From: Corner Shop <orders@shop.example>\r\nTo: " + to + "\r\nSubject: " + subject +
		"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + strings.ReplaceAll(body, "\n", "\r\n")
	if err := w.deliver(ctx, to, text); err != nil {
		return fmt.Errorf("sending mail %d to the relay at %s: %w", id, w.SMTPAddr, err)
	}
	_, err = w.Pool.Exec(ctx, "UPDATE outbox SET sent_at = now(), claimed_until = NULL WHERE id = $1", id)
	return err
}

// deliver hands one mail to the relay, as net/smtp.SendMail does, but never for longer
// than ctx allows.
func (w Worker) deliver(ctx context.Context, to, text string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", w.SMTPAddr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if limit, bounded := ctx.Deadline(); bounded {
		if err := conn.SetDeadline(limit); err != nil {
			return err
		}
	}
	host, _, _ := net.SplitHostPort(w.SMTPAddr)
	relay, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	if err := errors.Join(relay.Mail("orders@shop.example"), relay.Rcpt(to)); err != nil {
		return err
	}
	body, err := relay.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(body, text); err != nil {
		return err
	}
	if err := body.Close(); err != nil {
		return err
	}
	return relay.Quit()
}
