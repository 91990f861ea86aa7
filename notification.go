package understudy

import (
	"slices"
	"strings"
	"time"
)

// Channel is where notifications go. Exactly one of Webhook, Slack and Email is set.
type Channel struct {
	Name    string   `json:"name"`
	Events  []string `json:"events,omitempty"` // or what stands before their dot; empty: all
	Webhook *Webhook `json:"webhook,omitempty"`
	Slack   *Slack   `json:"slack,omitempty"`
	Email   *Email   `json:"email,omitempty"`
}

// IsReference tells whether a text says where a value is, and is not the value.
func IsReference(text string) bool {
	scheme, rest, found := strings.Cut(text, ":")
	return found && rest != "" && slices.Contains([]string{"env", "file", "exec"}, scheme)
}

// Webhook is a server that takes signed messages, as Standard Webhooks lays down.
type Webhook struct {
	URL    string    `json:"url"` // or a reference to it
	Secret SecretRef `json:"secret,omitempty"`
}

// Slack is an incoming webhook of Slack, or of what understands the same.
type Slack struct {
	URL string `json:"url"` // or a reference to it
}

// Email is a mail server that takes messages for people.
type Email struct {
	SMTP     string    `json:"smtp"` // host:port
	From     string    `json:"from"`
	To       []string  `json:"to"`
	Username string    `json:"username,omitempty"` // or a reference to it
	Password SecretRef `json:"password,omitempty"`
	Plain    bool      `json:"plain,omitempty"` // without TLS
}

// Kind names what a channel is.
func (c Channel) Kind() string {
	switch {
	case c.Webhook != nil:
		return "webhook"
	case c.Slack != nil:
		return "slack"
	case c.Email != nil:
		return "email"
	}
	return ""
}

// Wants tells whether a channel takes an event.
func (c Channel) Wants(event string) bool {
	group, _, _ := strings.Cut(event, ".")
	return len(c.Events) == 0 || slices.Contains(c.Events, event) || slices.Contains(c.Events, group)
}

// Events are what is told to channels: acts of the journal.
func Events() []string {
	return []string{
		"rehearsal.passed", "rehearsal.failed", "rehearsal.inconclusive", "rehearsal.error", "rehearsal.cancelled",
		"promotion.gated", "promotion.refused", "promotion.switching", "promotion.settled", "promotion.contracted", "promotion.rolling-back", "promotion.rolled-back",
		"approval.given", "approval.withdrawn", "glass.broken", "hold.placed", "hold.lifted", "maintenance.on", "maintenance.off",
		"verdict.revoked", "twin.reset-failed", "daemon.crashed", "router.restarted", "certificate.expiring", "journal.damaged",
	}
}

// Message is what is told about one entry of the journal. It has names of things and of who
// acted, and nothing that a program or a person wrote in words of their own.
type Message struct {
	Entry       int64     `json:"entry"`
	Head        Digest    `json:"head"` // hash of the entry: kept elsewhere, it shows a journal that was replaced
	At          time.Time `json:"at"`
	Event       string    `json:"event"`
	Application string    `json:"application"`
	Subject     string    `json:"subject"`
	Environment string    `json:"environment,omitempty"`
	Release     string    `json:"release,omitempty"`
	By          string    `json:"by"`
	Text        string    `json:"text"`          // one sentence
	See         string    `json:"see,omitempty"` // the command that shows more
}

// NotificationState is where a notification is in its life:
//
//	waiting → delivered
//	   ↑└───→ given-up   (a day of attempts, or the channel has gone)
//	   └─────────┘       (somebody asked for it)
type NotificationState string

// The states of a notification.
const (
	NotificationWaiting   NotificationState = "waiting"
	NotificationDelivered NotificationState = "delivered"
	NotificationGivenUp   NotificationState = "given-up"
)

// Notification is one message on its way to one channel.
type Notification struct {
	ID       string            `json:"id"`
	Channel  string            `json:"channel"`
	Message  Message           `json:"message"`
	State    NotificationState `json:"state"`
	Attempts []Attempt         `json:"attempts,omitempty"`
	MadeAt   time.Time         `json:"madeAt"`
	NextAt   time.Time         `json:"nextAt,omitzero"`  // when it is tried again
	Until    time.Time         `json:"until,omitzero"`   // when it is tried for the last time
	EndedAt  time.Time         `json:"endedAt,omitzero"` // delivered or given up
}

// Attempt is one try to deliver a notification.
type Attempt struct {
	At   time.Time     `json:"at"`
	Took time.Duration `json:"took"`
	Why  string        `json:"why,omitempty"` // it failed; empty: it did not
}

// Failed is why the last attempt failed; empty: it did not, or there was none.
func (n Notification) Failed() string {
	if len(n.Attempts) == 0 {
		return ""
	}
	return n.Attempts[len(n.Attempts)-1].Why
}
