package seal

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Leak is one canary that got out, or may have.
type Leak struct {
	Canary string `json:"canary"` // "interface", "address", "dns", "smtp", "http", "https"
	To     string `json:"to"`
	Found  string `json:"found"`
}

// canaryPatience is how long a canary may wait for an answer.
const canaryPatience = 3 * time.Second

func portAddress(port int) string { return ":" + strconv.Itoa(port) }

// Probe sends canaries to the outside and reports those that did not end in a catcher
// or against a wall. It must run inside the seal. The addresses are set aside for
// documentation, so that nobody is hit when the seal is open; that a namespace has no
// way out is shown by its interfaces. Nothing is reported that was not tried.
func Probe(ctx context.Context) []Leak {
	canaries := []func(context.Context) []Leak{
		interfaces,
		address("192.0.2.1:9"), address("198.51.100.7:5432"), address("[2001:db8::1]:22"),
		question("192.0.2.53:53"), question("[2001:db8::53]:53"), question(""),
		greeting("192.0.2.25:25"), greeting("smtp.canary.understudy.invalid:587"),
		call("http", "http://192.0.2.80/canary"), call("http", "http://webhook.canary.understudy.invalid/canary"),
		call("https", "https://192.0.2.1/canary"), call("https", "https://api.canary.understudy.invalid/canary"),
	}
	found := make([][]Leak, len(canaries))
	var group sync.WaitGroup
	for n, canary := range canaries {
		group.Go(func() {
			bounded, cancel := context.WithTimeout(ctx, canaryPatience)
			defer cancel()
			found[n] = canary(bounded)
		})
	}
	group.Wait()
	var leaks []Leak
	for _, some := range found {
		leaks = append(leaks, some...)
	}
	return leaks
}

// interfaces reports every way out of the machine that is up.
func interfaces(context.Context) []Leak {
	all, err := net.Interfaces()
	if err != nil {
		return []Leak{{"interface", "all", "they could not be listed: " + err.Error()}}
	}
	var leaks []Leak
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagUp != 0 {
			leaks = append(leaks, Leak{"interface", i.Name, "it is up"})
		}
	}
	return leaks
}

// address connects to a port that no catcher serves: any connection is a leak.
func address(to string) func(context.Context) []Leak {
	return func(ctx context.Context) []Leak {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", to)
		if err != nil {
			return nil
		}
		found := "the connection was accepted"
		if err := conn.Close(); err != nil {
			found += " and broke"
		}
		return []Leak{{"address", to, found}}
	}
}

// question asks a nameserver, or with an empty address the system's own, for a name
// that does not exist. Any answer but ours came from outside.
func question(server string) func(context.Context) []Leak {
	return func(ctx context.Context) []Leak {
		resolver := &net.Resolver{PreferGo: true}
		if server != "" {
			resolver.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
				var dialer net.Dialer
				return dialer.DialContext(ctx, "udp", server)
			}
		} else {
			server = "the system's nameservers"
		}
		name := fmt.Sprintf("canary-%d.understudy.invalid.", time.Now().UnixNano())
		answers, err := resolver.LookupNetIP(ctx, "ip4", name)
		var dns *net.DNSError
		if errors.As(err, &dns) && dns.IsNotFound {
			return []Leak{{"dns", server, "a nameserver outside answered that the name does not exist"}}
		}
		for _, answer := range answers {
			if !netip.MustParsePrefix("198.18.0.0/15").Contains(answer.Unmap()) {
				return []Leak{{"dns", server, "answered " + answer.String()}}
			}
		}
		return nil
	}
}

// greeting connects to a mail server: any greeting but ours came from outside.
func greeting(to string) func(context.Context) []Leak {
	return func(ctx context.Context) []Leak {
		dialer := net.Dialer{Resolver: &net.Resolver{PreferGo: true}}
		conn, err := dialer.DialContext(ctx, "tcp", to)
		if err != nil {
			return nil
		}
		defer func() { _ = conn.Close() }() // only the greeting matters
		if deadline, set := ctx.Deadline(); set {
			if err := conn.SetReadDeadline(deadline); err != nil {
				return []Leak{{"smtp", to, err.Error()}}
			}
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err == nil && strings.Contains(line, mailDomain) {
			return nil
		}
		return []Leak{{"smtp", to, "a connection was accepted that is not the catcher's"}}
	}
}

// call makes a request: any answer but the catcher's came from outside.
func call(canary, to string) func(context.Context) []Leak {
	return func(ctx context.Context) []Leak {
		dialer := net.Dialer{Resolver: &net.Resolver{PreferGo: true}}
		transport := &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // whoever answers is to be known, not trusted
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(`{"canary":true}`))
		if err != nil {
			return []Leak{{canary, to, err.Error()}}
		}
		answer, err := transport.RoundTrip(request)
		if err != nil {
			return nil
		}
		caught := answer.Header.Get(caughtHeader) != ""
		if err := answer.Body.Close(); err != nil || caught {
			return nil
		}
		return []Leak{{canary, to, "answered " + answer.Status}}
	}
}
