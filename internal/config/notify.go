package config

import (
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"understudy"
)

// channelEntry is one channel of notifications, as it is written.
type channelEntry struct {
	Events  []string      `yaml:"events"`
	Webhook *webhookEntry `yaml:"webhook"`
	Slack   *slackEntry   `yaml:"slack"`
	Email   *emailEntry   `yaml:"email"`
}

type webhookEntry struct {
	URL    string `yaml:"url"`
	Secret string `yaml:"secret"`
}

type slackEntry struct {
	URL string `yaml:"url"`
}

type emailEntry struct {
	SMTP     string   `yaml:"smtp"`
	From     string   `yaml:"from"`
	To       []string `yaml:"to"`
	Username string   `yaml:"username"`
	Password string   `yaml:"password"`
	StartTLS *bool    `yaml:"starttls"`
}

// channels are those of the file, in its order.
func (s *source) channels(entries named[channelEntry]) []understudy.Channel {
	var out []understudy.Channel
	for _, e := range entries {
		c := understudy.Channel{Name: e.Name, Events: e.Value.Events}
		if w := e.Value.Webhook; w != nil {
			c.Webhook = &understudy.Webhook{URL: s.referred(w.URL), Secret: s.secretRef(w.Secret)}
		}
		if w := e.Value.Slack; w != nil {
			c.Slack = &understudy.Slack{URL: s.referred(w.URL)}
		}
		if m := e.Value.Email; m != nil {
			c.Email = &understudy.Email{SMTP: m.SMTP, From: m.From, To: m.To, Username: s.referred(m.Username), Password: s.secretRef(m.Password),
				Plain: m.StartTLS != nil && !*m.StartTLS}
		}
		s.checkChannel(c, e.Value, []string{"notify", e.Name})
		out = append(out, c)
	}
	return out
}

// referred is a text that may be a reference, with the path of a file made absolute.
func (s *source) referred(written string) string { return string(s.secretRef(written)) }

func (s *source) checkChannel(c understudy.Channel, e channelEntry, path []string) {
	at := func(keys ...string) []string { return append(path[:len(path):len(path)], keys...) }
	kinds := 0
	for _, is := range []bool{c.Webhook != nil, c.Slack != nil, c.Email != nil} {
		if is {
			kinds++
		}
	}
	if kinds != 1 {
		s.problems.at(path, "expected one of webhook:, slack: and email:, found %d of them", kinds)
	}
	for i, event := range c.Events {
		if !slices.Contains(knownEvents(), event) {
			s.problems.at(at("events", index(i)), "there is no event %q%s; the events are %s", event, didYouMean(event, knownEvents()), strings.Join(understudy.Events(), ", "))
		}
	}
	if e.Webhook != nil {
		s.checkAddress(e.Webhook.URL, at("webhook", "url"))
	}
	if e.Slack != nil {
		s.checkAddress(e.Slack.URL, at("slack", "url"))
	}
	if e.Email != nil {
		s.checkEmail(*c.Email, at("email"))
	}
}

// knownEvents are the events and what stands before their dots.
func knownEvents() []string {
	var out []string
	for _, event := range understudy.Events() {
		if group, _, _ := strings.Cut(event, "."); !slices.Contains(out, group) {
			out = append(out, group)
		}
	}
	return append(out, understudy.Events()...)
}

// checkAddress looks at an address that stands in the file. It is never shown.
func (s *source) checkAddress(written string, path []string) {
	if understudy.IsReference(written) {
		return
	}
	address, err := url.Parse(written)
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		s.problems.at(path, "expected a URL such as https://hooks.example/path, or a reference to one such as env:HOOK_URL, found something else (not shown, as it may hold a token)")
	}
}

func (s *source) checkEmail(e understudy.Email, path []string) {
	at := func(key string) []string { return append(path[:len(path):len(path)], key) }
	host, port, err := net.SplitHostPort(e.SMTP)
	if err != nil || host == "" || !isPort(port) {
		s.problems.at(at("smtp"), "expected a mail server such as mail.example:587, found %q", e.SMTP)
	}
	if _, err := mail.ParseAddress(e.From); err != nil {
		s.problems.at(at("from"), "expected a mail address, found %q", e.From)
	}
	for i, to := range e.To {
		if _, err := mail.ParseAddress(to); err != nil {
			s.problems.at(append(at("to"), index(i)), "expected a mail address, found %q", to)
		}
	}
	switch local := host == "localhost" || net.ParseIP(host).IsLoopback(); {
	case e.Username != "" && e.Password == "":
		s.problems.at(at("username"), "expected a password: with it, such as env:SMTP_PASSWORD, found none")
	case e.Username != "" && e.Plain && !local:
		s.problems.at(at("starttls"), "with starttls: false the password would be sent in the open; expected true, or a mail server on this machine")
	}
}
