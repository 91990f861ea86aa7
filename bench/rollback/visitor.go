package main

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// visitor asks every millisecond, whether or not earlier requests were answered.
type visitor struct {
	client *http.Client
	ended  chan struct{}
	once   sync.Once
	asking sync.WaitGroup

	mu               sync.Mutex
	requests, failed int
	want             string
	answer           chan time.Time // when the release that is waited for answered first
}

func visit(address string) *visitor {
	v := &visitor{ended: make(chan struct{}), client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	v.asking.Go(func() {
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				v.asking.Go(func() { v.note(v.ask(address)) })
			case <-v.ended:
				return
			}
		}
	})
	return v
}

func (v *visitor) ask(address string) (string, bool) {
	response, err := v.client.Get(address)
	if err != nil {
		return "", false
	}
	name, err := io.ReadAll(response.Body)
	_ = response.Body.Close() // all of it was read
	return string(name), err == nil && response.StatusCode == http.StatusOK
}

func (v *visitor) note(name string, well bool) {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests++
	if !well {
		v.failed++
	}
	if v.answer != nil && name == v.want && well {
		v.answer <- now
		v.answer = nil
	}
}

// first tells when a release answers for the first time from now on.
func (v *visitor) first(release string) <-chan time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.want, v.answer = release, make(chan time.Time, 1)
	return v.answer
}

// leave ends the requests, once all are answered, and counts them.
func (v *visitor) leave() (requests, failed int) {
	v.once.Do(func() { close(v.ended) })
	v.asking.Wait()
	v.client.CloseIdleConnections()
	return v.requests, v.failed
}
