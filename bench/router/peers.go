package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"understudy/internal/router"
)

// startOurs runs the router with a front of one deployment, as the daemon would.
func startOurs(ctx context.Context, b *bench, address string) (*process, error) {
	control := filepath.Join(b.dir, "s")
	p, err := spawn(ctx, "unix", nil, b.understudy, "router", "--state", filepath.Join(b.dir, "router"), "--control", control)
	if p == nil {
		return nil, err
	}
	client := b.client()
	for end := time.Now().Add(20 * time.Second); ; {
		if _, err = client.State(ctx); err == nil {
			break
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("the router does not answer: %w\n%s", err, p.words())
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.address = address
	if err := client.Open(ctx, router.Front{Name: "shop", Listen: address}); err != nil {
		return p, err
	}
	for _, o := range b.origins {
		if err := b.add(ctx, o); err != nil {
			return p, err
		}
	}
	return p, b.serve(ctx, b.origins[0])
}

// endOurs ends the copy that serves now: the one that was started may have handed over.
func (b *bench) endOurs(p *proxy) error {
	for _, pid := range b.running(context.Background(), p) {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

func (b *bench) client() *router.Client { return &router.Client{Socket: filepath.Join(b.dir, "s")} }

// add gives an origin a deployment of its own.
func (b *bench) add(ctx context.Context, o *origin) error {
	return b.client().Add(ctx, "shop", router.Slot{Deployment: o.name, Release: o.name,
		Routes: []router.Route{{Prefix: "/", Addresses: []string{"tcp:" + o.address}}}})
}

// serve switches everything to an origin.
func (b *bench) serve(ctx context.Context, o *origin) error {
	return b.client().Split(ctx, "shop", []router.Share{{Deployment: o.name, Percent: 100}})
}

func found(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func startNginx(ctx context.Context, b *bench, address string) (*process, error) {
	program := found("nginx", "/usr/sbin/nginx")
	if program == "" {
		return nil, nil
	}
	config, err := b.below("nginx.conf", fmt.Sprintf(`daemon off; worker_processes %d; pid %s/nginx.pid; error_log /dev/null;
user root;
events { worker_connections 12000; }
http {
  access_log %[2]s/nginx.log combined buffer=64k flush=1s;
  keepalive_timeout 300; keepalive_requests 1000000000;
  upstream o { server %[3]s; keepalive 256; keepalive_requests 1000000000; }
  server { listen %[4]s backlog=4096; location / { proxy_pass http://o; proxy_http_version 1.1;
    proxy_set_header Host $host; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $remote_addr; } }
}
`, cores, b.dir, b.origins[0].address, address))
	if err != nil {
		return nil, err
	}
	return spawn(ctx, address, nil, program, "-c", config, "-p", b.dir)
}

func startHAProxy(ctx context.Context, b *bench, address string) (*process, error) {
	program := found("haproxy", "/usr/sbin/haproxy")
	if program == "" {
		return nil, nil
	}
	config, err := b.below("haproxy.cfg", fmt.Sprintf(`global
  nbthread %d
  maxconn 12000
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 60s
  timeout http-keep-alive 300s
  option forwardfor
  http-reuse always
frontend f
  bind %s
  default_backend o
backend o
  server o %s pool-max-conn 256
`, cores, address, b.origins[0].address))
	if err != nil {
		return nil, err
	}
	return spawn(ctx, address, nil, program, "-db", "-f", config)
}

// startKamal gives kamal-proxy a service with its own defaults, as Kamal deploys one.
func startKamal(ctx context.Context, b *bench, address string) (*process, error) {
	if _, err := os.Stat(b.kamal); err != nil {
		return nil, nil
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	env := []string{"XDG_RUNTIME_DIR=" + b.dir, "XDG_CONFIG_HOME=" + b.dir, "XDG_STATE_HOME=" + b.dir, "HOME=" + b.dir}
	tls, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, tlsPort, err := net.SplitHostPort(tls)
	if err != nil {
		return nil, err
	}
	p, err := spawn(ctx, address, env, b.kamal, "run", "--http-port", port, "--https-port", tlsPort)
	if p == nil || err != nil {
		return p, err
	}
	deploy := exec.CommandContext(ctx, b.kamal, "deploy", "shop", "--target", b.origins[0].address, "--health-check-path", "/")
	deploy.Env = append(os.Environ(), env...)
	if said, err := deploy.CombinedOutput(); err != nil {
		return p, fmt.Errorf("deploying: %w\n%s", err, said)
	}
	return p, nil
}
