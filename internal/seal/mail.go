package seal

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"mime"
	"net/mail"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailDomain is how the catcher greets, so that a canary knows where it ended.
const mailDomain = "understudy-seal"

// mailCatcher takes every mail for anybody and delivers none.
type mailCatcher struct {
	ledger *ledger
	names  *names
	places []place
}

func (c *mailCatcher) server(config *tls.Config) *smtp.Server {
	s := smtp.NewServer(c)
	s.Domain, s.TLSConfig, s.AllowInsecureAuth = mailDomain, config, true
	s.EnableSMTPUTF8 = true
	s.MaxMessageBytes = 64 << 20
	s.ReadTimeout, s.WriteTimeout = 5*time.Minute, time.Minute
	s.ErrorLog = silent()
	return s
}

// silent drops what servers say about broken connections: programs break them.
func silent() *log.Logger { return log.New(io.Discard, "", 0) }

// NewSession is called by the server for each connection.
func (c *mailCatcher) NewSession(conn *smtp.Conn) (smtp.Session, error) {
	host, port := c.names.hostOf(conn.Conn().LocalAddr())
	return &mailSession{catcher: c, host: host, port: port}, nil
}

// mailSession is one connection; its methods are called by the server as the SMTP
// commands come.
type mailSession struct {
	catcher *mailCatcher
	host    string
	port    int
	from    string
	to      []string
}

// AuthMechanisms lists the ways to sign in; every one succeeds.
func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain, sasl.Login} }

// Auth accepts any credentials and keeps none.
func (s *mailSession) Auth(mechanism string) (sasl.Server, error) {
	if mechanism == sasl.Login {
		return &anyLogin{}, nil
	}
	return sasl.NewPlainServer(func(_, _, _ string) error { return nil }), nil
}

// anyLogin asks for a name and a password, as AUTH LOGIN does, and accepts both.
type anyLogin struct{ asked int }

// Next is called with each response of the client.
func (a *anyLogin) Next(response []byte) (challenge []byte, done bool, err error) {
	if a.asked == 0 && response != nil { // the name came with the command
		a.asked++
	}
	a.asked++
	switch a.asked {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		return []byte("Password:"), false, nil
	default:
		return nil, true, nil
	}
}

// Mail begins a mail.
func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt adds a recipient.
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data takes the mail itself and notes it. One that cannot be written down is refused
// for now, as a full mail server does.
func (s *mailSession) Data(from io.Reader) error {
	kept, size, err := readBody(from)
	if err != nil {
		return err
	}
	c := Capture{Kind: KindSMTP, Host: s.host, From: s.from, To: s.to, Subject: subjectOf(kept), Body: string(kept), Size: size, Status: 250}
	if p := match(s.catcher.places, KindSMTP, s.host, s.port, ""); p != nil {
		c.Integration = p.Name
	}
	if err := s.catcher.ledger.add(c); err != nil {
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "understudy: the mail was caught but could not be written down"}
	}
	return nil
}

// Reset forgets the mail that was begun.
func (s *mailSession) Reset() { s.from, s.to = "", nil }

// Logout ends the session.
func (s *mailSession) Logout() error { return nil }

func subjectOf(message []byte) string {
	parsed, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return ""
	}
	raw := parsed.Header.Get("Subject")
	decoded, err := new(mime.WordDecoder).DecodeHeader(raw)
	if err != nil {
		return raw
	}
	return decoded
}
