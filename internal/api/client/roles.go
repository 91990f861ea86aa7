package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"understudy"
	"understudy/internal/api"
)

var (
	_ api.Releases     = (*Client)(nil)
	_ api.Environments = (*Client)(nil)
	_ api.Doors        = (*Client)(nil)
	_ api.Twins        = (*Client)(nil)
	_ api.Proofs       = (*Client)(nil)
	_ api.Rehearsals   = (*Client)(nil)
	_ api.Evidences    = (*Client)(nil)
	_ api.Verdicts     = (*Client)(nil)
	_ api.Promotions   = (*Client)(nil)
	_ api.Decisions    = (*Client)(nil)
	_ api.Holds        = (*Client)(nil)
	_ api.Policies     = (*Client)(nil)
	_ api.Approvals    = (*Client)(nil)
	_ api.Journal      = (*Client)(nil)
	_ api.Control      = (*Client)(nil)

	_ api.Configurations = (*Client)(nil)
	_ api.Notifications  = (*Client)(nil)
)

// CreateRelease makes a release of a folder on the daemon's machine.
func (c *Client) CreateRelease(ctx context.Context, request api.CreateRelease) (understudy.Release, error) {
	return call[understudy.Release](ctx, c, http.MethodPost, "/v1/releases", nil, request)
}

// Releases lists the releases, oldest first.
func (c *Client) Releases(ctx context.Context) ([]understudy.Release, error) {
	return call[[]understudy.Release](ctx, c, http.MethodGet, "/v1/releases", nil, nil)
}

// Release finds a release by label or digest.
func (c *Client) Release(ctx context.Context, name string) (understudy.Release, error) {
	return call[understudy.Release](ctx, c, http.MethodGet, "/v1/releases/"+url.PathEscape(name), nil, nil)
}

// Up brings an environment up.
func (c *Client) Up(ctx context.Context, request api.Up, tell api.Tell) (api.EnvironmentStatus, error) {
	return telling[api.EnvironmentStatus](ctx, c, "/v1/environments/up", request, tell)
}

// Down stops an environment, or all.
func (c *Client) Down(ctx context.Context, request api.Down, tell api.Tell) error {
	_, err := telling[struct{}](ctx, c, "/v1/environments/down", request, tell)
	return err
}

// Status says of every environment what it is doing.
func (c *Client) Status(ctx context.Context) ([]api.EnvironmentStatus, error) {
	return call[[]api.EnvironmentStatus](ctx, c, http.MethodGet, "/v1/environments", nil, nil)
}

// Maintain closes an environment for maintenance.
func (c *Client) Maintain(ctx context.Context, request api.Maintain) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/maintenance/on", nil, request)
	return err
}

// EndMaintenance lets it serve everybody again.
func (c *Client) EndMaintenance(ctx context.Context, request api.EndMaintenance) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/maintenance/off", nil, request)
	return err
}

// Logs writes what services wrote.
func (c *Client) Logs(ctx context.Context, request api.Logs, out io.Writer) error {
	query := url.Values{"service": {request.Service}, "follow": {strconv.FormatBool(request.Follow)}}
	return c.frames(ctx, http.MethodGet, environment(request.Environment, "logs"), query, nil, func(f api.Frame) error {
		return pass(out, f.Stdout)
	})
}

func environment(name, what string) string {
	return "/v1/environments/" + url.PathEscape(name) + "/" + what
}

// Exec runs a command inside an environment. A read of stdin that is under way when the
// command has ended is not interrupted: its goroutine ends with the next input, or stdin's
// end.
func (c *Client) Exec(ctx context.Context, request api.Exec, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	body, feed := io.Pipe()
	defer func() { _ = body.Close() }() // a pipe's end cannot fail to close
	defer context.AfterFunc(ctx, func() { _ = body.CloseWithError(ctx.Err()) })()
	go func() {
		_, err := io.Copy(feed, stdin)
		_ = feed.CloseWithError(err) // nil is the end of input
	}()
	status := 0
	query := url.Values{"service": {request.Service}, "arg": request.Command}
	err := c.frames(ctx, http.MethodPost, environment(request.Environment, "exec"), query, body, func(f api.Frame) error {
		if f.Exit != nil {
			status = *f.Exit
		}
		return errors.Join(pass(stdout, f.Stdout), pass(stderr, f.Stderr))
	})
	return status, err
}

