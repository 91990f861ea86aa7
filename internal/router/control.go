package router

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"understudy"
)

// bodyLimit bounds what a call may bring.
const bodyLimit = 1 << 20

// newControl serves the calls of Client, and metrics. Who may open the socket may call.
func (r *router) newControl() *http.Server {
	mux := http.NewServeMux()
	handle := func(pattern string, call func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, q *http.Request) {
			q.Body = http.MaxBytesReader(w, q.Body, bodyLimit)
			if r.moved.Load() {
				r.reply(w, nil, errMoved)
				return
			}
			result, err := call(q)
			r.reply(w, result, err)
		})
	}
	handle("GET /state", func(*http.Request) (any, error) { return r.state(), nil })
	handle("POST /upgrade", r.callUpgrade)
	handle("PUT /fronts/{front}", r.callOpen)
	handle("DELETE /fronts/{front}", func(q *http.Request) (any, error) { return nil, r.closeFront(q.PathValue("front")) })
	handle("PUT /fronts/{front}/slots/{deployment}", r.callAdd)
	handle("DELETE /fronts/{front}/slots/{deployment}", r.callRemove)
	handle("POST /fronts/{front}/slots/{deployment}/drain", r.callDrain)
	handle("PUT /fronts/{front}/split", r.callSplit)
	handle("PUT /fronts/{front}/pause", r.callPause)
	handle("DELETE /fronts/{front}/pause", func(q *http.Request) (any, error) {
		return nil, r.edit(q.PathValue("front"), (*record).resume)
	})
	handle("PUT /fronts/{front}/maintenance", r.callMaintain)
	handle("DELETE /fronts/{front}/maintenance", func(q *http.Request) (any, error) {
		return nil, r.edit(q.PathValue("front"), (*record).endMaintenance)
	})
	handle("GET /fronts/{front}/figures", r.callFigures)
	handle("DELETE /fronts/{front}/figures", r.callResetFigures)
	mux.Handle("GET /metrics", r.metrics())
	return &http.Server{Handler: mux, ReadHeaderTimeout: headersWithin,
		ErrorLog: slog.NewLogLogger(r.shared.log.Handler(), slog.LevelDebug)}
}

// upgrade is a call's wish for another program.
type upgrade struct {
	Program string `json:"program,omitempty"` // its file; empty: the same
}

func (r *router) callUpgrade(q *http.Request) (any, error) {
	want, err := read[upgrade](q)
	if err != nil {
		return nil, err
	}
	return nil, r.upgrade(q.Context(), want.Program)
}

func (r *router) callOpen(q *http.Request) (any, error) {
	want, err := read[Front](q)
	if err != nil {
		return nil, err
	}
	want.Name = q.PathValue("front")
	return nil, r.open(q.Context(), want)
}

func (r *router) callAdd(q *http.Request) (any, error) {
	slot, err := read[Slot](q)
	if err != nil {
		return nil, err
	}
	slot.Deployment = q.PathValue("deployment")
	return nil, r.edit(q.PathValue("front"), func(rec *record) error { return rec.add(slot) })
}

func (r *router) callRemove(q *http.Request) (any, error) {
	return nil, r.edit(q.PathValue("front"), func(rec *record) error { return rec.remove(q.PathValue("deployment")) })
}

func (r *router) callSplit(q *http.Request) (any, error) {
	shares, err := read[[]Share](q)
	if err != nil {
		return nil, err
	}
	return nil, r.edit(q.PathValue("front"), func(rec *record) error { return rec.split(shares) })
}

// span is a call's length of time.
type span struct {
	Limit time.Duration `json:"limit"`
}

func (r *router) callPause(q *http.Request) (any, error) {
	pause, err := read[span](q)
	if err != nil {
		return nil, err
	}
	if pause.Limit <= 0 {
		return nil, understudy.Errorf(understudy.KindInvalid, "a pause needs a limit above zero, found %s", pause.Limit)
	}
	until := time.Now().Add(pause.Limit)
	return nil, r.edit(q.PathValue("front"), func(rec *record) error { return rec.pause(until) })
}

func (r *router) callMaintain(q *http.Request) (any, error) {
	wanted, err := read[Maintenance](q)
	if err != nil {
		return nil, err
	}
	return nil, r.edit(q.PathValue("front"), func(rec *record) error { return rec.maintain(wanted) })
}

// callDrain waits for the copy before this one too: it may still have requests of the
// deployment that began before the hand-over.
func (r *router) callDrain(q *http.Request) (any, error) {
	within, err := read[span](q)
	if err != nil {
		return nil, err
	}
	f, err := r.find(q.PathValue("front"))
	if err != nil {
		return nil, err
	}
	select {
	case <-r.predecessor:
	case <-q.Context().Done():
		return nil, understudy.Errorf(understudy.KindConflict, "draining deployment %s: the router's earlier copy has not ended", q.PathValue("deployment"))
	}
	return f.drain(q.Context(), q.PathValue("deployment"), max(within.Limit, 0))
}

func (r *router) callFigures(q *http.Request) (any, error) {
	f, err := r.find(q.PathValue("front"))
	if err != nil {
		return nil, err
	}
	return f.served(), nil
}

func (r *router) callResetFigures(q *http.Request) (any, error) {
	f, err := r.find(q.PathValue("front"))
	if err != nil {
		return nil, err
	}
	f.resetFigures()
	return nil, nil
}

func read[T any](q *http.Request) (T, error) {
	var v T
	if err := json.NewDecoder(q.Body).Decode(&v); err != nil {
		return v, understudy.Errorf(understudy.KindInvalid, "reading a call to the router: %w", err)
	}
	return v, nil
}

// refusal is an error on its way to a Client.
type refusal struct {
	understudy.Error
	Moved bool `json:"moved,omitempty"` // call again: the new copy answers
}

func (r *router) reply(w http.ResponseWriter, result any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err == nil {
		r.encode(w, result)
		return
	}
	answer := refusal{Error: understudy.Error{Kind: understudy.KindOf(err), Message: err.Error(), Hint: understudy.HintOf(err)},
		Moved: errors.Is(err, errMoved)}
	w.WriteHeader(statusOf(answer.Kind))
	r.encode(w, answer)
}

func (r *router) encode(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		r.shared.log.Debug("a caller left before its answer", "cause", err.Error())
	}
}

func statusOf(kind understudy.Kind) int {
	switch kind {
	case understudy.KindInvalid:
		return http.StatusBadRequest
	case understudy.KindNotFound:
		return http.StatusNotFound
	case understudy.KindConflict:
		return http.StatusConflict
	case understudy.KindUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}
