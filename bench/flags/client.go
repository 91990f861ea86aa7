package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// connections are held by the client, as a service's pool would.
const connections = 8

// client is one connection that asks the same again and again. It speaks HTTP itself, so
// that what is measured is the server and not the client of the standard library.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
}

func dial(address, path string) (*client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), request: request(path)}, nil
}

// request is what is sent again and again.
func request(path string) []byte {
	body := `{"context":{"targetingKey":"user-4711","plan":"pro","country":"NL","beta":false}}`
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: flags\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, token, len(body), body)
}

// ask sends one request and reads its answer, which has to be a good one.
func (c *client) ask() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	length := -1
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")):
			return fmt.Errorf("expected 200, got %q", line)
		}
		if value, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
		if len(line) == 2 {
			break
		}
	}
	if length < 0 {
		return fmt.Errorf("expected an answer with its length")
	}
	_, err := c.in.Discard(length)
	return err
}

// crowd runs something on every connection at once.
func crowd(address, path string, run func(n int, c *client) error) error {
	var group sync.WaitGroup
	failed := make(chan error, connections)
	for n := range connections {
		c, err := dial(address, path)
		if err != nil {
			return err
		}
		group.Go(func() {
			defer func() { _ = c.conn.Close() }() // everything was answered
			failed <- run(n, c)
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		if err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

// at is the quantile of sorted durations, in milliseconds.
func at(sorted []time.Duration, quantile float64) float64 {
	return sorted[min(int(quantile*float64(len(sorted))), len(sorted)-1)].Seconds() * 1000
}

// saturate asks as fast as answers come, and says how many came.
func saturate(ctx context.Context, address, path string, window time.Duration) (int, error) {
	counts := make([]int, connections)
	end := time.Now().Add(window)
	err := crowd(address, path, func(n int, c *client) error {
		for time.Now().Before(end) && ctx.Err() == nil {
			if err := c.ask(); err != nil {
				return err
			}
			counts[n]++
		}
		return nil
	})
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum, err
}
