package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"understudy"
	"understudy/internal/notify"
)

func entryOf(act, subject string, facts ...string) understudy.Entry {
	e := understudy.Entry{Sequence: 7, Actor: "ann", Act: act, Subject: subject, Reason: "ann@shop.test said: pw=hunter2", Hash: understudy.DigestOf([]byte(act)), Facts: map[string]string{}}
	for i := 0; i < len(facts); i += 2 {
		e.Facts[facts[i]] = facts[i+1]
	}
	return e
}

func TestMessageOf_SaysEveryEventInASentenceOfNamesAlone(t *testing.T) {
	for _, event := range understudy.Events() {
		m, told := notify.MessageOf(entryOf(event, "x1", "release", "v2", "to", "production", "why", "pw=hunter2"), "shop")
		if !told || m.Event != event || m.Text == "" || m.See == "" || m.Head == "" || m.By != "ann" {
			t.Errorf("%s: %+v", event, m)
		}
		raw, err := json.Marshal(m)
		if err != nil || strings.Contains(string(raw), "hunter2") || strings.Contains(string(raw), "shop.test") {
			t.Errorf("%s tells what was written in somebody's own words: %s, %v", event, raw, err)
		}
	}
}

func TestMessageOf_TellsOfNothingElse(t *testing.T) {
	for _, act := range []string{"check.started", "release.created", "promotion.planned", "promotion.baking", "journal", "", "rehearsal.queued", "daemon."} {
		if m, told := notify.MessageOf(entryOf(act, "x"), "shop"); told {
			t.Errorf("%q is told: %+v", act, m)
		}
	}
	m, told := notify.MessageOf(entryOf("glass.broken", "p1", "release", "v2", "to", "production", "passed", "a freeze"), "shop")
	if !told || m.Text != "ann broke the glass: v2 goes past the gate of production" {
		t.Errorf("broken glass is not told: %+v", m)
	}
}

func TestChannel_WantsWhatItNames(t *testing.T) {
	for _, c := range []struct {
		events []string
		event  string
		wants  bool
	}{
		{nil, "hold.placed", true}, {[]string{"promotion"}, "promotion.settled", true}, {[]string{"promotion"}, "hold.placed", false},
		{[]string{"promotion.settled"}, "promotion.refused", false}, {[]string{"hold.placed", "promotion.settled"}, "promotion.settled", true},
	} {
		if got := (understudy.Channel{Events: c.events}).Wants(c.event); got != c.wants {
			t.Errorf("%v wants %s: %v", c.events, c.event, got)
		}
	}
}

// memory is an outbox in memory.
type memory struct {
	mu      sync.Mutex
	all     []understudy.Notification
	changed chan struct{}
}

func newMemory(all ...understudy.Notification) *memory {
	return &memory{all: all, changed: make(chan struct{})}
}

func (m *memory) Waiting(context.Context) ([]understudy.Notification, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.all), func(n understudy.Notification) bool { return n.State != understudy.NotificationWaiting }), nil
}

func (m *memory) Change(_ context.Context, id string, change func(*understudy.Notification)) (understudy.Notification, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.all, func(o understudy.Notification) bool { return o.ID == id })
	change(&m.all[at])
	return m.all[at], nil
}

func (m *memory) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *memory) add(n understudy.Notification) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, n)
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) one(id string) understudy.Notification {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[slices.IndexFunc(m.all, func(o understudy.Notification) bool { return o.ID == id })]
}

type carrier func(ctx context.Context, c understudy.Channel) error

func (f carrier) Carry(ctx context.Context, c understudy.Channel, _ understudy.Message) error {
	return f(ctx, c)
}

// deliver runs a postman until the function returns.
func deliver(t *testing.T, box *memory, carry carrier, while func()) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	p := &notify.Postman{
		Outbox: box, Carrier: carry, Log: slog.New(slog.DiscardHandler), Tried: func(context.Context, understudy.Notification) {},
		Channels: func(context.Context) ([]understudy.Channel, error) {
			return []understudy.Channel{{Name: "chat"}, {Name: "audit"}}, nil
		},
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	while()
	end()
	<-ended
}

