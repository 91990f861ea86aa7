package supervisor_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"understudy"
	"understudy/internal/runtime/process"
	"understudy/internal/supervisor"
)

// askFlag asks for a flag as its environment says, and writes what it is answered.
func askFlag(key, token string) error {
	request, err := http.NewRequest(http.MethodPost, os.Getenv("OFREP_ENDPOINT")+"/ofrep/v1/evaluate/flags/"+key, strings.NewReader(`{"context":{"targetingKey":"ann"}}`))
	if err != nil {
		return err
	}
	name, value, _ := strings.Cut(os.Getenv("OFREP_HEADERS"), "=")
	if token != "" {
		value = token
	}
	request.Header.Set(name, value)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var said struct{ Value any }
	_ = json.Unmarshal(body, &said) // one who is refused is told nothing
	fmt.Print(response.StatusCode, " ", said.Value)
	return response.Body.Close()
}

const cartFlag = `{"flags": {"cart": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}}}`

func order(t *testing.T, version int64, set understudy.FlagValues) supervisor.FlagSet {
	t.Helper()
	return supervisor.FlagSet{Version: version, Definition: json.RawMessage(cartFlag), Set: set}
}

func encoded(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestFlags_AreServedInsideTheSealFromMemoryAndNeverGoBack(t *testing.T) {
	r, spec, _ := sealed(t)
	spec.Flags = encoded(t, supervisor.FlagOrder{Token: "the-token-of-staging", FlagSet: order(t, 3, nil)})
	if err := r.Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if err := r.Ready(t.Context(), spec.ID); err != nil {
		t.Fatal(err)
	}
	asks := func(args ...string) string {
		var out, complaint bytes.Buffer
		if status, err := r.Exec(t.Context(), spec.ID, process.Command{Args: append([]string{"shop", "flag"}, args...)}, nil, &out, &complaint); err != nil || status != 0 {
			t.Fatalf("asking for %v: %d, %v: %s", args, status, err, &complaint)
		}
		return out.String()
	}
	for _, c := range []struct {
		claim string
		order json.RawMessage
		kind  understudy.Kind // of the refusal
		now   string
		is    int64
	}{
		{"as declared", nil, "", "200 true", 3},
		{"turned off", encoded(t, order(t, 4, understudy.FlagValues{"cart": "off"})), "", "200 false", 4},
		{"half an order", encoded(t, order(t, 5, nil))[:40], understudy.KindInvalid, "200 false", 4},
		{"a variant that there is not", encoded(t, order(t, 5, understudy.FlagValues{"cart": "purple"})), understudy.KindNotFound, "200 false", 4},
		{"one that was overtaken", encoded(t, order(t, 3, nil)), "", "200 false", 4},
		{"of a newer daemon, which says more", json.RawMessage(strings.Replace(string(encoded(t, order(t, 6, nil))), "{", `{"more": 1, `, 1)), "", "200 true", 6},
	} {
		if c.order != nil {
			if _, err := r.SetFlags(t.Context(), spec.ID, c.order); (c.kind == "") != (err == nil) || err != nil && understudy.KindOf(err) != c.kind {
				t.Errorf("%s: %v", c.claim, err)
			}
		}
		raw, err := r.Flags(t.Context(), spec.ID)
		var served supervisor.FlagsServed
		if err != nil || json.Unmarshal(raw, &served) != nil || served.Version != c.is || asks("cart") != c.now {
			t.Errorf("%s: %s, %v; it answers %s, want %s of version %d", c.claim, raw, err, asks("cart"), c.now, c.is)
		}
		if strings.Contains(string(raw), "the-token") {
			t.Errorf("%s: the token is shown: %s", c.claim, raw)
		}
	}
	if said := asks("ghost"); !strings.HasPrefix(said, "404") {
		t.Errorf("an unknown flag: %s", said)
	}
	if said := asks("cart", "Bearer the-token-of-production"); !strings.HasPrefix(said, "401") {
		t.Errorf("with another environment's token: %s", said)
	}
	raw, err := r.Flags(t.Context(), spec.ID)
	if err != nil || !strings.Contains(string(raw), `"key":"ghost","unknown":true,"reads":1`) {
		t.Errorf("what was read: %s, %v", raw, err)
	}
}
