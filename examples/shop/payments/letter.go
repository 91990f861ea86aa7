package main

import (
	"io"

	"github.com/emersion/go-smtp"
)

// letter is one mail that is being handed over. It is read, counted and forgotten.
type letter struct{ world *world }

// Mail begins a mail.
func (l *letter) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt adds somebody it is for.
func (l *letter) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data takes its text.
func (l *letter) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	l.world.Mails++
	return nil
}

// Reset forgets the mail.
func (l *letter) Reset() {}

// Logout ends the conversation.
func (l *letter) Logout() error { return nil }
