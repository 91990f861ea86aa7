package seal

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"understudy"
)

func TestEnter_RefusesOutsideANamespaceOfItsOwn(t *testing.T) {
	s := newStage(t, false)
	if _, err := Enter(t.Context(), s.Spec); err == nil || !strings.Contains(err.Error(), "not started in a network namespace") {
		t.Fatalf("found %v", err)
	}
}

func TestHTTP_CallsEndInTheCatcherAndAreAnsweredAsDeclared(t *testing.T) {
	asEverybody(t, func(t *testing.T, s *stage) {
		s.Integrations = []understudy.Integration{
			{Name: "payments", Kind: "http", Env: "PAY_URL", Answers: []understudy.Answer{
				{Method: "POST", Path: "/charge", Status: 201, Body: `{"id":"ch_1"}`}, {Path: "/refund", Status: 402, Body: "no"}}},
			{Name: "fraud", Kind: "http", Env: "FRAUD_URL", Answers: []understudy.Answer{{Path: "/score", Status: 200, Body: `{"score":7}`}}},
		}
		s.Addresses = map[string]string{"payments": "https://api.pay.example", "fraud": "http://fraud.example:9099"}
		s.play("calls")
		calls := s.captured(KindHTTP)
		if len(calls) != 6 {
			t.Fatalf("expected 6 calls, found %d", len(calls))
		}
		first := calls[0]
		if first.Integration != "payments" || first.Host != "api.pay.example" || first.Path != "/charge" ||
			first.Method != "POST" || first.Body != `{"amount":1}` || first.Status != 201 || first.Size != 12 {
			t.Errorf("found %+v", first)
		}
		if calls[3].Integration != "fraud" || calls[3].Path != "/score?of=1" || calls[4].Integration != "" || calls[5].Host != "203.0.113.9" {
			t.Errorf("found %+v", calls[3:])
		}
		raw, err := os.ReadFile(s.Captures)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "sk_live_secret") {
			t.Error("the captures hold a credential")
		}
		if info, err := os.Stat(s.Captures); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the captures are readable for others: %v, %v", info.Mode(), err)
		}
	})
}

func TestSMTP_MailIsRecordedWithItsRecipientsAndDeliveredNowhere(t *testing.T) {
	asEverybody(t, func(t *testing.T, s *stage) {
		s.Integrations = []understudy.Integration{{Name: "mail", Kind: "smtp", Env: "SMTP"}}
		s.Addresses = map[string]string{"mail": "smtp.mail.example:587"}
		s.play("mail")
		mails := s.captured(KindSMTP)
		if len(mails) != 2 {
			t.Fatalf("expected 2 mails, found %d", len(mails))
		}
		m := mails[0]
		if m.Integration != "mail" || m.Host != "smtp.mail.example" || m.From != "shop@shop.example" ||
			strings.Join(m.To, " ") != "ann@customer.example bob@customer.example" || m.Subject != "Ihre Bestellung €" || !strings.Contains(m.Body, "Thank you") {
			t.Errorf("found %+v", m)
		}
		if mails[1].Integration != "" || mails[1].Host != "mx.elsewhere.example" {
			t.Errorf("found %+v", mails[1])
		}
		if raw, err := os.ReadFile(s.Captures); err != nil || strings.Contains(string(raw), "hunter22") {
			t.Errorf("the captures hold a password, or %v", err)
		}
	})
}

func TestForward_CarriesBothWaysAndPassesAHalfCloseOn(t *testing.T) {
	asEverybody(t, func(t *testing.T, s *stage) {
		listener, err := net.Listen("unix", s.path("db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		if err := os.Chmod(s.path("db"), 0o666); err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- answerOnce(listener) }()
		s.Forwards = []Forward{{Listen: "127.0.0.1:5432", To: "unix:" + s.path("db")}}
		s.play("database")
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// answerOnce reads a whole question before it answers.
func answerOnce(listener net.Listener) error {
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	question, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	_, err = conn.Write(append([]byte("answer to "), question...))
	return errors.Join(err, conn.Close())
}

func TestPublish_AProgramInsideIsReachedThroughASocketOutside(t *testing.T) {
	asEverybody(t, func(t *testing.T, s *stage) {
		s.Publish = []Forward{{Listen: "unix:" + s.path("web"), To: "127.0.0.1:8080"}}
		wait := s.start("published")
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", s.path("web"))
		}}}
		body := poll(t, func() (string, error) {
			answer, err := client.Get("http://web/")
			if err != nil {
				return "", err
			}
			raw, err := io.ReadAll(answer.Body)
			return string(raw), errors.Join(err, answer.Body.Close())
		})
		if body != "hello from inside" {
			t.Errorf("found %q", body)
		}
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// poll repeats a look until it works.
func poll(t *testing.T, look func() (string, error)) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		found, err := look()
		if err == nil {
			return found
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestDNS_EachNameHasItsOwnAddressAndIsRecorded(t *testing.T) {
	asEverybody(t, func(t *testing.T, s *stage) {
		s.play("names")
		seen := map[string]bool{}
		for _, c := range s.captured(KindDNS) {
			seen[c.Method+" "+c.Host] = true
		}
		if !seen["A one.example"] || !seen["A two.example"] || !seen["MX two.example"] {
			t.Errorf("found %v", seen)
		}
	})
}

func TestDNS_TheCLibrarysResolverIsAnsweredToo(t *testing.T) {
	asEverybody(t, func(t *testing.T, s *stage) { s.play("resolver") })
}

func TestProbe_NothingLeavesASealedNamespace(t *testing.T) {
	asEverybody(t, func(t *testing.T, s *stage) { s.play("probe") })
}

func TestProbe_ReportsAnOpenInterfaceOutside(t *testing.T) {
	leaks := interfaces(t.Context())
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	open := 0
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagUp != 0 {
			open++
		}
	}
	if len(leaks) != open {
		t.Errorf("%d interfaces are up, %d were reported", open, len(leaks))
	}
}

func TestEnter_KeepsTheUserAndTheirFiles(t *testing.T) {
	asEverybody(t, func(t *testing.T, s *stage) {
		s.play("rights")
		raw, err := os.ReadFile(s.Captures + ".uid")
		if err != nil {
			t.Fatal(err)
		}
		want := os.Getuid()
		if s.nobody {
			want = 65534
		}
		if string(raw) != strconv.Itoa(want) {
			t.Errorf("the process inside saw itself as user %s", raw)
		}
	})
}

func TestClose_IsHarmlessTwice(t *testing.T) {
	asEverybody(t, func(t *testing.T, s *stage) { s.play("reopen") })
}

func TestCatchers_LeaveKeptPortsAlone(t *testing.T) {
	asEverybody(t, func(t *testing.T, s *stage) {
		s.Keep = []int{80}
		s.play("limits")
	})
}
