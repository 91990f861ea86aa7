// Package web is the shop's pages and its few JSON routes.
//
// What differs between releases comes from outside: how accounts and orders are kept, and
// the features a release has. Everything else is here, the same for all.
package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"understudy/examples/shop/internal/program"
	"understudy/examples/shop/internal/settings"
	"understudy/examples/shop/internal/shop"
)

// Accounts is how the site finds and makes customers.
type Accounts interface {
	Create(ctx context.Context, account shop.Account) (id int64, err error)
	ByEmail(ctx context.Context, email string) (shop.Account, error)
	ByID(ctx context.Context, id int64) (shop.Account, error)
}

// Orders is how the site keeps what customers buy.
type Orders interface {
	Place(ctx context.Context, by shop.Account, items []shop.Item) (id int64, err error)
	Of(ctx context.Context, account int64) ([]shop.Order, error)
	Get(ctx context.Context, account, id int64) (shop.Order, error)
}

// Feature is a part of the site that only some releases have.
type Feature struct {
	Routes map[string]Handler // by pattern, as http.ServeMux reads them
	// Panel is what the feature adds to a product's page; nil: nothing.
	Panel func(v *Visit, product shop.Product) (template.HTML, error)
	// Link is what the feature adds to the navigation: path and text; empty: nothing.
	Link, LinkText string
}

// Site is one release's web shop.
type Site struct {
	Release   string
	Pool      *pgxpool.Pool
	PageSize  int
	Catalogue shop.Catalogue
	Sessions  shop.Sessions
	Accounts  Accounts
	Orders    Orders
	Features  []Feature
}

// Assemble gives a site what is particular to a release.
type Assemble func(pool *pgxpool.Pool) (Accounts, Orders, []Feature)

// Main is the program `web` of a release, for program.Main. Need names keys of
// configuration that this release needs beyond the usual ones.
func Main(release string, assemble Assemble, need ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		given, err := settings.Read(append(need, "DATABASE_URL", "SESSION_KEY")...)
		if err != nil {
			return err
		}
		pool, err := program.Database(ctx, given.DatabaseURL)
		if err != nil {
			return err
		}
		defer pool.Close()
		return Serve(ctx, "127.0.0.1:"+given.Port, New(release, pool, given, assemble).Handler())
	}
}

// New puts a site together.
func New(release string, pool *pgxpool.Pool, given settings.Settings, assemble Assemble) *Site {
	site := &Site{
		Release: release, Pool: pool, PageSize: given.PageSize,
		Catalogue: shop.Catalogue{Pool: pool},
		Sessions:  shop.Sessions{Pool: pool, Key: given.SessionKey},
	}
	site.Accounts, site.Orders, site.Features = assemble(pool)
	return site
}

// Serve answers on address until ctx ends, then finishes what is in flight.
func Serve(ctx context.Context, address string, handler http.Handler) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening for visitors: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	slog.Info("finishing what is in flight")
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
	defer cancel()
	err = server.Shutdown(last)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Handler is all of the site's routes.
func (s *Site) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /version", s.version)
	for pattern, handler := range s.routes() {
		mux.Handle(pattern, s.visit(handler))
	}
	for _, feature := range s.Features {
		for pattern, handler := range feature.Routes {
			mux.Handle(pattern, s.visit(handler))
		}
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

func (s *Site) routes() map[string]Handler {
	return map[string]Handler{
		"GET /{$}":               home,
		"GET /products":          products,
		"GET /products/{id}":     product,
		"GET /search":            search,
		"GET /signup":            form("signup", "Sign up"),
		"POST /signup":           signUp,
		"GET /signin":            form("signin", "Sign in"),
		"POST /signin":           signIn,
		"POST /signout":          signOut,
		"GET /account":           account,
		"GET /cart":              cart,
		"POST /cart":             addToCart,
		"POST /checkout":         checkout,
		"GET /orders":            orders,
		"GET /orders/{id}":       order,
		"GET /api/products":      productsJSON,
		"GET /api/products/{id}": productJSON,
		"GET /api/orders":        ordersJSON,
	}
}

func (s *Site) healthz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.Pool.Ping(ctx); err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (s *Site) version(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Shop-Release", s.Release)
	fmt.Fprintln(w, s.Release)
}
