// Package client speaks to the daemon. It plays the very roles that the API asks for, so
// that whoever holds a role need not know whether the work is done here or there. Kinds
// and hints of errors survive the way.
package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"

	"understudy"
	"understudy/internal/api"
)

// Client speaks over one Unix socket. It may be used from several goroutines at once.
type Client struct {
	http   *http.Client
	socket string
}

// New makes a client. It connects when it is first asked something.
func New(socket string) *Client {
	transport := &http.Transport{DialContext: Dial(socket)}
	return &Client{http: &http.Client{Transport: transport}, socket: socket}
}

// Dial connects to a socket, whatever address is asked for.
func Dial(socket string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
}

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Roles is the client in every role.
func (c *Client) Roles() api.Roles {
	return api.Roles{
		Releases: c, Environments: c, Doors: c, Twins: c, Parities: c, Proofs: c, Rehearsals: c, Evidences: c, Verdicts: c,
		Promotions: c, Decisions: c, Holds: c, Policies: c, Configurations: c, Approvals: c, Journal: c, Control: c, Notifications: c, Flags: c,
	}
}

// send makes a request and hands back the answer of a success. Any other becomes an error.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Response, error) {
	address := "http://understudy" + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	_, request.Close = body.(*io.PipeReader) // what a command left unread would be in the next request's way
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	return nil, errors.Join(refusal(response), response.Body.Close())
}

func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return understudy.Errorf(understudy.KindUnavailable, "the daemon does not answer on %s: %w", c.socket, errors.Unwrap(err)).
		WithHint("start it: understudy serve")
}

// longestRefusal is how much of an error's body is read.
const longestRefusal = 1 << 20

func refusal(response *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(response.Body, longestRefusal))
	if err != nil {
		return err
	}
	var known understudy.Error
	if json.Unmarshal(raw, &known) == nil && known.Kind != "" {
		return &known
	}
	kind := understudy.KindInternal
	if response.StatusCode == http.StatusNotFound { // not one of its errors: it knows no such path
		kind = understudy.KindNotFound
	}
	return understudy.Errorf(kind, "the daemon answered %s %s with %s", response.Request.Method, response.Request.URL.Path, response.Status).
		WithHint("it may be another version than this command: see understudy version, and understudy stop")
}

func call[O any](ctx context.Context, c *Client, method, path string, query url.Values, in any) (O, error) {
	var out O
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return out, err
		}
		body = bytes.NewReader(raw)
	}
	response, err := c.send(ctx, method, path, query, body)
	if err != nil {
		return out, err
	}
	defer func() { _ = response.Body.Close() }() // it was read, or is of no more use
	if response.StatusCode == http.StatusNoContent {
		return out, nil
	}
	return out, json.NewDecoder(response.Body).Decode(&out)
}

// frames reads a streamed answer, a frame at a time, until its last.
func (c *Client) frames(ctx context.Context, method, path string, query url.Values, in any, each func(api.Frame) error) error {
	var body io.Reader
	switch in := in.(type) {
	case nil:
	case io.Reader:
		body = in
	default:
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	response, err := c.send(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read, or is of no more use
	return c.read(ctx, response.Body, each)
}

func (c *Client) read(ctx context.Context, body io.Reader, each func(api.Frame) error) error {
	decoder := json.NewDecoder(bufio.NewReader(body))
	for {
		var f api.Frame
		err := decoder.Decode(&f)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return understudy.Errorf(understudy.KindUnavailable, "the daemon went away before it had answered").
				WithHint("what was under way goes on when it is back: understudy status")
		case f.Error != nil:
			return f.Error
		}
		if err := each(f); err != nil {
			return err
		}
		if f.Result != nil || f.Exit != nil {
			return nil
		}
	}
}

// telling sends a request that tells its progress.
func telling[O any](ctx context.Context, c *Client, path string, in any, tell api.Tell) (O, error) {
	var out O
	err := c.frames(ctx, http.MethodPost, path, nil, in, func(f api.Frame) error {
		if f.Say != "" {
			tell(f.Say)
		}
		if f.Result != nil {
			return json.Unmarshal(f.Result, &out)
		}
		return nil
	})
	return out, err
}

// following hands on each value of a streamed answer.
func following[V any](ctx context.Context, c *Client, path string, query url.Values, each func(V) error) error {
	return c.frames(ctx, http.MethodGet, path, query, nil, func(f api.Frame) error {
		if f.Value == nil {
			return nil
		}
		var v V
		if err := json.Unmarshal(f.Value, &v); err != nil {
			return err
		}
		return each(v)
	})
}
