package daemon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/api"
)

// flagsOf declares boolean flags that are on, but for gift.
func flagsOf(keys ...string) string {
	flags := map[string]any{}
	for _, key := range keys {
		def := "on"
		if key == "gift" {
			def = "off"
		}
		flags[key] = map[string]any{"state": "ENABLED", "variants": map[string]bool{"on": true, "off": false}, "defaultVariant": def}
	}
	raw, err := json.Marshal(map[string]any{"flags": flags})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// flagsAreSet holds a change of flags to what is asked of it: a reason, the version that was
// seen, a variant that there is.
func (h *house) flagsAreSet(t *testing.T) {
	t.Helper()
	set := func(change api.SetFlag) (api.EnvironmentFlags, error) {
		change.Environment, change.By = "production", "ops"
		return h.SetFlag(limited(t), change)
	}
	_, err := set(api.SetFlag{Key: "cart", Variant: "off"})
	refused(t, err, understudy.KindInvalid, "needs a reason", "--reason")
	_, err = set(api.SetFlag{Key: "cart", Variant: "purple", Reason: "x"})
	refused(t, err, understudy.KindInvalid, `no variant "purple"`, "off, on")
	_, err = set(api.SetFlag{Key: "card", Variant: "off", Reason: "x"})
	refused(t, err, understudy.KindNotFound, `no release declares a flag "card"`, "cart")
	flags, err := set(api.SetFlag{Key: "cart", Variant: "off", Reason: "too slow", Expect: new(int64)})
	check(t, err)
	if flags.Version != 1 || flags.Flags[0].Now != "off" || len(flags.Served) != 1 || flags.Served[0].Version != 1 || h.production1(t, "/flag/cart") != "false" {
		t.Errorf("after it was set: %+v; production says %s", flags, h.production1(t, "/flag/cart"))
	}
	_, err = set(api.SetFlag{Key: "cart", Variant: "on", Reason: "x", Expect: new(int64)})
	refused(t, err, understudy.KindConflict, "version 1, expected version 0: cart is off, set by ops")
	if flags, err = set(api.SetFlag{Key: "cart", Reason: "mended", Expect: &flags.Version}); err != nil || h.production1(t, "/flag/cart") != "true" {
		t.Errorf("as declared again: %+v, %v", flags, err)
	}
	var acts []string
	check(t, h.JournalEntries(limited(t), 1, func(e understudy.Entry) error {
		if e.Act == "flag.set" {
			acts = append(acts, fmt.Sprintf("%s %s %s=%s for %s", e.Actor, e.Subject, e.Facts["flag"], e.Facts["variant"], e.Reason))
		}
		return nil
	}))
	if want := []string{"ops production cart=off for too slow", "ops production cart= for mended"}; !slices.Equal(acts, want) {
		t.Errorf("the journal says %q", acts)
	}
}

// production1 is what production answers.
func (h *house) production1(t *testing.T, path string) string {
	t.Helper()
	said, err := said("http://" + h.production + path)
	check(t, err)
	return said
}

func said(address string) (string, error) {
	response, err := http.Get(address)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	return string(body), errors.Join(err, response.Body.Close())
}

// flagsWereRehearsed looks at what the check found, and sets in production a combination that
// passed: the verdict still holds.
func (h *house) flagsWereRehearsed(t *testing.T, r understudy.Rehearsal) {
	t.Helper()
	done, _ := r.Done(understudy.CheckFlags)
	t.Logf("flags took %s: %s", done.Took.Round(time.Millisecond), done.Summary)
	if !strings.Contains(done.Summary, "new: gift; 3 of 3 combinations passed") || len(done.Findings) > 0 {
		t.Errorf("%s: %s\n%+v", done.Outcome, done.Summary, done.Findings)
	}
	flags, err := h.SetFlag(limited(t), api.SetFlag{Environment: "production", Key: "gift", Variant: "on", By: "ops", Reason: "ahead of its release"})
	check(t, err)
	if !slices.Equal(flags.Ignored, []string{"gift"}) {
		t.Errorf("the release that runs does not declare it: %+v", flags)
	}
	e, err := h.ExplainPolicy(limited(t), api.Promote{Release: "good", By: "ops"})
	check(t, err)
	if !e.May {
		t.Errorf("a combination that passed may not be promoted to: %+v", e.Missing())
	}
	_, err = h.SetFlag(limited(t), api.SetFlag{Environment: "staging", Key: "cart", Variant: "off", By: "ops"})
	check(t, err)
	diff, err := h.DiffFlags(limited(t), "production", "staging")
	if err != nil || len(diff) == 0 {
		t.Errorf("production and staging differ in %+v, %v", diff, err)
	}
}

// killsAFlagInBothReleases turns a flag off once two releases serve production, and says what
// was wrong with how soon both had it.
func (h *house) killsAFlagInBothReleases() <-chan error {
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), tryFor)
	go func() {
		defer cancel()
		ended <- h.killFlag(ctx)
	}()
	return ended
}

func (h *house) killFlag(ctx context.Context) error {
	var both []string
	for len(both) < 2 {
		both = nil
		all, err := h.Status(ctx)
		if err != nil {
			return err
		}
		for _, e := range all {
			for _, d := range e.Deployments {
				if e.Environment.Name == "production" && d.Percent > 0 {
					both = append(both, strings.Replace(d.Services[0].Address, "tcp:", "http://", 1)+"/flag/cart")
				}
			}
		}
	}
	fastest := tryFor
	for range 5 { // the machine may have much else to do
		took, err := h.switchOff(ctx, both)
		if err != nil {
			return err
		}
		if fastest = min(fastest, took); fastest < time.Second {
			return nil
		}
	}
	return fmt.Errorf("the kill switch took %s", fastest)
}

// switchOff turns a flag off, after it was on, and says how long it took until every address
// had it so.
func (h *house) switchOff(ctx context.Context, addresses []string) (time.Duration, error) {
	if _, err := h.SetFlag(ctx, api.SetFlag{Environment: "production", Key: "cart", Variant: "on", By: "ops", Reason: "to be turned off"}); err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := h.SetFlag(ctx, api.SetFlag{Environment: "production", Key: "cart", Off: true, By: "ops"}); err != nil {
		return 0, err
	}
	for _, address := range addresses {
		if now, err := said(address); err != nil || now != "false" {
			return 0, fmt.Errorf("after the switch, %s says %q: %w", address, now, err)
		}
	}
	return time.Since(began), nil
}

func TestRelease_WithFlagsThatFlagdWouldNotTakeIsRefusedByFileAndPlace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.flags = map[string]string{"old": `{"flags": {"cart": {"state": "ON", "variants": {"on": true}}}}`}
	h.open(t)
	_, err := h.CreateRelease(limited(t), api.CreateRelease{Label: "old", From: h.source(t, "old"), By: "dev"})
	refused(t, err, understudy.KindInvalid, filepath.Join("src", "old", "flags.json"), "flags.cart.state")
	check(t, os.Remove(filepath.Join(h.project, "src", "old", "flags.json")))
	_, err = h.CreateRelease(limited(t), api.CreateRelease{Label: "old", From: filepath.Join(h.project, "src", "old"), By: "dev"})
	refused(t, err, understudy.KindInvalid, "no such file", "understudy.yaml")
}