func waiting(entry int64, channel string) understudy.Notification {
	return notify.New(understudy.Message{Entry: entry, Event: "hold.placed"}, channel, time.Now())
}

func TestPostman_TriesAgainForADayAndThenGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		box := newMemory(waiting(1, "chat"))
		deliver(t, box, func(context.Context, understudy.Channel) error { return errors.New("no") }, func() { time.Sleep(25 * time.Hour) })
		n := box.one("1-chat")
		if n.State != understudy.NotificationGivenUp || n.Failed() != "no" || !n.EndedAt.Equal(begun.Add(notify.TriedFor)) {
			t.Errorf("it is %s at %s: %s", n.State, n.EndedAt.Sub(begun), n.Failed())
		}
		if len(n.Attempts) < 25 || len(n.Attempts) > 45 {
			t.Errorf("it was tried %d times", len(n.Attempts))
		}
		for i := 1; i < len(n.Attempts); i++ {
			pause := n.Attempts[i].At.Sub(n.Attempts[i-1].At)
			base := min(5*time.Second<<min(i-1, 20), time.Hour)
			if last := i == len(n.Attempts)-1; pause > base*12/10 || !last && pause < base*8/10 {
				t.Errorf("attempt %d came %s after the one before, expected %s or a fifth from it", i+1, pause, base)
			}
		}
	})
}

func TestPostman_DeliversOnceTheServerIsBackAndAtOnceWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newMemory(waiting(1, "chat"))
		back := time.Now().Add(time.Minute)
		deliver(t, box, func(context.Context, understudy.Channel) error {
			if time.Now().Before(back) {
				return errors.New("no")
			}
			return nil
		}, func() {
			time.Sleep(10 * time.Minute)
			box.add(waiting(2, "chat"))
			time.Sleep(time.Millisecond)
			if n := box.one("2-chat"); n.State != understudy.NotificationDelivered || len(n.Attempts) != 1 {
				t.Errorf("what is new is %s after %d attempts", n.State, len(n.Attempts))
			}
		})
		if n := box.one("1-chat"); n.State != understudy.NotificationDelivered || n.Failed() != "" || len(n.Attempts) != 5 {
			t.Errorf("it is %s after %d attempts", n.State, len(n.Attempts))
		}
	})
}

func TestPostman_AHangingServerDelaysItsOwnChannelOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newMemory(waiting(1, "chat"), waiting(2, "chat"), waiting(1, "audit"))
		deliver(t, box, func(ctx context.Context, c understudy.Channel) error {
			if c.Name == "audit" {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}, func() {
			time.Sleep(time.Millisecond)
			if n := box.one("1-audit"); n.State != understudy.NotificationDelivered {
				t.Errorf("the other channel's is %s", n.State)
			}
			time.Sleep(2*notify.Within + time.Millisecond)
			for _, id := range []string{"1-chat", "2-chat"} {
				if n := box.one(id); len(n.Attempts) != 1 || n.Attempts[0].Took != notify.Within {
					t.Errorf("%s: %+v", id, n.Attempts)
				}
			}
		})
	})
}

func TestPostman_AnAttemptThatTheEndBrokeOffIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newMemory(waiting(1, "chat"))
		deliver(t, box, func(ctx context.Context, _ understudy.Channel) error { <-ctx.Done(); return ctx.Err() }, func() { time.Sleep(time.Second) })
		if n := box.one("1-chat"); n.State != understudy.NotificationWaiting || len(n.Attempts) != 0 {
			t.Errorf("it is %s after %d attempts", n.State, len(n.Attempts))
		}
	})
}

func TestPostman_GivesUpWhatHasNoChannelAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newMemory(waiting(1, "pager"))
		deliver(t, box, func(context.Context, understudy.Channel) error { return nil }, func() { time.Sleep(time.Second) })
		if n := box.one("1-pager"); n.State != understudy.NotificationGivenUp || !strings.Contains(n.Failed(), "no such channel") {
			t.Errorf("it is %s: %s", n.State, n.Failed())
		}
	})
}

func message() understudy.Message {
	m, _ := notify.MessageOf(entryOf("promotion.settled", "p1", "release", "v2 <!channel>", "to", "production"), "shop")
	return m
}

