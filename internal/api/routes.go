package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"understudy"
)

// none is a request without anything to say.
type none struct{}

type named struct {
	Name string `path:"name"`
}

type identified struct {
	ID string `path:"id"`
}

func releaseRoutes(a huma.API, role Releases) {
	post(a, "create-release", "/v1/releases", "make a release of a folder", role.CreateRelease)
	get(a, "list-releases", "/v1/releases", "list the releases, oldest first", func(ctx context.Context, _ *none) ([]understudy.Release, error) {
		return role.Releases(ctx)
	})
	get(a, "show-release", "/v1/releases/{name}", "show a release by label or digest", func(ctx context.Context, in *named) (understudy.Release, error) {
		return role.Release(ctx, in.Name)
	})
}

func environmentRoutes(a huma.API, role Environments) {
	tell(a, "up", "/v1/environments/up", "bring an environment up", func(ctx context.Context, in Up, say Tell) (EnvironmentStatus, error) {
		return role.Up(ctx, in, say)
	})
	tell(a, "down", "/v1/environments/down", "stop an environment, or all", func(ctx context.Context, in Down, say Tell) (none, error) {
		return none{}, role.Down(ctx, in, say)
	})
	get(a, "status", "/v1/environments", "say of every environment what it is doing", func(ctx context.Context, _ *none) ([]EnvironmentStatus, error) {
		return role.Status(ctx)
	})
	logRoute(a, role)
	execRoute(a, role)
}

func doorRoutes(a huma.API, role Doors) {
	post(a, "maintain", "/v1/maintenance/on", "answer everybody with a page", func(ctx context.Context, in Maintain) (none, error) {
		return none{}, role.Maintain(ctx, in)
	})
	post(a, "end-maintenance", "/v1/maintenance/off", "serve everybody again", func(ctx context.Context, in EndMaintenance) (none, error) {
		return none{}, role.EndMaintenance(ctx, in)
	})
}

type logsRequest struct {
	Name    string `path:"name"`
	Service string `query:"service"`
	Follow  bool   `query:"follow"`
}

func logRoute(a huma.API, role Environments) {
	op := streaming(a, "logs", http.MethodGet, "/v1/environments/{name}/logs", "what services wrote, as frames")
	huma.Register(a, op, func(_ context.Context, in *logsRequest) (*huma.StreamResponse, error) {
		return stream(func(ctx context.Context, out *frames) error {
			err := role.Logs(ctx, Logs{Environment: in.Name, Service: in.Service, Follow: in.Follow}, writerOf(func(p []byte) error {
				return out.send(Frame{Stdout: p})
			}))
			return out.end(none{}, err)
		}), nil
	})
}

type execRequest struct {
	Name    string   `path:"name"`
	Service string   `query:"service"`
	Command []string `query:"arg,explode" minItems:"1"`
}

// execRoute runs a command: what it reads is the request's body, what it writes comes
// back as frames while it runs.
func execRoute(a huma.API, role Environments) {
	op := streaming(a, "exec", http.MethodPost, "/v1/environments/{name}/exec", "run a command inside an environment")
	op.SkipValidateBody = true
	huma.Register(a, op, func(_ context.Context, in *execRequest) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(hctx huma.Context) { execute(hctx, role, in) }}, nil
	})
}

func execute(hctx huma.Context, role Environments, in *execRequest) {
	r, w := humago.Unwrap(hctx)
	_ = http.NewResponseController(w).EnableFullDuplex() // where it cannot be, input is read first
	w.Header().Set("Content-Type", "application/x-ndjson")
	stream(func(ctx context.Context, out *frames) error {
		ctx, end := context.WithCancel(ctx)
		defer end()
		stdout := writerOf(func(p []byte) error { return out.send(Frame{Stdout: p}) })
		stderr := writerOf(func(p []byte) error { return out.send(Frame{Stderr: p}) })
		status, err := role.Exec(ctx, Exec{Environment: in.Name, Service: in.Service, Command: in.Command}, input{r.Body, end}, stdout, stderr)
		if err != nil {
			return out.end(none{}, err)
		}
		return out.send(Frame{Exit: &status})
	}).Body(hctx)
	_, _ = io.Copy(io.Discard, r.Body) // a client that still writes would not hear the answer; one that heard it goes
}

// input is what a command reads. While it is read, nobody else can notice that the client
// has gone: then the command ends.
type input struct {
	from io.Reader
	gone func()
}

func (i input) Read(p []byte) (int, error) {
	n, err := i.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		i.gone()
	}
	return n, err
}

type capturesRequest struct {
	Name  string    `path:"name"`
	Since time.Time `query:"since"`
}

