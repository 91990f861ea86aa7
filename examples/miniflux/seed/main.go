// Command seed fills a Miniflux 2.2 with what a team would have in it: users, categories,
// feeds with their entries, some starred, most read, a few removed. It goes through the
// front door as people do: it signs in, makes itself an API key, and works with that,
// because a password costs the server a slow hash with each request.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	var s sower
	address := flag.String("url", "http://127.0.0.1:18180", "where Miniflux is")
	user := flag.String("user", "admin", "an administrator")
	password := flag.String("password-file", "", "file with the administrator's password")
	flag.StringVar(&s.feeds, "feeds-url", "http://127.0.0.1:18190", "where the feeds are")
	flag.IntVar(&s.count, "feeds", 20, "feeds to subscribe to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if err := s.run(ctx, *address, *user, *password); err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1)
	}
}

// sower does the work, and counts it.
type sower struct {
	door  *door
	feeds string
	count int

	mu                              sync.Mutex // of what is counted
	entries, read, starred, removed int
}

func (s *sower) run(ctx context.Context, address, user, passwordFile string) error {
	password, err := os.ReadFile(passwordFile)
	if err != nil {
		return fmt.Errorf("reading the administrator's password: %w", err)
	}
	if s.door, err = enter(ctx, address, user, strings.TrimSpace(string(password))); err != nil {
		return err
	}
	if err := s.people(ctx); err != nil {
		return err
	}
	categories, err := s.categories(ctx)
	if err != nil {
		return err
	}
	if err := s.subscribe(ctx, categories); err != nil {
		return err
	}
	fmt.Printf("11 users, %d categories, %d feeds, %d entries: %d read, %d starred, %d removed\n",
		len(categories), s.count, s.entries, s.read, s.starred, s.removed)
	return nil
}

// people makes ten readers beside the administrator.
func (s *sower) people(ctx context.Context) error {
	for _, name := range []string{"amelie", "bruno", "carla", "dario", "edith", "felix", "greta", "hugo", "ines", "jonas"} {
		reader := map[string]any{"username": name + ".example", "password": name + "-reads-daily"}
		if err := s.door.do(ctx, "POST", "/v1/users", reader, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *sower) categories(ctx context.Context) ([]int64, error) {
	var ids []int64
	for _, title := range []string{"News", "Science", "Music", "Food", "Work"} {
		var made struct {
			ID int64 `json:"id"`
		}
		if err := s.door.do(ctx, "POST", "/v1/categories", map[string]any{"title": title}, &made); err != nil {
			return nil, err
		}
		ids = append(ids, made.ID)
	}
	return ids, nil
}

// subscribe subscribes to some feeds at a time, as the server flushes its log for each
// entry. The last feed comes last, so that the entries that are removed have the last ids.
func (s *sower) subscribe(ctx context.Context, categories []int64) error {
	group, all := errgroup.WithContext(ctx)
	group.SetLimit(6)
	for n := 1; n < s.count; n++ {
		group.Go(func() error { return s.feed(all, n, categories[n%len(categories)]) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return s.feed(ctx, s.count, categories[0])
}

// feed subscribes to one feed and marks its entries: half of them read, one in forty
// starred, and of the last feed half removed.
func (s *sower) feed(ctx context.Context, n int, category int64) error {
	var made struct {
		ID int64 `json:"feed_id"`
	}
	subscription := map[string]any{"feed_url": fmt.Sprintf("%s/feed/%d", s.feeds, n), "category_id": category}
	if err := s.door.do(ctx, "POST", "/v1/feeds", subscription, &made); err != nil {
		return fmt.Errorf("feed %d: %w", n, err)
	}
	var page struct {
		Entries []struct {
			ID int64 `json:"id"`
		} `json:"entries"`
	}
	if err := s.door.do(ctx, "GET", fmt.Sprintf("/v1/feeds/%d/entries?limit=1000&order=id", made.ID), nil, &page); err != nil {
		return err
	}
	var ids []int64
	for _, entry := range page.Entries {
		ids = append(ids, entry.ID)
	}
	return s.mark(ctx, ids, n == s.count)
}

func (s *sower) mark(ctx context.Context, ids []int64, last bool) error {
	half, status := ids[:len(ids)/2], "read"
	if last {
		status = "removed"
	}
	if err := s.door.do(ctx, "PUT", "/v1/entries", map[string]any{"entry_ids": half, "status": status}, nil); err != nil {
		return err
	}
	starred := 0
	for i := len(half); i < len(ids); i += 40 {
		if err := s.door.do(ctx, "PUT", fmt.Sprintf("/v1/entries/%d/bookmark", ids[i]), nil, nil); err != nil {
			return err
		}
		starred++
	}
	s.note(len(ids), len(half), starred, last)
	return nil
}

func (s *sower) note(entries, marked, starred int, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries += entries
	s.starred += starred
	if last {
		s.removed += marked
	} else {
		s.read += marked
	}
}
