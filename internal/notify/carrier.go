package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"understudy"
)

// Couriers carry messages to channels of every kind.
type Couriers struct {
	// Secret reads what a reference names.
	Secret func(context.Context, understudy.SecretRef) (string, error)
}

// Carry takes a message to a channel.
func (k Couriers) Carry(ctx context.Context, c understudy.Channel, m understudy.Message) error {
	switch {
	case c.Webhook != nil:
		return k.toWebhook(ctx, *c.Webhook, m)
	case c.Slack != nil:
		return k.toSlack(ctx, *c.Slack, m)
	case c.Email != nil:
		return k.toEmail(ctx, *c.Email, m)
	}
	return errNoChannel
}

// read is a text of a channel, or what it refers to.
func (k Couriers) read(ctx context.Context, text string) (string, error) {
	if !understudy.IsReference(text) {
		return text, nil
	}
	return k.Secret(ctx, understudy.SecretRef(text))
}

// post sends a body to an address that is not shown, whatever goes wrong.
func (k Couriers) post(ctx context.Context, address string, header http.Header, body any) error {
	address, err := k.read(ctx, address)
	if err != nil {
		return err
	}
	raw, is := body.([]byte)
	if !is {
		if raw, err = json.Marshal(body); err != nil {
			return understudy.Errorf(understudy.KindInternal, "writing a message: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(raw))
	if err != nil || request.URL.Host == "" {
		return understudy.Errorf(understudy.KindInvalid, "its address is no URL such as https://hooks.example/path (it is not shown, as it may hold a token)")
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "understudy")
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request) // and no redirect: it would take the message elsewhere
	if err != nil {
		return unreached(ctx, err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // what it says is not looked at
	_ = response.Body.Close()
	switch {
	case response.StatusCode == http.StatusGone:
		return errGone
	case response.StatusCode/100 != 2:
		return understudy.Errorf(understudy.KindUnavailable, "the server answered %d", response.StatusCode)
	}
	return nil
}

// unreached is why a server was not reached, without its address.
func unreached(ctx context.Context, err error) error {
	var in *url.Error
	if errors.As(err, &in) {
		err = in.Err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return understudy.Errorf(understudy.KindUnavailable, "the server did not answer within %s", Within)
	}
	return understudy.Errorf(understudy.KindUnavailable, "the server could not be reached: %w", err)
}