type maskRequest struct {
	Environment string `query:"environment"`
}

func twinRoutes(a huma.API, role Twins) {
	tell(a, "reset-twin", "/v1/twins/reset", "make a twin anew from what it is a twin of", func(ctx context.Context, in ResetTwin, say Tell) (understudy.Snapshot, error) {
		return role.ResetTwin(ctx, in, say)
	})
	get(a, "captures", "/v1/environments/{name}/captures", "what the seal caught", func(ctx context.Context, in *capturesRequest) ([]Capture, error) {
		return role.Captures(ctx, in.Name, in.Since)
	})
	get(a, "mask-plan", "/v1/mask-plan", "propose masking rules", func(ctx context.Context, in *maskRequest) (MaskPlan, error) {
		return role.MaskPlan(ctx, in.Environment)
	})
	get(a, "mask-diff", "/v1/mask-diff", "compare masking rules with the schema", func(ctx context.Context, in *maskRequest) (MaskDiff, error) {
		return role.MaskDiff(ctx, in.Environment)
	})
}

func proofRoute(a huma.API, role Proofs) {
	get(a, "proof", "/v1/environments/{name}/proof", "what was proven of the copy that a twin stands on", func(ctx context.Context, in *named) (understudy.Snapshot, error) {
		return role.Proof(ctx, in.Name)
	})
}

type by struct {
	By string `json:"by"`
}

type cancelRequest struct {
	ID   string `path:"id"`
	Body by
}

func rehearsalRoutes(a huma.API, role Rehearsals, evidences Evidences) {
	post(a, "rehearse", "/v1/rehearsals", "queue a rehearsal", role.Rehearse)
	get(a, "list-rehearsals", "/v1/rehearsals", "list the rehearsals, oldest first", func(ctx context.Context, _ *none) ([]understudy.Rehearsal, error) {
		return role.Rehearsals(ctx)
	})
	get(a, "show-rehearsal", "/v1/rehearsals/{id}", "show a rehearsal", func(ctx context.Context, in *identified) (understudy.Rehearsal, error) {
		return role.Rehearsal(ctx, in.ID)
	})
	follow(a, "watch-rehearsal", "/v1/rehearsals/{id}/watch", "a rehearsal at each change, until it has ended", func(ctx context.Context, in *identified, each func(understudy.Rehearsal) error) error {
		return role.WatchRehearsal(ctx, in.ID, each)
	})
	huma.Register(a, operation(a, "cancel-rehearsal", http.MethodPost, "/v1/rehearsals/{id}/cancel", "end a rehearsal"), func(ctx context.Context, in *cancelRequest) (*nothing, error) {
		return done(role.CancelRehearsal(ctx, in.ID, in.Body.By))
	})
	evidenceRoute(a, evidences)
}

type digested struct {
	Digest string `path:"digest"`
}

func evidenceRoute(a huma.API, role Evidences) {
	op := operation(a, "evidence", http.MethodGet, "/v1/evidence/{digest}", "a piece of evidence")
	op.Responses["200"] = &huma.Response{Description: "as it was kept", Content: map[string]*huma.MediaType{"application/octet-stream": {}}}
	huma.Register(a, op, func(ctx context.Context, in *digested) (*huma.StreamResponse, error) {
		digest, err := understudy.ParseDigest(in.Digest)
		if err != nil {
			return nil, refused(err)
		}
		content, err := role.Evidence(ctx, digest)
		if err != nil {
			return nil, refused(err)
		}
		return &huma.StreamResponse{Body: func(hctx huma.Context) {
			hctx.SetHeader("Content-Type", "application/octet-stream")
			_, _ = io.Copy(hctx.BodyWriter(), content) // a cut answer is seen by its reader, who knows the digest
			_ = content.Close()
		}}, nil
	})
}

func verdictRoutes(a huma.API, role Verdicts) {
	get(a, "list-verdicts", "/v1/verdicts", "list the verdicts, oldest first", func(ctx context.Context, _ *none) ([]understudy.Verdict, error) {
		return role.Verdicts(ctx)
	})
	get(a, "show-verdict", "/v1/verdicts/{name}", "show a verdict", func(ctx context.Context, in *named) (understudy.Verdict, error) {
		return role.Verdict(ctx, in.Name)
	})
	get(a, "verify-verdict", "/v1/verdicts/{name}/statement", "verify a verdict and show what was signed", func(ctx context.Context, in *named) (understudy.Statement, error) {
		return role.VerifyVerdict(ctx, in.Name)
	})
	post(a, "revoke-verdict", "/v1/verdicts/revoke", "make a verdict count no longer", role.RevokeVerdict)
}

