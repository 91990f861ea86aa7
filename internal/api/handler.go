package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"understudy"
)

// Handler serves the API. Routes are named by the nouns; OpenAPI lies at /openapi.json.
func Handler(roles Roles) http.Handler {
	mux := http.NewServeMux()
	routes(mux, roles)
	return shield(mux)
}

func routes(mux *http.ServeMux, roles Roles) huma.API {
	config := huma.DefaultConfig("Understudy", "1")
	config.DocsPath = "" // its page loads scripts from elsewhere
	config.CreateHooks = nil
	config.Transformers = []huma.Transformer{understood}
	a := humago.New(mux, config)
	releaseRoutes(a, roles.Releases)
	environmentRoutes(a, roles.Environments)
	doorRoutes(a, roles.Doors)
	twinRoutes(a, roles.Twins)
	parityRoutes(a, roles.Parities)
	proofRoute(a, roles.Proofs)
	rehearsalRoutes(a, roles.Rehearsals, roles.Evidences)
	verdictRoutes(a, roles.Verdicts)
	promotionRoutes(a, roles.Promotions, roles.Decisions, roles.Holds)
	policyRoutes(a, roles.Policies, roles.Approvals)
	configRoutes(a, roles.Configurations)
	journalRoutes(a, roles.Journal, roles.Control)
	notificationRoutes(a, roles.Notifications)
	flagRoutes(a, roles.Flags)
	if roles.Gauges != nil {
		mux.Handle("GET /metrics", roles.Gauges)
	}
	return a
}

// answer wraps a body as huma wants it.
type answer[T any] struct{ Body T }

func answered[T any](v T, err error) (*answer[T], error) {
	if err != nil {
		return nil, refused(err)
	}
	return &answer[T]{v}, nil
}

// nothing is the answer where there is nothing to say.
type nothing struct{}

func done(err error) (*nothing, error) {
	if err != nil {
		return nil, refused(err)
	}
	return &nothing{}, nil
}

// problem is an error as the API answers it.
type problem struct {
	status int
	body   understudy.Error
}

// Error is the sentence.
func (p *problem) Error() string { return p.body.Error() }

// MarshalJSON writes kind, message and hint.
func (p *problem) MarshalJSON() ([]byte, error) { return json.Marshal(&p.body) }

// GetStatus is the HTTP status.
func (p *problem) GetStatus() int { return p.status }

// refused gives an error its status.
func refused(err error) error {
	e := plain(err)
	return &problem{status: StatusOf(e.Kind), body: *e}
}

// StatusOf is the one table from kinds of errors to HTTP statuses.
func StatusOf(kind understudy.Kind) int {
	switch kind {
	case understudy.KindInvalid:
		return http.StatusUnprocessableEntity
	case understudy.KindNotFound:
		return http.StatusNotFound
	case understudy.KindConflict:
		return http.StatusConflict
	case understudy.KindUnavailable:
		return http.StatusServiceUnavailable
	case understudy.KindRefused:
		return http.StatusForbidden
	case understudy.KindFailed, understudy.KindInconclusive:
		return http.StatusFailedDependency
	default:
		return http.StatusInternalServerError
	}
}

// maxBody is the most that a request may bring, but for what a command reads.
const maxBody = 1 << 20

// operation describes a route. There is no deadline for reading its body: net/http keeps
// it for the connection, and would take it, seconds later, for the client having gone.
func operation(a huma.API, id, method, path, summary string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, MaxBodyBytes: maxBody, BodyReadTimeout: -1,
		Responses: map[string]*huma.Response{"default": described[understudy.Error](a, "why not", "application/json")},
	}
}

// streaming describes a route that is answered with frames.
func streaming(a huma.API, id, method, path, summary string) huma.Operation {
	op := operation(a, id, method, path, summary)
	op.Responses["200"] = described[Frame](a, "frames, one on each line", "application/x-ndjson")
	return op
}

func described[T any](a huma.API, about, contentType string) *huma.Response {
	schema := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
	return &huma.Response{Description: about, Content: map[string]*huma.MediaType{contentType: {Schema: schema}}}
}

// understood gives what huma itself has to say about a request the form of all errors.
func understood(_ huma.Context, _ string, answer any) (any, error) {
	model, is := answer.(*huma.ErrorModel)
	if !is {
		return answer, nil
	}
	text := model.Detail
	for _, e := range model.Errors {
		text += "; " + strings.TrimSpace(e.Location+" "+e.Message)
	}
	return understudy.Errorf(understudy.KindInvalid, "the request was not understood: %s", text), nil
}

// get registers a plain question.
func get[I, O any](a huma.API, id, path, summary string, ask func(context.Context, *I) (O, error)) {
	huma.Register(a, operation(a, id, http.MethodGet, path, summary), func(ctx context.Context, in *I) (*answer[O], error) {
		return answered(ask(ctx, in))
	})
}

// post registers a request with a body that is answered at once.
func post[B, O any](a huma.API, id, path, summary string, act func(context.Context, B) (O, error)) {
	huma.Register(a, operation(a, id, http.MethodPost, path, summary), func(ctx context.Context, in *answer[B]) (*answer[O], error) {
		return answered(act(ctx, in.Body))
	})
}

// tell registers a request with a body that tells its progress while it lasts.
func tell[B, O any](a huma.API, id, path, summary string, act func(context.Context, B, Tell) (O, error)) {
	huma.Register(a, streaming(a, id, http.MethodPost, path, summary), func(_ context.Context, in *answer[B]) (*huma.StreamResponse, error) {
		return stream(func(ctx context.Context, out *frames) error {
			result, err := act(ctx, in.Body, func(text string) { _ = out.send(Frame{Say: text}) }) // a client that has gone misses nothing it could act on
			return out.end(result, err)
		}), nil
	})
}

// follow registers a question that is answered again at each change.
func follow[I, V any](a huma.API, id, path, summary string, watch func(context.Context, *I, func(V) error) error) {
	huma.Register(a, streaming(a, id, http.MethodGet, path, summary), func(_ context.Context, in *I) (*huma.StreamResponse, error) {
		return stream(func(ctx context.Context, out *frames) error {
			err := watch(ctx, in, func(v V) error { return out.value(v) })
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return out.end(struct{}{}, err)
		}), nil
	})
}