// pass writes a part of a stream, where there is one: a pipe takes an empty one too, and
// waits for a reader.
func pass(to io.Writer, part []byte) error {
	if len(part) == 0 {
		return nil
	}
	_, err := to.Write(part)
	return err
}

// ResetTwin makes a twin anew.
func (c *Client) ResetTwin(ctx context.Context, request api.ResetTwin, tell api.Tell) (understudy.Snapshot, error) {
	return telling[understudy.Snapshot](ctx, c, "/v1/twins/reset", request, tell)
}

// Parity measures how alike two environments are.
func (c *Client) Parity(ctx context.Context, a, b string) (understudy.Parity, error) {
	return call[understudy.Parity](ctx, c, http.MethodGet, "/v1/parity", url.Values{"a": {a}, "b": {b}}, nil)
}

// WatchParity measures again and again.
func (c *Client) WatchParity(ctx context.Context, request api.WatchParity, each func(api.Likeness) error) error {
	query := url.Values{"a": {request.A}, "b": {request.B}}
	if request.Every > 0 {
		query.Set("every", request.Every.String())
	}
	return following(ctx, c, "/v1/parity/watch", query, each)
}

// ParityHistory is what was measured of two environments.
func (c *Client) ParityHistory(ctx context.Context, request api.ParityHistory) (understudy.ParityHistory, error) {
	query := url.Values{"a": {request.A}, "b": {request.B}}
	since(query, request.Since)
	return call[understudy.ParityHistory](ctx, c, http.MethodGet, "/v1/parity/history", query, nil)
}

// Captures lists what the seal caught.
func (c *Client) Captures(ctx context.Context, name string, from time.Time) ([]api.Capture, error) {
	query := url.Values{}
	since(query, from)
	return call[[]api.Capture](ctx, c, http.MethodGet, environment(name, "captures"), query, nil)
}

// Proof shows what was proven of the copy that a twin stands on.
func (c *Client) Proof(ctx context.Context, name string) (understudy.Snapshot, error) {
	return call[understudy.Snapshot](ctx, c, http.MethodGet, environment(name, "proof"), nil, nil)
}

// MaskDiff compares masking rules with the schema.
func (c *Client) MaskDiff(ctx context.Context, name string) (api.MaskDiff, error) {
	return call[api.MaskDiff](ctx, c, http.MethodGet, "/v1/mask-diff", url.Values{"environment": {name}}, nil)
}

// MaskPlan proposes masking rules.
func (c *Client) MaskPlan(ctx context.Context, name string) (api.MaskPlan, error) {
	return call[api.MaskPlan](ctx, c, http.MethodGet, "/v1/mask-plan", url.Values{"environment": {name}}, nil)
}

// Rehearse queues a rehearsal.
func (c *Client) Rehearse(ctx context.Context, request api.Rehearse) (understudy.Rehearsal, error) {
	return call[understudy.Rehearsal](ctx, c, http.MethodPost, "/v1/rehearsals", nil, request)
}

// Rehearsals lists the rehearsals, oldest first.
func (c *Client) Rehearsals(ctx context.Context) ([]understudy.Rehearsal, error) {
	return call[[]understudy.Rehearsal](ctx, c, http.MethodGet, "/v1/rehearsals", nil, nil)
}

// Rehearsal shows one.
func (c *Client) Rehearsal(ctx context.Context, id string) (understudy.Rehearsal, error) {
	return call[understudy.Rehearsal](ctx, c, http.MethodGet, "/v1/rehearsals/"+url.PathEscape(id), nil, nil)
}

// WatchRehearsal hands on a rehearsal at each change, until it has ended.
func (c *Client) WatchRehearsal(ctx context.Context, id string, each func(understudy.Rehearsal) error) error {
	return following(ctx, c, "/v1/rehearsals/"+url.PathEscape(id)+"/watch", nil, each)
}

