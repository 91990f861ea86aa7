package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/config"
)

const toldShop = "application: shop\nservices: {web: {command: [bin/web]}}\n"

func TestLoad_ReadsWhoIsTold(t *testing.T) {
	dir := folder(t, map[string]string{config.FileName: toldShop + `
notify:
  audit: {webhook: {url: "https://audit.test/hook", secret: "file:hook.key"}}
  chat: {slack: {url: "env:CHAT_URL"}, events: [promotion, hold.placed]}
  ops: {email: {smtp: "mail.test:587", from: us@shop.test, to: [ops@shop.test], username: us, password: "env:SMTP_PASSWORD"}}
  local: {email: {smtp: "127.0.0.1:25", from: us@shop.test, to: [ops@shop.test], starttls: false}}
`})
	p, err := config.Load(filepath.Join(dir, config.FileName))
	if err != nil {
		t.Fatal(err)
	}
	want := []understudy.Channel{
		{Name: "audit", Webhook: &understudy.Webhook{URL: "https://audit.test/hook", Secret: understudy.SecretRef("file:" + filepath.Join(dir, "hook.key"))}},
		{Name: "chat", Events: []string{"promotion", "hold.placed"}, Slack: &understudy.Slack{URL: "env:CHAT_URL"}},
		{Name: "ops", Email: &understudy.Email{SMTP: "mail.test:587", From: "us@shop.test", To: []string{"ops@shop.test"}, Username: "us", Password: "env:SMTP_PASSWORD"}},
		{Name: "local", Email: &understudy.Email{SMTP: "127.0.0.1:25", From: "us@shop.test", To: []string{"ops@shop.test"}, Plain: true}},
	}
	if diff := cmp.Diff(want, p.Notify); diff != "" {
		t.Errorf("want (-), found (+):\n%s", diff)
	}
}

func TestLoad_RefusesChannelsThatCannotBeTold(t *testing.T) {
	for name, c := range map[string]struct{ channel, says string }{
		"no kind":             {`{events: [promotion]}`, "expected one of webhook:, slack: and email:, found 0 of them"},
		"two kinds":           {`{slack: {url: "env:A"}, webhook: {url: "env:B"}}`, "found 2 of them"},
		"an unknown event":    {`{slack: {url: "env:A"}, events: [promotion.setled]}`, `did you mean "promotion.settled"?`},
		"no URL":              {`{slack: {url: "hooks.t0ken"}}`, "expected a URL such as"},
		"another scheme":      {`{webhook: {url: "ftp://t0ken"}}`, "expected a URL such as"},
		"a plain secret":      {`{webhook: {url: "env:A", secret: t0ken}}`, "expected env:NAME, file:PATH, exec:COMMAND or sops:FILE#KEY"},
		"a password in clear": {`{email: {smtp: "mail.test:25", from: a@b.test, to: [c@d.test], username: u, password: "env:P", starttls: false}}`, "would be sent in the open"},
		"no password":         {`{email: {smtp: "mail.test:25", from: a@b.test, to: [c@d.test], username: u}}`, "expected a password:"},
		"no mail server":      {`{email: {smtp: mail.test, from: a@b.test, to: [c@d.test]}}`, "expected a mail server such as mail.example:587"},
		"no mail address":     {`{email: {smtp: "mail.test:25", from: a@b.test, to: [nobody]}}`, "expected a mail address"},
		"nobody":              {`{email: {smtp: "mail.test:25", from: a@b.test, to: []}}`, "at least 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, map[string]string{config.FileName: toldShop + "notify:\n  chat: " + c.channel + "\n"})
			if understudy.KindOf(err) != understudy.KindInvalid || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "t0ken") {
				t.Errorf("found %v", err)
			}
		})
	}
}
