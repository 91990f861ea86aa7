package notify

import (
	"context"
	"fmt"
	"strings"

	"understudy"
)

// toSlack sends a message as its incoming webhooks take it, and others as well: a text.
func (k Couriers) toSlack(ctx context.Context, s understudy.Slack, m understudy.Message) error {
	text := fmt.Sprintf("*%s*: %s", plain(m.Application), plain(m.Text))
	if m.See != "" {
		text += fmt.Sprintf("\n`%s`", plain(m.See))
	}
	text += fmt.Sprintf("\nentry %d, %s", m.Entry, m.Head)
	return k.post(ctx, s.URL, nil, map[string]string{"text": text})
}

// plain takes from a text what its form would take for links and mentions.
func plain(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "'").Replace(text)
}
