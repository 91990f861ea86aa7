package seal

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// trusting is a client that trusts what Env names, as a program would.
func trusting(inside *Inside) (*http.Client, error) {
	var bundle string
	for _, entry := range inside.Env() {
		if path, is := strings.CutPrefix(entry, "SSL_CERT_FILE="); is {
			bundle = path
		}
	}
	raw, err := os.ReadFile(bundle)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(raw) {
		return nil, errors.New("the bundle holds no certificate")
	}
	return &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}, nil
}

func post(client *http.Client, url, body string) (int, string, *http.Response, error) {
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, "", nil, err
	}
	request.Header.Set("Authorization", "Bearer sk_live_secret")
	answer, err := client.Do(request)
	if err != nil {
		return 0, "", nil, err
	}
	raw, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(raw), answer, errors.Join(err, answer.Body.Close())
}

func scenarioCalls(ctx context.Context, spec Spec) (err error) {
	inside, err := Enter(ctx, spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inside.Close()) }()
	client, err := trusting(inside)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		url    string
		status int
		body   string
	}{
		{"https://api.pay.example/charge", 201, `{"id":"ch_1"}`},
		{"https://api.pay.example/refund", 402, "no"},
		{"https://api.pay.example/other", 200, "{}"},
		{"http://fraud.example:9099/score?of=1", 200, `{"score":7}`},
		{"http://hooks.example/in", 200, "{}"},
		{"https://203.0.113.9/raw", 200, "{}"},
	} {
		status, body, answer, err := post(client, c.url, `{"amount":1}`)
		if err != nil {
			return err
		}
		if status != c.status || body != c.body {
			return fmt.Errorf("%s: found %d %q, expected %d %q", c.url, status, body, c.status, c.body)
		}
		if strings.HasPrefix(c.url, "https") && answer.ProtoMajor != 2 {
			return fmt.Errorf("%s was not answered over HTTP/2", c.url)
		}
	}
	return nil
}

func scenarioMail(ctx context.Context, spec Spec) (err error) {
	inside, err := Enter(ctx, spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inside.Close()) }()
	message := "From: shop@shop.example\r\nTo: ann@customer.example\r\nSubject: =?utf-8?q?Ihre_Bestellung_=E2=82=AC?=\r\n\r\nThank you\r\n"
	to := []string{"ann@customer.example", "bob@customer.example"}
	client, err := smtp.Dial("smtp.mail.example:587")
	if err != nil {
		return err
	}
	if err := client.StartTLS(&tls.Config{ServerName: "smtp.mail.example", InsecureSkipVerify: true}); err != nil {
		return err
	}
	if err := client.Auth(smtp.PlainAuth("", "shop", "hunter22", "smtp.mail.example")); err != nil {
		return err
	}
	if err := client.Close(); err != nil {
		return err
	}
	for _, server := range []string{"smtp.mail.example:587", "mx.elsewhere.example:25"} {
		if err := smtp.SendMail(server, nil, "shop@shop.example", to, []byte(message)); err != nil && !strings.Contains(err.Error(), "certificate") {
			return fmt.Errorf("%s: %w", server, err)
		}
		if err := plainMail(server, to, message); err != nil {
			return fmt.Errorf("%s: %w", server, err)
		}
	}
	return nil
}

// plainMail sends a mail without STARTTLS.
func plainMail(server string, to []string, message string) error {
	client, err := smtp.Dial(server)
	if err != nil {
		return err
	}
	if err := client.Mail("shop@shop.example"); err != nil {
		return err
	}
	for _, one := range to {
		if err := client.Rcpt(one); err != nil {
			return err
		}
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, message)
	return errors.Join(err, w.Close(), client.Quit())
}

