package router

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"understudy"
)

// movedWait is how long a call waits before it is made again to the copy that took over.
const movedWait = 10 * time.Millisecond

// Client calls a router over its control socket. Its zero value but for Socket is ready,
// and may be used by several goroutines. A router that does not answer is an error of
// understudy.KindUnavailable.
type Client struct{ Socket string }

// Open makes a front, or gives one that is there new wishes. A port that is taken is an
// error of understudy.KindConflict that names it. Calling it again changes nothing.
func (c *Client) Open(ctx context.Context, f Front) error {
	return c.call(ctx, http.MethodPut, frontPath(f.Name), f, nil)
}

// Close ends a front: its requests have a few seconds to end. Closing none is no error.
func (c *Client) Close(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, frontPath(name), nil, nil)
}

// Add gives a deployment a slot, or its slot other routes. It serves nothing until Split.
func (c *Client) Add(ctx context.Context, name string, s Slot) error {
	return c.call(ctx, http.MethodPut, slotPath(name, s.Deployment), s, nil)
}

// Split gives a front's requests to its deployments, all at once: the shares sum to 100,
// and none of them takes the front off the air. With several, a client stays on its
// side; it moves one way only if the new deployment stands last and only grows.
func (c *Client) Split(ctx context.Context, name string, shares []Share) error {
	return c.call(ctx, http.MethodPut, frontPath(name)+"/split", shares, nil)
}

// Drain waits until a deployment that has no share answers nothing any more, so that its
// processes may be ended. Upgraded connections and event streams are closed one by one
// over the limit, other requests at the limit. It ends in understudy.KindConflict when
// the deployment has a share or is given one. Soon after an Upgrade it waits, beyond the
// limit, until the earlier copy has ended too.
func (c *Client) Drain(ctx context.Context, name, deployment string, limit time.Duration) (Drained, error) {
	var d Drained
	return d, c.call(ctx, http.MethodPost, slotPath(name, deployment)+"/drain", span{limit}, &d)
}

// Remove takes a deployment's slot away. One with a share is refused with
// understudy.KindConflict; removing none is no error. Drain it first: requests under way
// go on unseen.
func (c *Client) Remove(ctx context.Context, name, deployment string) error {
	return c.call(ctx, http.MethodDelete, slotPath(name, deployment), nil, nil)
}

// Pause lets new requests wait. Once the limit has passed, or the queue is full, they
// are answered 503; it lasts until Resume, also across a restart.
func (c *Client) Pause(ctx context.Context, name string, limit time.Duration) error {
	return c.call(ctx, http.MethodPut, frontPath(name)+"/pause", span{limit}, nil)
}

// Resume ends a pause. Ending none is no error.
func (c *Client) Resume(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, frontPath(name)+"/pause", nil, nil)
}

// Maintain answers everybody with a page until EndMaintenance, also across a restart. What
// waits in a pause is answered too; what is under way goes on.
func (c *Client) Maintain(ctx context.Context, name string, m Maintenance) error {
	return c.call(ctx, http.MethodPut, frontPath(name)+"/maintenance", m, nil)
}

// EndMaintenance serves everybody again. Ending none is no error.
func (c *Client) EndMaintenance(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, frontPath(name)+"/maintenance", nil, nil)
}

// Figures tells what each deployment's release did since the last reset, in the order in
// which they were added.
func (c *Client) Figures(ctx context.Context, name string) ([]understudy.Served, error) {
	var served []understudy.Served
	return served, c.call(ctx, http.MethodGet, frontPath(name)+"/figures", nil, &served)
}

// ResetFigures begins to count a front's requests anew. Requests under way count when they end.
func (c *Client) ResetFigures(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, frontPath(name)+"/figures", nil, nil)
}

// State tells everything that the router knows.
func (c *Client) State(ctx context.Context) (State, error) {
	var s State
	return s, c.call(ctx, http.MethodGet, "/state", nil, &s)
}

// Upgrade replaces the router by a new copy of its program, or by another program where one is
// named, which has taken over when it returns. Counting begins anew. It is refused while a front is paused.
func (c *Client) Upgrade(ctx context.Context, program string) error {
	return c.call(ctx, http.MethodPost, "/upgrade", upgrade{program}, nil)
}

func frontPath(name string) string { return "/fronts/" + url.PathEscape(name) }

func slotPath(name, deployment string) string {
	return frontPath(name) + "/slots/" + url.PathEscape(deployment)
}

// call makes one call, and makes it again where the router was replaced meanwhile.
func (c *Client) call(ctx context.Context, method, path string, body, result any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "calling the router: %w", err)
	}
	for {
		moved, err := c.once(ctx, method, path, raw, result)
		if !moved || !wait(ctx, movedWait) {
			return err
		}
	}
}

func (c *Client) once(ctx context.Context, method, path string, body []byte, result any) (moved bool, err error) {
	transport := &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", c.Socket)
		}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, method, "http://router"+path, bytes.NewReader(body))
	if err != nil {
		return false, understudy.Errorf(understudy.KindInvalid, "calling the router: %w", err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return false, understudy.Errorf(understudy.KindUnavailable, "the router does not answer at %s: %w", c.Socket, err).
			WithHint("start it with: understudy router")
	}
	answer, err := io.ReadAll(response.Body)
	if closed := response.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return false, understudy.Errorf(understudy.KindUnavailable, "the router broke off its answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return refusalOf(response.Status, answer)
	}
	if result == nil {
		return false, nil
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return false, understudy.Errorf(understudy.KindInternal, "reading the router's answer: %w", err)
	}
	return false, nil
}

// refusalOf turns an answer into the error that it carries.
func refusalOf(status string, answer []byte) (moved bool, err error) {
	var r refusal
	if json.Unmarshal(answer, &r) != nil || r.Message == "" {
		return false, understudy.Errorf(understudy.KindInternal, "the router answered %s", status)
	}
	return r.Moved, &r.Error
}