// couriers know one secret.
func couriers(values map[string]string) notify.Couriers {
	return notify.Couriers{Secret: func(_ context.Context, ref understudy.SecretRef) (string, error) {
		value, found := values[string(ref)]
		if !found {
			return "", understudy.Errorf(understudy.KindNotFound, "it is not set")
		}
		return value, nil
	}}
}

func TestWebhook_IsSignedAsStandardWebhooksLaysDown(t *testing.T) {
	signature, err := notify.Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if err != nil || signature != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("found %s, %v", signature, err)
	}
	if _, err := notify.Sign("whsec_not base64", "x", time.Now(), nil); err == nil || strings.Contains(err.Error(), "not base64 ") {
		t.Errorf("found %v", err)
	}
}

func TestWebhook_ArrivesWithWhatAReceiverNeedsToTrustIt(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	m := message()
	c := understudy.Channel{Name: "audit", Webhook: &understudy.Webhook{URL: "env:HOOK", Secret: "env:SECRET"}}
	if err := couriers(map[string]string{"env:HOOK": server.URL + "/t0ken", "env:SECRET": "kept"}).Carry(t.Context(), c, m); err != nil {
		t.Fatal(err)
	}
	at, err := strconv.ParseInt(got.Header.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)) > time.Minute {
		t.Errorf("timestamp %q", got.Header.Get("webhook-timestamp"))
	}
	want, err := notify.Sign("kept", got.Header.Get("webhook-id"), time.Unix(at, 0), body)
	if err != nil || got.Header.Get("webhook-signature") != want || got.Header.Get("webhook-id") != notify.MessageID(m) || got.URL.Path != "/t0ken" {
		t.Errorf("found %v", got.Header)
	}
	var told struct {
		Type string
		Data understudy.Message
	}
	if err := json.Unmarshal(body, &told); err != nil || told.Type != "promotion.settled" || told.Data.Head != m.Head || told.Data.Release != m.Release {
		t.Errorf("found %s, %v", body, err)
	}
}

func TestSlack_CannotBeMadeToCallEverybody(t *testing.T) {
	var told map[string]string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	c := understudy.Channel{Name: "chat", Slack: &understudy.Slack{URL: server.URL}}
	if err := couriers(nil).Carry(t.Context(), c, message()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(told["text"], "v2 &lt;!channel&gt; has settled in production") || !strings.Contains(told["text"], string(message().Head)) {
		t.Errorf("found %q", told["text"])
	}
}

func TestCarry_SaysWhyItFailedAndNeverWhereTo(t *testing.T) {
	answers := func(status int) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "t0ken is wrong")
		}))
		t.Cleanup(server.Close)
		return server.URL + "/t0ken"
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ address, says string }{
		"an error":           {answers(500), "the server answered 500"},
		"a redirect":         {answers(302), "the server answered 302"},
		"gone":               {answers(410), "410 Gone"},
		"nobody there":       {"http://" + closed.Addr().String() + "/t0ken", "connection refused"},
		"no such host":       {"http://no-such-host.invalid/t0ken", "could not be reached"},
		"no URL":             {"t0ken", "its address is no URL"},
		"an unset reference": {"env:T0KEN", "it is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			err := couriers(nil).Carry(t.Context(), understudy.Channel{Slack: &understudy.Slack{URL: c.address}}, message())
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "t0ken") {
				t.Errorf("found %v", err)
			}
		})
	}
}

func TestAfter_GivesUpAtOnceWhereTheServerWantsNoMore(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	defer server.Close()
	err := couriers(nil).Carry(t.Context(), understudy.Channel{Slack: &understudy.Slack{URL: server.URL}}, message())
	n := notify.After(waiting(1, "chat"), understudy.Attempt{At: time.Now()}, err, 0)
	if n.State != understudy.NotificationGivenUp {
		t.Errorf("it is %s", n.State)
	}
	if n = notify.Again(n, time.Now()); n.State != understudy.NotificationWaiting || !n.EndedAt.IsZero() || n.Until.Before(time.Now().Add(23*time.Hour)) {
		t.Errorf("again it is %+v", n)
	}
}

