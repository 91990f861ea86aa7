package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"understudy/bench/figures"
)

// open are upgraded connections.
type open []*visitor

func upgrade(address string, n int) (open, error) {
	var all open
	for range n {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return all, err
		}
		v := &visitor{conn: conn, in: bufio.NewReader(conn)}
		all = append(all, v)
		if _, err := io.WriteString(conn, "GET /lines HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n"); err != nil {
			return all, err
		}
		if h, err := readHead(v.in); err != nil || h.status != 101 {
			return all, fmt.Errorf("upgrading: status %d, %w", h.status, err)
		}
	}
	return all, nil
}

// broken counts those on which a line does not come back.
func (o open) broken() (n int) {
	for _, v := range o {
		_ = v.conn.SetDeadline(time.Now().Add(5 * time.Second)) // a broken one shows below
		_, err := io.WriteString(v.conn, "hello\n")
		if err == nil {
			_, err = v.in.ReadSlice('\n')
		}
		if err != nil {
			n++
		}
	}
	return n
}

func (o open) hangUp() {
	for _, v := range o {
		v.leave()
	}
}

// memory is what idle connections of clients hold, of which each has made a request.
func (b *bench) memory(ctx context.Context) error {
	held := map[string]float64{}
	for _, p := range b.proxies {
		var all open
		for range b.idle {
			v := &visitor{address: p.address}
			all = append(all, v)
			if _, err := v.ask(); err != nil {
				all.hangUp()
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
		if err := wait(ctx, 3*time.Second); err != nil { // what is kept to the origin is closed meanwhile
			return err
		}
		mb, err := resident(b.running(ctx, p))
		if err != nil {
			return err
		}
		held[p.name] = mb
		all.hangUp()
	}
	for _, k := range kinds()[1:] {
		if mb, there := held[k.name]; there {
			b.note(figures.Against(fmt.Sprintf("memory with %d idle connections", b.idle), held[ours], "MB", k.name, mb, 0, 0))
		}
	}
	return nil
}

// running is a proxy's processes; ours may have replaced itself.
func (b *bench) running(ctx context.Context, p *proxy) []int {
	if p.name == ours {
		if state, err := b.client().State(ctx); err == nil {
			return []int{state.PID}
		}
	}
	return family(p.cmd.Process.Pid)
}
