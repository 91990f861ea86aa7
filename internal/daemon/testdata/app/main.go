// Command app is the application under test: a small web service on PostgreSQL, with its
// migration, its seed and its tests. What a release of it does is in the file release.json
// of its artifact tree, so that releases are really different trees of files.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/smtp"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// release is what release.json holds.
type release struct {
	Name    string   `json:"name"`
	Text    string   `json:"text"`    // the column that notes are written to
	Web     string   `json:"web"`     // "", "exits", "sick", "forks", "fails-in-production", "migrates": before it serves
	Migrate string   `json:"migrate"` // "", "hangs", "dies": after the first statement
	Up      []string `json:"up"`
	Down    []string `json:"down"`
	Away    []string `json:"away"`   // its contract migration
	Broken  bool     `json:"broken"` // its tests fail
}

func site(ctx context.Context, name string) error {
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Greeting", os.Getenv("GREETING"))
		fmt.Fprintf(w, "%s for %s over %s", name, r.Host, r.Header.Get("X-Forwarded-Proto"))
	})}
	go func() {
		<-ctx.Done()
		_ = server.Close() // its end is told by ListenAndServe
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(args []string) error {
	raw, err := os.ReadFile("release.json")
	if err != nil {
		return err
	}
	var r release
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	switch args[0] {
	case "migrate":
		return r.migrate(ctx, args[1])
	case "seed":
		return statements(ctx, []string{
			`INSERT INTO accounts (id, email, full_name, nickname)
			 SELECT n, 'person' || n || '@example.org', 'Person Number' || n, 'nick' || n FROM generate_series(1, 3000) n ON CONFLICT DO NOTHING`,
			`INSERT INTO notes (account, text) SELECT n, 'a word of person ' || n FROM generate_series(1, 3000) n`,
			`ANALYZE`,
		})
	case "sql":
		return statements(ctx, args[1:])
	case "test":
		return r.test(os.Getenv("BASE_URL"))
	case "site": // one page, without a database
		return site(ctx, args[1])
	case "work":
		return r.work(ctx)
	case "linger":
		<-ctx.Done()
		return nil
	}
	return r.web(ctx)
}

// statements runs each in the database, or in the second one, where there is one, if it begins
// with "archive: ".
func statements(ctx context.Context, all []string) error {
	var archive []string
	main := slices.DeleteFunc(slices.Clone(all), func(s string) bool {
		there, is := strings.CutPrefix(s, "archive: ")
		if is {
			archive = append(archive, there)
		}
		return is
	})
	if address := os.Getenv("ARCHIVE_URL"); address != "" {
		if err := statementsAt(ctx, address, archive); err != nil {
			return err
		}
	}
	return statementsAt(ctx, os.Getenv("DATABASE_URL"), main)
}

func statementsAt(ctx context.Context, address string, all []string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, s := range all {
		if _, err := conn.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (r release) migrate(ctx context.Context, way string) error {
	switch way {
	case "down":
		return statements(ctx, r.Down)
	case "contract":
		return statements(ctx, r.Away)
	}
	if r.Migrate == "" {
		return statements(ctx, r.Up)
	}
	if err := statements(ctx, r.Up[:1]); err != nil {
		return err
	}
	if r.Migrate == "dies" {
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	<-ctx.Done()
	return ctx.Err()
}

func (r release) web(ctx context.Context) error {
	switch r.Web {
	case "exits":
		return fmt.Errorf("this release cannot start")
	case "forks":
		child := exec.Command(os.Args[0], "linger")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		return child.Start()
	case "migrates":
		if err := r.migrate(ctx, "up"); err != nil {
			return err
		}
	}
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: r.routes(pool), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.ListenAndServe() }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return server.Shutdown(last)
}

func (r release) routes(pool *pgxpool.Pool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/release", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, r.Name) })
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if r.Web == "sick" {
			http.Error(w, "not well", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET /release", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, r.Name) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, q *http.Request) {
		if r.Web == "fails-in-production" && os.Getenv("UNDERSTUDY_ENVIRONMENT") == "production" {
			http.Error(w, "only here", http.StatusInternalServerError)
			return
		}
		var text *string
		answer(w, pool.QueryRow(q.Context(), "SELECT max("+r.Text+") FROM (SELECT * FROM notes ORDER BY id DESC LIMIT 5) last").Scan(&text), text)
	})
	mux.HandleFunc("GET /accounts/{id}", func(w http.ResponseWriter, q *http.Request) {
		var name *string
		answer(w, pool.QueryRow(q.Context(), "SELECT full_name FROM accounts WHERE id = $1::text::int", q.PathValue("id")).Scan(&name), name)
	})
	mux.HandleFunc("POST /notes", func(w http.ResponseWriter, q *http.Request) {
		_, err := pool.Exec(q.Context(), "INSERT INTO notes (account, "+r.Text+") VALUES (1, $1)", q.FormValue("text"))
		answer(w, err, nil)
	})
	mux.HandleFunc("POST /buy", func(w http.ResponseWriter, _ *http.Request) {
		said, err := buy()
		answer(w, err, &said)
	})
	return &moods{Handler: flagged(mux)}
}

func answer(w http.ResponseWriter, err error, text *string) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if text != nil {
		fmt.Fprint(w, *text)
	}
}

// buy charges a card at the payment provider and sends a mail.
func buy() (string, error) {
	response, err := http.PostForm(os.Getenv("PAYMENT_URL")+"/charge", url.Values{"amount": {"4200"}})
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if err := response.Body.Close(); err != nil {
		return "", err
	}
	mail := "Subject: your order\r\n\r\nthank you\r\n"
	return string(body), smtp.SendMail(os.Getenv("SMTP_ADDR"), nil, "shop@example.org", []string{"buyer@example.org"}, []byte(mail))
}

// test is the release's own end-to-end test.
func (r release) test(base string) error {
	fmt.Println("1..2")
	for i, path := range []string{"/", "/accounts/7"} {
		verdict := "ok"
		response, err := http.Get(base + path)
		if err != nil || response.StatusCode != http.StatusOK || r.Broken {
			verdict = "not ok"
		}
		fmt.Printf("%s %d - GET %s\n", verdict, i+1, strings.TrimSuffix(path, "/"))
	}
	return nil
}