func scenarioDatabase(ctx context.Context, spec Spec) (err error) {
	inside, err := Enter(ctx, spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inside.Close()) }()
	conn, err := net.Dial("tcp", "127.0.0.1:5432")
	if err != nil {
		return err
	}
	question := bytes.Repeat([]byte("select 1;"), 100_000)
	go func() { // ends with the connection
		if _, err := conn.Write(question); err == nil {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
	answer, err := io.ReadAll(conn) // comes only after the other side saw our end
	if err != nil {
		return err
	}
	if want := append([]byte("answer to "), question...); !bytes.Equal(answer, want) {
		return fmt.Errorf("the answer has %d bytes, expected %d", len(answer), len(want))
	}
	return conn.Close()
}

func scenarioPublished(ctx context.Context, spec Spec) (err error) {
	inside, err := Enter(ctx, spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inside.Close()) }()
	listener, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello from inside")
	})}
	go func() { _ = server.Serve(listener) }() // ends with Close below
	fmt.Println("ready")
	_, err = io.ReadAll(os.Stdin) // until the test is done
	return errors.Join(err, server.Close())
}

func scenarioNames(ctx context.Context, spec Spec) (err error) {
	inside, err := Enter(ctx, spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inside.Close()) }()
	one, err := net.LookupHost("one.example")
	if err != nil {
		return err
	}
	two, err := net.LookupHost("two.example")
	if err != nil {
		return err
	}
	again, err := net.LookupHost("ONE.example")
	if err != nil {
		return err
	}
	if !slices.Equal(one, again) || slices.Equal(one, two) || !strings.HasPrefix(one[0], "198.1") {
		return fmt.Errorf("found %v, %v and again %v", one, two, again)
	}
	back, err := net.LookupAddr(one[0])
	if err != nil || len(back) != 1 || back[0] != "one.example." {
		return fmt.Errorf("the way back found %v, %w", back, err)
	}
	mx, err := net.LookupMX("two.example")
	if err != nil || len(mx) != 1 {
		return fmt.Errorf("mail servers: %v, %w", mx, err)
	}
	for network, server := range map[string]string{"tcp": "192.0.2.53:53", "udp4": "192.0.2.53:53", "udp6": "[2001:db8::53]:53"} {
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server)
		}}
		found, err := resolver.LookupHost(ctx, "one.example")
		if err != nil || !slices.Equal(found, one) {
			return fmt.Errorf("over %s: %v, %w", network, found, err)
		}
	}
	return nil
}

func scenarioResolver(ctx context.Context, spec Spec) (err error) {
	inside, err := Enter(ctx, spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inside.Close()) }()
	cmd := exec.CommandContext(ctx, "getent", "ahostsv4", "libc.example") // the C library's resolver
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "198.18.") {
		return fmt.Errorf("getent: %q, %w", out, err)
	}
	return nil
}

func scenarioProbe(ctx context.Context, spec Spec) (err error) {
	inside, err := Enter(ctx, spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inside.Close()) }()
	if leaks := Probe(ctx); len(leaks) > 0 {
		return fmt.Errorf("leaks: %v", leaks)
	}
	all, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagUp != 0 {
			return fmt.Errorf("interface %s is up", i.Name)
		}
	}
	conn, err := net.Dial("tcp", "192.0.2.1:9")
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("a port without a catcher: %v, %v", conn, err)
	}
	return nil
}

// scenarioRights shows that files keep working and that a user stays who they are.
func scenarioRights(ctx context.Context, spec Spec) (err error) {
	inside, err := Enter(ctx, spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inside.Close()) }()
	return os.WriteFile(spec.Captures+".uid", fmt.Appendf(nil, "%d", os.Getuid()), 0o600)
}

func scenarioReopen(ctx context.Context, spec Spec) error {
	inside, err := Enter(ctx, spec)
	if err != nil {
		return err
	}
	if err := inside.Close(); err != nil {
		return err
	}
	return inside.Close()
}

// scenarioLimits shows what doc.go says of ports that a catcher holds.
func scenarioLimits(ctx context.Context, spec Spec) (err error) {
	inside, err := Enter(ctx, spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inside.Close()) }()
	if _, err := net.Listen("tcp", "127.0.0.1:443"); !errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listening beside the catcher of 443: %v", err)
	}
	kept, err := net.Listen("tcp", "127.0.0.1:80")
	if err != nil {
		return fmt.Errorf("listening on the kept port 80: %w", err)
	}
	return kept.Close()
}
