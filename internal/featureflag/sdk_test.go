package featureflag

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"os/exec"
	"reflect"
	"testing"
	"time"
)

// details are what the SDK says of one flag.
type details struct {
	Value    any            `json:"value"`
	Reason   string         `json:"reason"`
	Variant  string         `json:"variant"`
	Code     string         `json:"errorCode"`
	Metadata map[string]any `json:"flagMetadata"`
}

func TestTheStockSDKReadsFlagsOverOFREP(t *testing.T) {
	set, err := Parse([]byte(shopFlags))
	if err != nil {
		t.Fatal(err)
	}
	if set, err = set.With(map[string]Override{"new-search": {Off: true}, "banner": {Variant: "winter"}}); err != nil {
		t.Fatal(err)
	}
	var reads Reads
	server := httptest.NewServer(NewHandler(NewLive(set), "the-token", &reads))
	defer server.Close()
	vip := map[string]any{"targetingKey": "u-1", "tier": "gold"}
	cases := []struct {
		Key      string         `json:"key"`
		Default  any            `json:"default"`
		Context  map[string]any `json:"context"`
		expected details
	}{
		{"fast-checkout", false, vip, details{true, "TARGETING_MATCH", "on", "", map[string]any{"owner": "payments"}}},
		{"fast-checkout", true, map[string]any{"targetingKey": "u-1"}, details{false, "UNKNOWN", "off", "", map[string]any{"owner": "payments"}}},
		{"new-search", true, vip, details{false, "STATIC", "off", "", map[string]any{}}}, // turned off by the environment: an ordinary answer
		{"banner", "none", vip, details{"Winter sale", "STATIC", "winter", "", map[string]any{"off": "none"}}},
		{"page-size", 10.0, vip, details{25.0, "STATIC", "large", "", map[string]any{}}},
		{"theme", map[string]any{}, vip, details{map[string]any{"dark": true}, "STATIC", "night", "", map[string]any{}}},
		{"a/b c", false, vip, details{true, "STATIC", "yes", "", map[string]any{}}},
		{"retired", true, vip, details{true, "ERROR", "", "GENERAL", map[string]any{}}},        // disabled, without a value: this SDK falls back
		{"no-default", "code", vip, details{"code", "ERROR", "", "GENERAL", map[string]any{}}}, // likewise
		{"unheard-of", true, vip, details{true, "ERROR", "", "FLAG_NOT_FOUND", map[string]any{}}},
		{"page-size", "text", vip, details{"text", "ERROR", "", "TYPE_MISMATCH", map[string]any{}}},
		{"broken", false, vip, details{false, "ERROR", "", "GENERAL", map[string]any{}}},
	}
	input, err := json.Marshal(map[string]any{"baseUrl": server.URL, "token": "the-token", "asks": cases})
	if err != nil {
		t.Fatal(err)
	}
	node := exec.Command("node", "sdk.cjs")
	node.Dir, node.Stdin = oracles(t), bytes.NewReader(input)
	out, err := node.Output()
	if err != nil {
		t.Fatalf("running the SDK: %v", err)
	}
	var got []details
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		if !reflect.DeepEqual(got[i], c.expected) {
			t.Errorf("%s for %v: expected %+v, got %+v", c.Key, c.Context, c.expected, got[i])
		}
	}
	keys, _ := reads.All()
	if len(keys) != 10 || !keys[9].Unknown || keys[9].Key != "unheard-of" {
		t.Errorf("expected the reads of 10 keys to be counted, one of them unknown, got %+v", keys)
	}
}

func TestTheStockSDKForTheWebHearsOfChanges(t *testing.T) {
	live := NewLive(parsed(t, shopFlags))
	var reads Reads
	h := NewHandler(live, "the-token", &reads)
	server := httptest.NewServer(h)
	defer server.Close()
	defer h.Close()
	question, err := json.Marshal(map[string]any{
		"baseUrl": server.URL, "token": "the-token", "context": map[string]any{"targetingKey": "u-1", "tier": "gold"},
		"asks": []map[string]any{
			{"key": "fast-checkout", "default": false}, {"key": "banner", "default": "none"}, {"key": "retired", "default": true},
			{"key": "no-default", "default": "code"}, {"key": "broken", "default": true}, {"key": "unheard-of", "default": 7},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	limited, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // else it would wait for ever for a change that is not told
	defer cancel()
	node := exec.CommandContext(limited, "node", "web.cjs", string(question))
	node.Dir = oracles(t)
	page := startedPage(t, node)
	expected := []details{
		{true, "TARGETING_MATCH", "on", "", map[string]any{"owner": "payments"}},
		{"", "STATIC", "none", "", map[string]any{"off": "none"}},
		{true, "DISABLED", "", "", map[string]any{}}, // newer SDKs know that there may be no value
		{"code", "UNKNOWN", "", "", map[string]any{}},
		{true, "ERROR", "", "GENERAL", map[string]any{}},
		{7.0, "ERROR", "", "FLAG_NOT_FOUND", map[string]any{}},
	}
	if got := page.next(t); !reflect.DeepEqual(got, expected) {
		t.Errorf("expected %+v\n     got %+v", expected, got)
	}
	for _, variant := range []string{"summer", "winter"} {
		changed, err := live.Set().With(map[string]Override{"banner": {Variant: variant}})
		if err != nil {
			t.Fatal(err)
		}
		live.Replace(changed)
		if got := page.next(t); got[1].Variant != variant || got[0].Variant != "on" {
			t.Errorf("expected the page to have heard of %s, got %+v", variant, got)
		}
	}
	page.close(t)
}

// webPage is web.cjs, running.
type webPage struct {
	lines *json.Decoder
	close func(*testing.T)
}

func startedPage(t *testing.T, node *exec.Cmd) webPage {
	t.Helper()
	input, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	return webPage{json.NewDecoder(output), func(t *testing.T) {
		t.Helper()
		if err := input.Close(); err != nil {
			t.Error(err)
		}
		if err := node.Wait(); err != nil {
			t.Error(err)
		}
	}}
}

func (p webPage) next(t *testing.T) []details {
	t.Helper()
	var said []details
	if err := p.lines.Decode(&said); err != nil {
		t.Fatalf("the page said nothing more: %v", err)
	}
	return said
}