// CancelRehearsal ends one.
func (c *Client) CancelRehearsal(ctx context.Context, id, by string) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/rehearsals/"+url.PathEscape(id)+"/cancel", nil, map[string]string{"by": by})
	return err
}

// Evidence opens a piece of evidence. The caller closes it.
func (c *Client) Evidence(ctx context.Context, digest understudy.Digest) (io.ReadCloser, error) {
	response, err := c.send(ctx, http.MethodGet, "/v1/evidence/"+url.PathEscape(string(digest)), nil, nil)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// Verdicts lists the verdicts, oldest first.
func (c *Client) Verdicts(ctx context.Context) ([]understudy.Verdict, error) {
	return call[[]understudy.Verdict](ctx, c, http.MethodGet, "/v1/verdicts", nil, nil)
}

// Verdict shows one.
func (c *Client) Verdict(ctx context.Context, name string) (understudy.Verdict, error) {
	return call[understudy.Verdict](ctx, c, http.MethodGet, "/v1/verdicts/"+url.PathEscape(name), nil, nil)
}

// VerifyVerdict verifies one and shows what was signed.
func (c *Client) VerifyVerdict(ctx context.Context, name string) (understudy.Statement, error) {
	return call[understudy.Statement](ctx, c, http.MethodGet, "/v1/verdicts/"+url.PathEscape(name)+"/statement", nil, nil)
}

// RevokeVerdict makes one count no longer.
func (c *Client) RevokeVerdict(ctx context.Context, request api.Revoke) (understudy.Verdict, error) {
	return call[understudy.Verdict](ctx, c, http.MethodPost, "/v1/verdicts/revoke", nil, request)
}

// PlanPromotion says what a promotion would change, and what speaks against it.
func (c *Client) PlanPromotion(ctx context.Context, request api.Promote) (understudy.Promotion, error) {
	return call[understudy.Promotion](ctx, c, http.MethodPost, "/v1/promotions/plan", nil, request)
}

// Promote begins a promotion, where the gate lets it.
func (c *Client) Promote(ctx context.Context, request api.Promote) (understudy.Promotion, error) {
	return call[understudy.Promotion](ctx, c, http.MethodPost, "/v1/promotions", nil, request)
}

// Promotions lists the promotions, oldest first.
func (c *Client) Promotions(ctx context.Context) ([]understudy.Promotion, error) {
	return call[[]understudy.Promotion](ctx, c, http.MethodGet, "/v1/promotions", nil, nil)
}

// WatchPromotion hands on a promotion at each change, until it has ended.
func (c *Client) WatchPromotion(ctx context.Context, id string, each func(understudy.Promotion) error) error {
	return following(ctx, c, "/v1/promotions/"+url.PathEscape(id)+"/watch", nil, each)
}

// Rollback goes back to the release that an environment ran before.
func (c *Client) Rollback(ctx context.Context, request api.Rollback) (understudy.Promotion, error) {
	return call[understudy.Promotion](ctx, c, http.MethodPost, "/v1/rollbacks", nil, request)
}

// SettlePromotion ends the bake of a promotion that cannot be judged.
func (c *Client) SettlePromotion(ctx context.Context, request api.Decide) (understudy.Promotion, error) {
	return c.decide(ctx, "settle", request)
}

// ContractPromotion runs the contract migration of a promotion that has settled.
func (c *Client) ContractPromotion(ctx context.Context, request api.Decide) (understudy.Promotion, error) {
	return c.decide(ctx, "contract", request)
}

func (c *Client) decide(ctx context.Context, act string, request api.Decide) (understudy.Promotion, error) {
	body := map[string]string{"by": request.By, "reason": request.Reason}
	return call[understudy.Promotion](ctx, c, http.MethodPost, "/v1/promotions/"+url.PathEscape(request.Promotion)+"/"+act, nil, body)
}

// PlaceHold keeps promotions from an environment.
func (c *Client) PlaceHold(ctx context.Context, name, by, reason string) error {
	return c.hold(ctx, "place-hold", name, by, reason)
}

// LiftHold lets promotions happen again.
func (c *Client) LiftHold(ctx context.Context, name, by, reason string) error {
	return c.hold(ctx, "lift-hold", name, by, reason)
}

func (c *Client) hold(ctx context.Context, act, name, by, reason string) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, environment(name, act), nil, map[string]string{"by": by, "reason": reason})
	return err
}

