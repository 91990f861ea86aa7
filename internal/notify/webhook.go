package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"understudy"
)

// hook is the form of a message to a webhook.
type hook struct {
	Type      string             `json:"type"`
	Timestamp time.Time          `json:"timestamp"`
	Data      understudy.Message `json:"data"`
}

func (k Couriers) toWebhook(ctx context.Context, w understudy.Webhook, m understudy.Message) error {
	body, err := json.Marshal(hook{m.Event, m.At, m})
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "writing a message: %w", err)
	}
	id, at := MessageID(m), time.Now()
	header := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}}
	if w.Secret != "" {
		secret, err := k.Secret(ctx, w.Secret)
		if err != nil {
			return err
		}
		signature, err := Sign(secret, id, at, body)
		if err != nil {
			return err
		}
		header["Webhook-Signature"] = []string{signature}
	}
	return k.post(ctx, w.URL, header, body)
}

// MessageID names a message to whoever receives it, each time that it is sent.
func MessageID(m understudy.Message) string {
	return fmt.Sprintf("msg_%d_%s", m.Entry, m.Head.Short())
}

// Sign is the signature of a body as Standard Webhooks lays it down: HMAC-SHA256 over ID,
// time and body. A secret that begins with whsec_ is the key in base64, any other is the key
// itself.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key := []byte(secret)
	if coded, is := strings.CutPrefix(secret, "whsec_"); is {
		var err error
		if key, err = base64.StdEncoding.DecodeString(coded); err != nil {
			return "", understudy.Errorf(understudy.KindInvalid, "the webhook's secret begins with whsec_, and what follows is no base64")
		}
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%d.%s", id, at.Unix(), body) // a hash takes everything
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