type holdRequest struct {
	Name string `path:"name"`
	Body struct {
		By     string `json:"by"`
		Reason string `json:"reason"`
	}
}

type decideRequest struct {
	ID   string `path:"id"`
	Body struct {
		By     string `json:"by"`
		Reason string `json:"reason,omitempty"`
	}
}

// decide registers a decision over one promotion.
func decide(a huma.API, id, path, summary string, act func(context.Context, Decide) (understudy.Promotion, error)) {
	huma.Register(a, operation(a, id, http.MethodPost, path, summary), func(ctx context.Context, in *decideRequest) (*answer[understudy.Promotion], error) {
		return answered(act(ctx, Decide{Promotion: in.ID, By: in.Body.By, Reason: in.Body.Reason}))
	})
}

func promotionRoutes(a huma.API, role Promotions, decisions Decisions, holds Holds) {
	post(a, "plan-promotion", "/v1/promotions/plan", "what a promotion would change, and what speaks against it", role.PlanPromotion)
	post(a, "promote", "/v1/promotions", "begin a promotion, where the gate lets it", role.Promote)
	get(a, "list-promotions", "/v1/promotions", "list the promotions, oldest first", func(ctx context.Context, _ *none) ([]understudy.Promotion, error) {
		return role.Promotions(ctx)
	})
	follow(a, "watch-promotion", "/v1/promotions/{id}/watch", "a promotion at each change, until it has ended", func(ctx context.Context, in *identified, each func(understudy.Promotion) error) error {
		return role.WatchPromotion(ctx, in.ID, each)
	})
	post(a, "rollback", "/v1/rollbacks", "go back to the release that an environment ran before", role.Rollback)
	decide(a, "settle-promotion", "/v1/promotions/{id}/settle", "end the bake of a promotion that cannot be judged", decisions.SettlePromotion)
	decide(a, "contract-promotion", "/v1/promotions/{id}/contract", "run the contract migration of a promotion that has settled", decisions.ContractPromotion)
	huma.Register(a, operation(a, "place-hold", http.MethodPost, "/v1/environments/{name}/place-hold", "keep promotions from an environment"), func(ctx context.Context, in *holdRequest) (*nothing, error) {
		return done(holds.PlaceHold(ctx, in.Name, in.Body.By, in.Body.Reason))
	})
	huma.Register(a, operation(a, "lift-hold", http.MethodPost, "/v1/environments/{name}/lift-hold", "let promotions happen again"), func(ctx context.Context, in *holdRequest) (*nothing, error) {
		return done(holds.LiftHold(ctx, in.Name, in.Body.By, in.Body.Reason))
	})
}

type fromRequest struct {
	From int64 `query:"from"`
}

type verifyRequest struct {
	From  int64     `query:"from"`
	Since time.Time `query:"since"`
	Head  string    `query:"head"`
}

type metricsRequest struct {
	Environment string    `query:"environment"`
	Since       time.Time `query:"since"`
}

func notificationRoutes(a huma.API, role Notifications) {
	get(a, "notifications", "/v1/notifications", "who is told what, and whether it arrived", func(ctx context.Context, _ *none) (Told, error) {
		return role.Notifications(ctx)
	})
	post(a, "test-notification", "/v1/notifications/test", "try a channel", func(ctx context.Context, in TestNotification) (none, error) {
		return none{}, role.TestNotification(ctx, in)
	})
	post(a, "retry-notification", "/v1/notifications/retry", "try a notification again now", role.RetryNotification)
}

func journalRoutes(a huma.API, role Journal, control Control) {
	follow(a, "journal", "/v1/journal", "the journal's entries from a sequence number on", func(ctx context.Context, in *fromRequest, each func(understudy.Entry) error) error {
		return role.JournalEntries(ctx, in.From, each)
	})
	get(a, "verify-journal", "/v1/journal/verify", "verify the journal, and hold it against a head that was kept elsewhere", func(ctx context.Context, in *verifyRequest) (JournalVerified, error) {
		return role.VerifyJournal(ctx, VerifyJournal{From: in.From, Since: in.Since, Head: understudy.Digest(in.Head)})
	})
	get(a, "metrics", "/v1/metrics", "delivery metrics, computed from the journal alone", func(ctx context.Context, in *metricsRequest) (understudy.Metrics, error) {
		return role.Metrics(ctx, Metrics{Environment: in.Environment, Since: in.Since})
	})
	get(a, "info", "/v1/info", "who answers", func(ctx context.Context, _ *none) (Info, error) { return control.Info(ctx) })
	post(a, "shutdown", "/v1/shutdown", "end the daemon; environments go on", func(ctx context.Context, _ none) (none, error) {
		return none{}, control.Shutdown(ctx)
	})
}