// ExplainPolicy says how a release stands before the gate.
func (c *Client) ExplainPolicy(ctx context.Context, request api.Promote) (understudy.Explanation, error) {
	return call[understudy.Explanation](ctx, c, http.MethodPost, "/v1/policy/explain", nil, request)
}

// Policy is the one in force.
func (c *Client) Policy(ctx context.Context) (understudy.PolicyInForce, error) {
	return call[understudy.PolicyInForce](ctx, c, http.MethodGet, "/v1/policy", nil, nil)
}

// Approve agrees to a release.
func (c *Client) Approve(ctx context.Context, request api.Approve) (understudy.SignedApproval, error) {
	return call[understudy.SignedApproval](ctx, c, http.MethodPost, "/v1/approvals", nil, request)
}

// WithdrawApproval takes one's own approval back.
func (c *Client) WithdrawApproval(ctx context.Context, request api.Approve) (understudy.SignedApproval, error) {
	return call[understudy.SignedApproval](ctx, c, http.MethodPost, "/v1/approvals/withdraw", nil, request)
}

// Approvals lists the approvals of a release.
func (c *Client) Approvals(ctx context.Context, release, environment string) ([]understudy.SignedApproval, error) {
	return call[[]understudy.SignedApproval](ctx, c, http.MethodGet, "/v1/approvals", url.Values{"release": {release}, "to": {environment}}, nil)
}

// JournalEntries hands on the journal's entries from a sequence number on.
func (c *Client) JournalEntries(ctx context.Context, from int64, each func(understudy.Entry) error) error {
	return following(ctx, c, "/v1/journal", url.Values{"from": {strconv.FormatInt(from, 10)}}, each)
}

// VerifyJournal verifies the journal.
func (c *Client) VerifyJournal(ctx context.Context, request api.VerifyJournal) (api.JournalVerified, error) {
	query := url.Values{"from": {strconv.FormatInt(request.From, 10)}, "head": {string(request.Head)}}
	since(query, request.Since)
	return call[api.JournalVerified](ctx, c, http.MethodGet, "/v1/journal/verify", query, nil)
}

// Metrics are delivery metrics of an environment.
func (c *Client) Metrics(ctx context.Context, request api.Metrics) (understudy.Metrics, error) {
	query := url.Values{"environment": {request.Environment}}
	since(query, request.Since)
	return call[understudy.Metrics](ctx, c, http.MethodGet, "/v1/metrics", query, nil)
}

// since adds a moment to a query, where it is one.
func since(query url.Values, at time.Time) {
	if !at.IsZero() {
		query.Set("since", at.Format(time.RFC3339Nano))
	}
}

// Notifications shows what is told to whom.
func (c *Client) Notifications(ctx context.Context) (api.Told, error) {
	return call[api.Told](ctx, c, http.MethodGet, "/v1/notifications", nil, nil)
}

// TestNotification tries a channel.
func (c *Client) TestNotification(ctx context.Context, request api.TestNotification) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/notifications/test", nil, request)
	return err
}

// RetryNotification tries a notification again.
func (c *Client) RetryNotification(ctx context.Context, request api.RetryNotification) (understudy.Notification, error) {
	return call[understudy.Notification](ctx, c, http.MethodPost, "/v1/notifications/retry", nil, request)
}

// Info says who answers.
func (c *Client) Info(ctx context.Context) (api.Info, error) {
	return call[api.Info](ctx, c, http.MethodGet, "/v1/info", nil, nil)
}

// Shutdown ends the daemon.
func (c *Client) Shutdown(ctx context.Context) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/shutdown", nil, struct{}{})
	return err
}
