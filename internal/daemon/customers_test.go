package daemon_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// customers come at a constant rate, whether or not those before them were answered, half
// of them on connections that stay open, and half of them to write.
type customers struct {
	base   string
	stop   context.CancelFunc
	ended  chan struct{}
	mu     sync.Mutex
	served int
	failed []string
}

func visit(t *testing.T, address string) *customers {
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	c := &customers{base: "http://" + address, stop: stop, ended: make(chan struct{})}
	go c.come(ctx)
	t.Cleanup(func() { c.leave() })
	return c
}

func (c *customers) come(ctx context.Context) {
	defer close(c.ended)
	staying := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}
	passing := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	defer staying.CloseIdleConnections()
	var all sync.WaitGroup
	defer all.Wait()
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for n := 0; ; n++ {
		select {
		case <-every.C:
			by := staying
			if n%2 == 0 {
				by = passing
			}
			all.Go(func() { c.note(c.ask(by, n)) })
		case <-ctx.Done():
			return
		}
	}
}

func (c *customers) ask(by *http.Client, n int) error {
	var response *http.Response
	var err error
	if n%4 < 2 {
		response, err = by.Get(c.base + "/")
	} else {
		response, err = by.Post(c.base+"/notes", "application/x-www-form-urlencoded", strings.NewReader(fmt.Sprintf("text=customer+%d", n)))
	}
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	if err == nil {
		err = response.Body.Close()
	}
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, body)
	}
	return err
}

func (c *customers) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.served++
	if err != nil {
		c.failed = append(c.failed, time.Now().Format("15:04:05.000 ")+err.Error())
	}
}

// came is how many were answered so far.
func (c *customers) came() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.served
}

// leave ends the visit once everybody was answered, and may be called again.
func (c *customers) leave() (served int, failed []string) {
	c.stop()
	<-c.ended
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.served, c.failed
}

// enough is how many requests it takes to show anything.
const enough = 20

// mustBeServed ends the visit, once enough have come, and fails the test where a request did.
func (c *customers) mustBeServed(t *testing.T) {
	t.Helper()
	for began := time.Now(); c.came() < enough && time.Since(began) < tryFor; {
		time.Sleep(10 * time.Millisecond)
	}
	served, failed := c.leave()
	if len(failed) > 0 {
		t.Errorf("%d of %d requests of customers failed, expected 0:\n%s", len(failed), served, strings.Join(failed[:min(10, len(failed))], "\n"))
	}
	if served < enough {
		t.Errorf("only %d requests were made: too few to show anything", served)
	}
}
