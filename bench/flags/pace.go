package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// read is one read at a rate: when it was due, and how long after that its answer was there.
type read struct{ due, took time.Duration }

// pacer asks at fixed moments, whether or not earlier answers are there. It is one thread
// that never sleeps, on a core of its own: a client that had to be woken would be measured
// instead of the server.
type pacer struct {
	lines []*line
	polls []unix.PollFd
	reads []read
	void  map[time.Duration]bool // blocks in which the pacer itself did not run for too long
}

// line is one connection, and what it waits for.
type line struct {
	fd      int
	request []byte
	busy    bool
	due     time.Duration
	in      [4096]byte
	got     int
}

// A block of reads is void if the client did not run in it: it tells of a machine that others
// use, and not of the server.
const (
	block   = 20 * time.Millisecond
	tooLate = 100 * time.Microsecond
)

// pace returns the reads of a window that count, and how many there were.
func pace(ctx context.Context, address, path string, rate int, window time.Duration) (counting []time.Duration, all int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	free, err := alone(clientCore())
	if err != nil {
		return nil, 0, err
	}
	defer free()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // what a window leaves is small
	p := &pacer{void: map[time.Duration]bool{}, reads: make([]read, 0, int(window.Seconds()*float64(rate))+1)}
	defer p.hangUp()
	for range connections {
		if err := p.dial(address, path); err != nil {
			return nil, 0, err
		}
	}
	if err := p.run(ctx, time.Second/time.Duration(rate), window); err != nil {
		return nil, 0, err
	}
	for _, r := range p.reads {
		if !p.void[r.due/block] && !p.void[(r.due+r.took)/block] {
			counting = append(counting, r.took)
		}
	}
	return counting, len(p.reads), nil
}

func (p *pacer) dial(address, path string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	p.lines = append(p.lines, &line{fd: fd, request: request(path)})
	p.polls = append(p.polls, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	return unix.SetNonblock(fd, true)
}

func (p *pacer) hangUp() {
	for _, l := range p.lines {
		_ = unix.Close(l.fd) // everything was answered, or it failed
	}
}

// run asks until the window is over and everything was answered. What waits for a connection
// counts from when it was due.
func (p *pacer) run(ctx context.Context, every, window time.Duration) error {
	begin, last, next := time.Now(), time.Duration(0), time.Duration(0)
	for open := 0; next < window || open > 0; {
		now := time.Since(begin)
		if now-last > tooLate {
			for at := last; at < now+block; at += block {
				p.void[at/block] = true
			}
		}
		last = now
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if next < window && next <= now && open < len(p.lines) {
			if err := p.ask(next); err != nil {
				return err
			}
			next, open = next+every, open+1
		}
		ended, err := p.answers(begin)
		if err != nil {
			return err
		}
		open -= ended
	}
	return nil
}

// ask sends a request on a connection that waits for none.
func (p *pacer) ask(due time.Duration) error {
	for _, l := range p.lines {
		if l.busy {
			continue
		}
		l.busy, l.due, l.got = true, due, 0
		n, err := unix.Write(l.fd, l.request)
		if err == nil && n < len(l.request) {
			err = fmt.Errorf("%d of %d bytes of a request were taken", n, len(l.request))
		}
		return err
	}
	return fmt.Errorf("no connection is free")
}

// answers takes what has come, and says how many answers are whole with it.
func (p *pacer) answers(begin time.Time) (ended int, err error) {
	ready, err := unix.Poll(p.polls, 0)
	if ready <= 0 || err != nil {
		if err == unix.EINTR {
			err = nil
		}
		return 0, err
	}
	for i, l := range p.lines {
		if p.polls[i].Revents == 0 {
			continue
		}
		n, err := unix.Read(l.fd, l.in[l.got:])
		switch {
		case err == unix.EAGAIN:
			continue
		case err == nil && n == 0:
			err = fmt.Errorf("the server hung up")
		}
		if err != nil {
			return ended, err
		}
		l.got += n
		whole, err := isWhole(l.in[:l.got])
		if err != nil {
			return ended, err
		}
		if whole {
			p.reads = append(p.reads, read{l.due, time.Since(begin) - l.due})
			l.busy = false
			ended++
		}
	}
	return ended, nil
}

// isWhole tells whether all of an answer is there, which has to be a good one.
func isWhole(answer []byte) (bool, error) {
	head, body, found := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !found {
		return false, nil
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		return false, fmt.Errorf("expected 200, got %q", head)
	}
	_, rest, found := bytes.Cut(head, []byte("\r\nContent-Length: "))
	if !found {
		return false, fmt.Errorf("expected an answer with its length, got %q", head)
	}
	length, _, _ := bytes.Cut(rest, []byte("\r\n"))
	n, err := strconv.Atoi(string(length))
	return len(body) >= n, err
}
