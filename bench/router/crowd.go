package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// head is what is read of a request's or an answer's head.
type head struct {
	status  int
	length  int
	closes  bool
	upgrade bool
	origin  string
}

// readHead reads a head and the body that its length announces; nothing here sends
// chunks.
func readHead(in *bufio.Reader) (head, error) {
	var h head
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return h, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first {
			if fields := bytes.Fields(line); len(fields) > 1 {
				h.status, _ = strconv.Atoi(string(fields[1])) // of a request it is a path
			}
			continue
		}
		if len(line) == 0 {
			_, err := in.Discard(h.length)
			return h, err
		}
		h.read(line)
	}
}

func (h *head) read(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		h.length, _ = strconv.Atoi(string(value)) // not a number: the answer breaks, and is counted as failed
	case bytes.EqualFold(name, []byte("Connection")):
		h.closes = bytes.EqualFold(value, []byte("close"))
	case bytes.EqualFold(name, []byte("Upgrade")):
		h.upgrade = true
	case bytes.EqualFold(name, []byte("X-Origin")):
		h.origin = string(value)
	}
}

// visitor makes one request after the other over one connection, and never repeats one:
// whatever does not end in an answer of 200 has failed. Half of them have a body.
type visitor struct {
	address string
	conn    net.Conn
	in      *bufio.Reader
	made    int
}

func (v *visitor) ask() (head, error) {
	if v.conn == nil {
		conn, err := net.Dial("tcp", v.address)
		if err != nil {
			return head{}, err
		}
		v.conn, v.in = conn, bufio.NewReader(conn)
	}
	request := "GET /page?n=1 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
	if v.made++; v.made%2 == 0 {
		request = "POST /order HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nContent-Length: 15\r\n\r\none of each, ok"
	}
	if err := v.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return head{}, err
	}
	if _, err := v.conn.Write([]byte(request)); err != nil {
		v.leave()
		return head{}, err
	}
	h, err := readHead(v.in)
	if err != nil || h.closes {
		v.leave()
	}
	if err == nil && h.status != 200 {
		err = fmt.Errorf("answered %d", h.status)
	}
	return h, err
}

func (v *visitor) leave() {
	if v.conn != nil {
		_ = v.conn.Close() // nothing more is expected of it
		v.conn = nil
	}
}

// crowd are visitors that come as soon as they have been answered.
type crowd struct {
	stop   atomic.Bool
	done   sync.WaitGroup
	count  atomic.Int64
	failed atomic.Int64
	first  atomic.Pointer[error]
	mu     sync.Mutex
	times  []time.Duration
}

func gather(address string, visitors int) *crowd {
	c := &crowd{}
	for range visitors {
		c.done.Go(func() { c.visit(address) })
	}
	return c
}

func (c *crowd) visit(address string) {
	v := &visitor{address: address}
	defer v.leave()
	var times []time.Duration
	for !c.stop.Load() {
		begun := time.Now()
		if _, err := v.ask(); err != nil {
			c.failed.Add(1)
			c.first.CompareAndSwap(nil, &err)
		} else {
			times = append(times, time.Since(begun))
		}
		c.count.Add(1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times = append(c.times, times...)
}

// leave ends the crowd.
func (c *crowd) leave() {
	c.stop.Store(true)
	c.done.Wait()
}

// why is the first thing that went wrong.
func (c *crowd) why() error {
	if err := c.first.Load(); err != nil {
		return *err
	}
	return errors.New("nothing")
}
