// Command payments plays the outside world of production: a payment provider, and a mail
// relay that delivers nothing. It counts what reaches it, by the environment whose key was
// shown, so that one can see that staging reaches nobody. GET /received tells the counts as
// JSON at any time, and they are printed at the end.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
)

func main() {
	web := flag.String("http", "127.0.0.1:18090", "where payments are taken")
	mail := flag.String("smtp", "127.0.0.1:18025", "where mail is taken")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	world := &world{Charges: map[string]int{}, known: map[string]bool{}}
	err := world.run(ctx, *web, *mail)
	stop()
	fmt.Println(world.JSON())
	if err != nil {
		fmt.Fprintln(os.Stderr, "payments:", err)
		os.Exit(1)
	}
}

// world is everything outside, and what reached it.
type world struct {
	mu    sync.Mutex
	known map[string]bool // references that were charged

	Charges  map[string]int `json:"charges"`  // by environment: the part of the key before the first dash
	Repeated int            `json:"repeated"` // charges told a second time, not made twice
	Cents    int64          `json:"cents"`
	Mails    int            `json:"mails"`
}

func (w *world) run(ctx context.Context, web, mail string) error {
	listening, err := net.Listen("tcp", mail)
	if err != nil {
		return fmt.Errorf("listening for mail: %w", err)
	}
	relay := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &letter{world: w}, nil }))
	relay.Domain, relay.ReadTimeout, relay.WriteTimeout = "relay.example", 10*time.Second, 10*time.Second
	provider := &http.Server{Addr: web, Handler: w.routes(), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 2)
	go func() { ended <- relay.Serve(listening) }()
	go func() { ended <- provider.ListenAndServe() }()
	left := 2
	select {
	case err = <-ended:
		left--
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = errors.Join(err, relay.Shutdown(closing), provider.Shutdown(closing))
	for range left {
		if last := <-ended; !errors.Is(last, http.ErrServerClosed) && !errors.Is(last, smtp.ErrServerClosed) {
			err = errors.Join(err, last)
		}
	}
	return err
}

func (w *world) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /charge", w.charge)
	mux.HandleFunc("GET /received", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(rw, w.JSON())
	})
	return mux
}

func (w *world) charge(rw http.ResponseWriter, r *http.Request) {
	var told struct {
		Reference string `json:"reference"`
		Cents     int64  `json:"amount_cents"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 1<<16)).Decode(&told); err != nil || told.Reference == "" {
		http.Error(rw, `{"error":"expected a reference and amount_cents"}`, http.StatusBadRequest)
		return
	}
	key, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	whose, _, _ := strings.Cut(key, "-")
	if !found || whose == "" {
		http.Error(rw, `{"error":"expected a key"}`, http.StatusUnauthorized)
		return
	}
	w.take(whose, told.Reference, told.Cents)
	fmt.Fprintln(rw, `{"ok":true}`)
}

func (w *world) take(whose, reference string, cents int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known[reference] {
		w.Repeated++
		return
	}
	w.known[reference] = true
	w.Charges[whose]++
	w.Cents += cents
}

// JSON is what was received, in one line.
func (w *world) JSON() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	body, err := json.Marshal(w)
	if err != nil { // counts have a JSON form
		return `{"error":"the counts cannot be written"}`
	}
	return string(body)
}
