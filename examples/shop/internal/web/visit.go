package web

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"

	"understudy/examples/shop/internal/shop"
)

//go:embed pages.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "pages.html"))

const cookieName = "shop"

// Visit is one request, with the session it belongs to.
type Visit struct {
	Site    *Site
	Session shop.Session
	W       http.ResponseWriter
	R       *http.Request
}

// Handler answers a visit. An error becomes the page that fits it.
type Handler func(v *Visit) error

// errSignIn sends the visitor to the page where one signs in.
var errSignIn = errors.New("this needs an account")

// Refusal is an answer that says what the visitor should change.
type Refusal struct{ Text string }

func (r Refusal) Error() string { return r.Text }

func (s *Site) visit(handler Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Shop-Release", s.Release)
		r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
		v := &Visit{Site: s, W: w, R: r}
		err := v.open()
		if err == nil {
			err = handler(v)
		}
		if err != nil {
			v.fail(err)
		}
	})
}

func (v *Visit) open() (err error) {
	if cookie, absent := v.R.Cookie(cookieName); absent == nil {
		v.Session, err = v.Site.Sessions.Read(v.Context(), cookie.Value)
	}
	return err
}

// Context ends with the request.
func (v *Visit) Context() context.Context { return v.R.Context() }

// Keep writes the session and hands the visitor its cookie.
func (v *Visit) Keep(session shop.Session) error {
	value, err := v.Site.Sessions.Write(v.Context(), session)
	if err != nil {
		return err
	}
	http.SetCookie(v.W, &http.Cookie{Name: cookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return nil
}

// Account is the account that is signed in; without one the visitor is sent to sign in.
func (v *Visit) Account() (shop.Account, error) {
	if v.Session.AccountID == 0 {
		return shop.Account{}, errSignIn
	}
	return v.Site.Accounts.ByID(v.Context(), v.Session.AccountID)
}

// ID is the number in the path.
func (v *Visit) ID() (int64, error) {
	id, err := strconv.ParseInt(v.R.PathValue("id"), 10, 32)
	if err != nil || id < 1 {
		return 0, shop.ErrNotFound
	}
	return id, nil
}

// Go sends the visitor to another page.
func (v *Visit) Go(path string) error {
	http.Redirect(v.W, v.R, path, http.StatusSeeOther)
	return nil
}

// Show answers with a page whose body is the named template.
func (v *Visit) Show(from *template.Template, name, title string, data any) error {
	return v.show(http.StatusOK, from, name, title, data)
}

func (v *Visit) show(status int, from *template.Template, name, title string, data any) error {
	var body, page bytes.Buffer
	if err := from.ExecuteTemplate(&body, name, data); err != nil {
		return err
	}
	count := 0
	for _, quantity := range v.Session.Cart {
		count += quantity
	}
	err := pages.ExecuteTemplate(&page, "layout", map[string]any{
		"Title": title, "Body": template.HTML(body.String()),
		"SignedIn": v.Session.AccountID != 0, "Count": count, "Features": v.Site.Features,
	})
	if err != nil {
		return err
	}
	v.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.W.WriteHeader(status)
	v.send(page.Bytes())
	return nil
}

// JSON answers with a value.
func (v *Visit) JSON(value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	v.W.Header().Set("Content-Type", "application/json")
	v.send(append(body, '\n'))
	return nil
}

// send writes the answer. When that goes wrong the visitor has left, and there is nobody
// to tell but the log.
func (v *Visit) send(body []byte) {
	if _, err := v.W.Write(body); err != nil {
		slog.Debug("the visitor left before the answer was there", "page", v.R.Pattern, "error", err)
	}
}

func (v *Visit) fail(err error) {
	var refusal Refusal
	status, text := http.StatusInternalServerError, "Something went wrong on our side. Please try again."
	switch {
	case errors.Is(err, errSignIn):
		http.Redirect(v.W, v.R, "/signin", http.StatusSeeOther)
		return
	case errors.Is(err, shop.ErrNotFound):
		status, text = http.StatusNotFound, "There is no such page."
	case errors.Is(err, shop.ErrTaken):
		status, text = http.StatusConflict, "An account with this address exists already."
	case errors.As(err, &refusal):
		status, text = http.StatusUnprocessableEntity, refusal.Text
	case v.Context().Err() == nil:
		slog.Error("answering "+v.R.Method+" "+v.R.Pattern, "error", err)
	}
	if err := v.show(status, pages, "message", http.StatusText(status), text); err != nil {
		slog.Error("showing the error page", "error", err)
	}
}
