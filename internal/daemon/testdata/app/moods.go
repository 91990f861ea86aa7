package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// moods are what a service that runs can be told to become, by who knows its own address:
// what it turns into after it was rehearsed. Its health stays as it is.
type moods struct {
	http.Handler
	mood atomic.Value
}

func (m *moods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if mood, asked := strings.CutPrefix(r.URL.Path, "/become/"); asked {
		m.mood.Store(mood)
		if mood == "dead" {
			time.AfterFunc(1500*time.Millisecond, func() { os.Exit(3) })
		}
		return
	}
	mood, _ := m.mood.Load().(string)
	switch {
	case r.URL.Path == "/healthz":
	case mood == "hung":
		<-r.Context().Done()
		return
	case mood == "slow":
		time.Sleep(400 * time.Millisecond)
	case mood == "lying":
		http.Error(w, "not that well", http.StatusInternalServerError)
		return
	}
	m.Handler.ServeHTTP(w, r)
}

// work works alone: in production one worker at a time holds the lock, and one that finds it
// taken ends.
func (r release) work(ctx context.Context) error {
	if os.Getenv("UNDERSTUDY_ENVIRONMENT") != "production" {
		<-ctx.Done()
		return nil
	}
	conn, err := pgx.Connect(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	alone := false
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock(7)").Scan(&alone); err != nil {
		return err
	}
	if !alone {
		return fmt.Errorf("another worker is at work")
	}
	if _, err := conn.Exec(ctx, "SET application_name = 'worker-"+r.Name+"'"); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if _, err := conn.Exec(context.WithoutCancel(ctx), "SELECT pg_sleep(0.05)"); err != nil {
			return err
		}
	}
	return nil
}
