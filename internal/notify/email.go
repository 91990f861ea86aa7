package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"understudy"
)

// wrapped is the port at which mail servers expect TLS from the first byte.
const wrapped = "465"

func (k Couriers) toEmail(ctx context.Context, e understudy.Email, m understudy.Message) error {
	from, to, err := addresses(e)
	if err != nil {
		return err
	}
	text, err := letter(from, to, m)
	if err != nil {
		return err
	}
	auth, err := k.signIn(ctx, e)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.SMTP)
	if err != nil {
		return unmailed(ctx, err)
	}
	defer func() { _ = conn.Close() }()                         // after a goodbye it is closed already
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // the client has deadlines of its own, and longer ones
	if err := hand(conn, e, auth, from, to, text); err != nil {
		return unmailed(ctx, err)
	}
	return nil
}

// addresses are who a letter is from and whom it is for.
func addresses(e understudy.Email) (from *mail.Address, to []*mail.Address, err error) {
	if from, err = mail.ParseAddress(e.From); err != nil {
		return nil, nil, understudy.Errorf(understudy.KindInvalid, "its from: is no mail address")
	}
	for _, one := range e.To {
		parsed, err := mail.ParseAddress(one)
		if err != nil {
			return nil, nil, understudy.Errorf(understudy.KindInvalid, "its to: has what is no mail address")
		}
		to = append(to, parsed)
	}
	return from, to, nil
}

// hand gives a letter to the mail server at the other end of a connection.
func hand(conn net.Conn, e understudy.Email, auth sasl.Client, from *mail.Address, to []*mail.Address, text []byte) error {
	client, err := greet(conn, e)
	if err != nil {
		return err
	}
	if auth != nil {
		if err := client.Auth(auth); err != nil {
			return err
		}
	}
	var all []string
	for _, one := range to {
		all = append(all, one.Address)
	}
	if err := client.SendMail(from.Address, all, bytes.NewReader(text)); err != nil {
		return err
	}
	_ = client.Quit() // the message is taken; how it says goodbye is its affair
	return nil
}

func (k Couriers) signIn(ctx context.Context, e understudy.Email) (sasl.Client, error) {
	if e.Username == "" {
		return nil, nil
	}
	user, err := k.read(ctx, e.Username)
	if err != nil {
		return nil, err
	}
	password, err := k.Secret(ctx, e.Password)
	return sasl.NewPlainClient("", user, password), err
}

// greet begins to speak with a mail server, closed to others unless it may stay open.
func greet(conn net.Conn, e understudy.Email) (*smtp.Client, error) {
	host, port, err := net.SplitHostPort(e.SMTP)
	if err != nil {
		return nil, err
	}
	secure := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	switch {
	case e.Plain:
		return smtp.NewClient(conn), nil
	case port == wrapped:
		return smtp.NewClient(tls.Client(conn, secure)), nil
	}
	client, err := smtp.NewClientStartTLS(conn, secure)
	if err != nil && strings.Contains(err.Error(), "support STARTTLS") { // no kind of its own tells it
		return nil, errOpen
	}
	return client, err
}

// errOpen is a mail server that everybody on the way could listen to.
var errOpen = errors.New("it offers no STARTTLS at this port")

// unmailed is why a mail server took nothing. What it said is left out but for its code: it
// may repeat addresses.
func unmailed(ctx context.Context, err error) error {
	var said *smtp.SMTPError
	switch {
	case errors.As(err, &said):
		return understudy.Errorf(understudy.KindUnavailable, "the mail server answered %d", said.Code)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return understudy.Errorf(understudy.KindUnavailable, "the mail server did not answer within %s", Within)
	}
	failed := understudy.Errorf(understudy.KindUnavailable, "the mail server could not be used: %w", err)
	if errors.Is(err, errOpen) {
		return failed.WithHint("give the port that has it (587, or 465 with TLS from the first byte), or say starttls: false of a mail server on this machine")
	}
	return failed
}

// letter is a message in the form of mail.
func letter(from *mail.Address, to []*mail.Address, m understudy.Message) ([]byte, error) {
	_, domain, _ := strings.Cut(from.Address, "@")
	var all []string
	for _, one := range to {
		all = append(all, one.String())
	}
	var out bytes.Buffer
	for _, line := range [][2]string{
		{"From", from.String()}, {"To", strings.Join(all, ", ")},
		{"Subject", mime.QEncoding.Encode("utf-8", oneLine("["+m.Application+"] "+m.Text))},
		{"Date", time.Now().Format(time.RFC1123Z)}, {"Message-ID", "<" + MessageID(m) + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"}, {"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&out, "%s: %s\r\n", line[0], line[1])
	}
	out.WriteString("\r\n")
	body := quotedprintable.NewWriter(&out)
	_, err := fmt.Fprintf(body, form, m.Text, m.Event, m.At.UTC().Format(time.RFC3339), m.By, m.See, m.Entry, m.Head, m.Head)
	err = errors.Join(err, body.Close())
	return out.Bytes(), err
}

const form = `%s.

Event:  %s
At:     %s
By:     %s
See:    %s

Entry %d of the journal, whose hash is
%s
Kept elsewhere, it shows a journal that was replaced:
  understudy journal verify --head %s
`

// oneLine keeps what is put into a header in it.
func oneLine(text string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(text) }