// letterbox is a mail server that keeps one letter.
type letterbox struct {
	from string
	to   []string
	text string
	as   string
	no   *smtp.SMTPError
}

func (b *letterbox) NewSession(*smtp.Conn) (smtp.Session, error) { return b, nil }
func (b *letterbox) Reset()                                      {}
func (b *letterbox) Logout() error                               { return nil }
func (b *letterbox) AuthMechanisms() []string                    { return []string{sasl.Plain} }
func (b *letterbox) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		b.as = user + ":" + password
		return nil
	}), nil
}

func (b *letterbox) Mail(from string, _ *smtp.MailOptions) error {
	b.from = from
	if b.no != nil {
		return b.no
	}
	return nil
}

func (b *letterbox) Rcpt(to string, _ *smtp.RcptOptions) error {
	b.to = append(b.to, to)
	return nil
}

func (b *letterbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	b.text = string(text)
	return err
}

func serveMail(t *testing.T, b *letterbox) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(b)
	server.Domain, server.AllowInsecureAuth = "mail.test", true
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // it ends with an error, always
	}()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return listener.Addr().String()
}

func TestEmail_IsALetterThatProgramsCanTellFromPeoples(t *testing.T) {
	box := &letterbox{}
	c := understudy.Channel{Email: &understudy.Email{
		SMTP: serveMail(t, box), From: "Understudy <understudy@shop.test>", To: []string{"ops@shop.test", "Ann <ann@shop.test>"},
		Username: "env:USER", Password: "env:PASSWORD", Plain: true,
	}}
	m := message()
	m.Text = "größer\r\nBcc: everybody@shop.test"
	if err := couriers(map[string]string{"env:USER": "us", "env:PASSWORD": "kept"}).Carry(t.Context(), c, m); err != nil {
		t.Fatal(err)
	}
	if box.from != "understudy@shop.test" || !slices.Equal(box.to, []string{"ops@shop.test", "ann@shop.test"}) || box.as != "us:kept" {
		t.Errorf("from %s to %v as %s", box.from, box.to, box.as)
	}
	head, body, _ := strings.Cut(box.text, "\r\n\r\n")
	if !strings.Contains(head, "Auto-Submitted: auto-generated") || strings.Contains(head, "\r\nBcc:") || !strings.Contains(head, "Message-ID: <"+notify.MessageID(m)+"@shop.test>") {
		t.Errorf("found %s", head)
	}
	if !strings.Contains(strings.ReplaceAll(body, "=\r\n", ""), string(m.Head)) {
		t.Errorf("it does not carry the head: %s", body)
	}
}

func TestEmail_SaysWhyItWasNotTakenAndNoAddress(t *testing.T) {
	for name, c := range map[string]struct {
		box   *letterbox
		plain bool
		says  string
	}{
		"refused":        {&letterbox{no: &smtp.SMTPError{Code: 550, Message: "no such user ops@shop.test"}}, true, "the mail server answered 550"},
		"no TLS offered": {&letterbox{}, false, "STARTTLS"},
	} {
		t.Run(name, func(t *testing.T) {
			channel := understudy.Channel{Email: &understudy.Email{SMTP: serveMail(t, c.box), From: "a@shop.test", To: []string{"ops@shop.test"}, Plain: c.plain}}
			err := couriers(nil).Carry(t.Context(), channel, message())
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "ops@") || c.box.text != "" {
				t.Errorf("found %v", err)
			}
			var said *understudy.Error
			if !c.plain && (!errors.As(err, &said) || !strings.Contains(said.Hint, "starttls: false")) {
				t.Errorf("it does not say what to do: %v", err)
			}
		})
	}
}

func TestEmail_AMailServerThatHangsIsLeft(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err = couriers(nil).Carry(ctx, understudy.Channel{Email: &understudy.Email{SMTP: listener.Addr().String(), From: "a@shop.test", To: []string{"b@shop.test"}}}, message())
	if err == nil || !strings.Contains(err.Error(), "did not answer") || time.Since(begun) > 10*time.Second {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}
}
