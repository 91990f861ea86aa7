package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// roleVariable makes this program play one of the roles, at the address of the next
// variable, before the origin of the last.
const (
	roleVariable    = "BENCH_ROUTER_ROLE"
	addressVariable = "BENCH_ROUTER_ADDRESS"
	originVariable  = "BENCH_ROUTER_ORIGIN"
)

func play(role string) error {
	address := os.Getenv(addressVariable)
	switch role {
	case "origin":
		return serveOrigin(address, os.Getenv(originVariable))
	case "bare tuned":
		return serveBare(address, true)
	default:
		return serveBare(address, false)
	}
}

// serveBare is httputil.ReverseProxy and nothing else, with the transport that Go has
// without saying anything, or with what is known to help.
func serveBare(address string, tuned bool) error {
	target := &url.URL{Scheme: "http", Host: os.Getenv(originVariable)}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.SetXForwarded()
	}}
	if tuned {
		proxy.BufferPool = &pool{}
		proxy.Transport = &http.Transport{
			DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, DisableCompression: true,
			MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, WriteBufferSize: 8 << 10, ReadBufferSize: 8 << 10,
		}
	}
	server := &http.Server{Addr: address, Handler: proxy, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

type pool struct{ sync.Pool }

// Get returns a buffer of 32 KiB.
func (p *pool) Get() []byte {
	if b, is := p.Pool.Get().(*[32 << 10]byte); is {
		return b[:]
	}
	return new([32 << 10]byte)[:]
}

// Put takes back what Get returned.
func (p *pool) Put(b []byte) { p.Pool.Put((*[32 << 10]byte)(b)) }

// origin is the application: it answers with 1 KiB and its name, and does as little as
// it can for that.
type origin struct {
	*process
	name string
}

func newOrigin(ctx context.Context, _ string, n int) (*origin, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("origin-%d", n)
	p, err := spawn(ctx, address, []string{roleVariable + "=origin", addressVariable + "=" + address, originVariable + "=" + name}, "/proc/self/exe")
	if err != nil {
		return nil, err
	}
	return &origin{p, name}, nil
}

const bodySize = 1 << 10

func serveOrigin(address, name string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	body := name + strings.Repeat(".", bodySize-len(name))
	answer := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Origin: %s\r\nContent-Length: %d\r\n\r\n%s", name, len(body), body))
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer func() { _ = conn.Close() }()
			in := bufio.NewReader(conn)
			for {
				head, err := readHead(in)
				if err != nil {
					return
				}
				if head.upgrade {
					talk(in, conn)
					return
				}
				if _, err := conn.Write(answer); err != nil {
					return
				}
			}
		}()
	}
}

// talk is what an upgraded connection does: each line comes back.
func talk(in *bufio.Reader, conn net.Conn) {
	_, err := conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n"))
	for err == nil {
		var line []byte
		if line, err = in.ReadSlice('\n'); err == nil {
			_, err = conn.Write(line)
		}
	}
}

// kind is a proxy that can be measured: what starts it before an origin.
type kind struct {
	name  string
	start func(ctx context.Context, b *bench, address string) (*process, error) // no process: it is not there
}

// proxy is one that runs.
type proxy struct {
	kind
	*process
}

const (
	ours    = "understudy"
	tuned   = "bare ReverseProxy, tuned"
	untuned = "bare ReverseProxy"
	kamal   = "kamal-proxy"
)

func kinds() []kind {
	return []kind{{ours, startOurs}, {tuned, startBare("bare tuned")}, {untuned, startBare("bare")},
		{kamal, startKamal}, {"nginx", startNginx}, {"haproxy", startHAProxy}}
}

func (b *bench) start(ctx context.Context, k kind) (*proxy, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := k.start(ctx, b, address)
	if p == nil || err != nil {
		return nil, err
	}
	return &proxy{k, p}, nil
}

func startBare(role string) func(context.Context, *bench, string) (*process, error) {
	return func(ctx context.Context, b *bench, address string) (*process, error) {
		return spawn(ctx, address, []string{roleVariable + "=" + role, addressVariable + "=" + address,
			originVariable + "=" + b.origins[0].address}, "/proc/self/exe")
	}
}

// below writes a file into the benchmark's folder.
func (b *bench) below(name, content string) (string, error) {
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, []byte(content), 0o644)
}
