package featureflag

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// shopFlags has a flag of each type, and of each fate.
const shopFlags = `{
  "$schema": "https://flagd.dev/schema/v0/flags.json",
  "metadata": {},
  "$evaluators": {"gold": {"==": [{"var": "tier"}, "gold"]}},
  "flags": {
    "fast-checkout": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
      "targeting": {"if": [{"$ref": "gold"}, "on", null]}, "metadata": {"owner": "payments"}},
    "new-search": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on",
      "targeting": {"fractional": [["on", 50], ["off", 50]]}},
    "banner": {"state": "ENABLED", "variants": {"none": "", "summer": "Summer sale", "winter": "Winter sale"}, "defaultVariant": "none", "metadata": {"off": "none"}},
    "page-size": {"state": "ENABLED", "variants": {"small": 10, "large": 25}, "defaultVariant": "large"},
    "theme": {"state": "ENABLED", "variants": {"night": {"dark": true}, "day": {}}, "defaultVariant": "night"},
    "a/b c": {"state": "ENABLED", "variants": {"yes": true, "no": false}, "defaultVariant": "yes"},
    "retired": {"state": "DISABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"},
    "no-default": {"state": "ENABLED", "variants": {"a": "A"}, "defaultVariant": null},
    "broken": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": {"if": [{"<": [{"var": "tier"}, 5]}, "on"]}}
  }
}`

// asking is one request to a handler of shopFlags.
type asking struct {
	method, path, body string
	header             map[string]string
}

func parsed(t testing.TB, definition string) *Set {
	t.Helper()
	set, err := Parse([]byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func (a asking) of(t *testing.T, h http.Handler) *httptest.ResponseRecorder {
	t.Helper()
	if a.method == "" {
		a.method = http.MethodPost
	}
	r := httptest.NewRequest(a.method, a.path, strings.NewReader(a.body))
	r.Header.Set("Authorization", "Bearer the-token")
	for name, value := range a.header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestOneFlagIsAnsweredAsOFREPSays(t *testing.T) {
	h := NewHandler(NewLive(parsed(t, shopFlags)), "the-token", &Reads{})
	one := evaluatePath + "/"
	for name, c := range map[string]struct {
		asking
		status int
		body   string
	}{
		"a value with its variant":        {asking{path: one + "banner", body: `{"context":{"targetingKey":"u"}}`}, 200, `{"key":"banner","reason":"STATIC","value":"","variant":"none","metadata":{"off":"none"}}`},
		"by a rule":                       {asking{path: one + "fast-checkout", body: `{"context":{"tier":"gold"}}`}, 200, `{"key":"fast-checkout","reason":"TARGETING_MATCH","value":true,"variant":"on","metadata":{"owner":"payments"}}`},
		"the default, in a word of OFREP": {asking{path: one + "fast-checkout", body: `{"context":{}}`}, 200, `{"key":"fast-checkout","reason":"UNKNOWN","value":false,"variant":"off","metadata":{"owner":"payments"}}`},
		"no body at all":                  {asking{path: one + "page-size"}, 200, `{"key":"page-size","reason":"STATIC","value":25,"variant":"large"}`},
		"disabled":                        {asking{path: one + "retired", body: `{"context":{}}`}, 200, `{"key":"retired","reason":"DISABLED"}`},
		"no default variant":              {asking{path: one + "no-default", body: `{}`}, 200, `{"key":"no-default","reason":"UNKNOWN"}`},
		"a key with a slash":              {asking{path: one + "a/b%20c", body: `{}`}, 200, `{"key":"a/b c","reason":"STATIC","value":true,"variant":"yes"}`},
		"a slash that is escaped":         {asking{path: one + "a%2Fb%20c", body: `{}`}, 200, `{"key":"a/b c","reason":"STATIC","value":true,"variant":"yes"}`},
		"unknown":                         {asking{path: one + "nope", body: `{}`}, 404, `{"key":"nope","errorCode":"FLAG_NOT_FOUND","errorDetails":"there is no flag with this key"}`},
		"a rule that fails":               {asking{path: one + "broken", body: `{"context":{"tier":"gold"}}`}, 400, `{"key":"broken","errorCode":"GENERAL","errorDetails":"the rule calculates or compares with something that is no number"}`},
		"no JSON":                         {asking{path: one + "banner", body: `{"context":`}, 400, `{"key":"banner","errorCode":"PARSE_ERROR","errorDetails":"the request is no JSON"}`},
		"a context that is none":          {asking{path: one + "banner", body: `{"context":[1]}`}, 400, `{"key":"banner","errorCode":"INVALID_CONTEXT","errorDetails":"expected an object with the context, which is an object"}`},
		"a targeting key that is none":    {asking{path: one + "banner", body: `{"context":{"targetingKey":7}}`}, 400, `{"key":"banner","errorCode":"INVALID_CONTEXT","errorDetails":"expected targetingKey to be a string"}`},
		"too large":                       {asking{path: one + "banner", body: `{"context":{"a":"` + strings.Repeat("x", maxBody) + `"}}`}, 400, `{"key":"banner","errorCode":"INVALID_CONTEXT","errorDetails":"the request has more than 1 MiB"}`},
		"another method":                  {asking{method: "GET", path: one + "banner"}, 405, ""},
		"another path":                    {asking{path: "/ofrep/v1/other"}, 404, ""},
		"an API key":                      {asking{path: one + "page-size", header: map[string]string{"Authorization": "", "X-API-Key": "the-token"}}, 200, ""},
		"another token":                   {asking{path: one + "page-size", header: map[string]string{"Authorization": "Bearer other"}}, 401, ""},
		"no token":                        {asking{path: one + "page-size", header: map[string]string{"Authorization": ""}}, 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.of(t, h)
			if w.Code != c.status {
				t.Errorf("expected the status %d, got %d: %s", c.status, w.Code, w.Body)
			}
			if c.body != "" && w.Body.String() != c.body {
				t.Errorf("expected %s\n     got %s", c.body, w.Body)
			}
			if c.body != "" && w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("expected JSON, got %q", w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestNobodyIsLetInWithoutAToken(t *testing.T) {
	h := NewHandler(NewLive(parsed(t, shopFlags)), "", &Reads{})
	for _, authorization := range []string{"", "Bearer ", "Bearer"} {
		for _, path := range []string{evaluatePath, evaluatePath + "/banner", eventsPath + "?key="} {
			if w := (asking{path: path, header: map[string]string{"Authorization": authorization}}).of(t, h); w.Code != http.StatusUnauthorized {
				t.Errorf("%s with %q: expected 401, got %d", path, authorization, w.Code)
			}
		}
	}
}

func TestAllFlagsAreAnsweredAtOnce(t *testing.T) {
	live := NewLive(parsed(t, shopFlags))
	var reads Reads
	h := NewHandler(live, "the-token", &reads)
	all := asking{path: evaluatePath, body: `{"context":{"targetingKey":"u-1","tier":"gold"}}`}
	w := all.of(t, h)
	var answer struct {
		Flags []map[string]any `json:"flags"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
		t.Fatalf("%v: %d %s", err, w.Code, w.Body)
	}
	byKey := map[string]map[string]any{}
	for _, flag := range answer.Flags {
		byKey[flag["key"].(string)] = flag
	}
	if len(byKey) != 9 || byKey["fast-checkout"]["value"] != true || byKey["broken"]["errorCode"] != "GENERAL" || byKey["retired"]["value"] != nil {
		t.Errorf("expected an answer for each flag, failures among them, got %s", w.Body)
	}
	if _, bulk := reads.All(); bulk != 1 {
		t.Errorf("expected one reading of all flags, counted %d", bulk)
	}

	tag := w.Header().Get("ETag")
	for _, given := range []string{tag, "W/" + tag, strings.Trim(tag, `"`), `"other", ` + tag, "*"} {
		all.header = map[string]string{"If-None-Match": given}
		if w := all.of(t, h); w.Code != http.StatusNotModified || w.Body.Len() > 0 || w.Header().Get("ETag") != tag {
			t.Errorf("%s: expected 304 without a body, got %d %s", given, w.Code, w.Body)
		}
	}
	all.header = map[string]string{"If-None-Match": tag}
	other := all
	other.body = `{"context":{"targetingKey":"u-1"}}`
	if w := other.of(t, h); w.Code != 200 {
		t.Errorf("another context: expected other answers, got %d", w.Code)
	}
	changed, err := live.Set().With(map[string]Override{"banner": {Variant: "summer"}})
	if err != nil {
		t.Fatal(err)
	}
	live.Replace(changed)
	if w := all.of(t, h); w.Code != 200 || w.Header().Get("ETag") == tag || !strings.Contains(w.Body.String(), "Summer sale") {
		t.Errorf("after a change: expected the new answers, got %d %s", w.Code, w.Body)
	}
	all.body, all.header = `[]`, nil
	if w := all.of(t, h); w.Code != 400 || w.Body.String() != `{"errorCode":"INVALID_CONTEXT","errorDetails":"expected an object with the context, which is an object"}` {
		t.Errorf("expected the request to be refused, got %d %s", w.Code, w.Body)
	}
}

func TestAnEvaluationTooManyIsTurnedAway(t *testing.T) {
	h := NewHandler(NewLive(parsed(t, shopFlags)), "the-token", &Reads{})
	for range maxRequests {
		h.requests <- struct{}{}
	}
	w := asking{path: evaluatePath + "/banner"}.of(t, h)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" {
		t.Errorf("expected 429 with when to come back, got %d %v", w.Code, w.Header())
	}
	<-h.requests
	if w := (asking{path: evaluatePath + "/banner"}).of(t, h); w.Code != http.StatusOK {
		t.Errorf("expected an answer when there is room again, got %d", w.Code)
	}
}

func TestReadsCountOnlySoManyUnknownKeys(t *testing.T) {
	var reads Reads
	set := parsed(t, shopFlags)
	for i := range maxUnknown + 10 {
		key := strings.Repeat("k", i+1)
		reads.Read(key, set.Evaluate(key, nil))
	}
	for range 2 {
		reads.Read("banner", set.Evaluate("banner", nil))
		reads.Read("retired", set.Evaluate("retired", nil))
		reads.Read("broken", set.Evaluate("broken", map[string]any{"tier": "gold"}))
	}
	keys, _ := reads.All()
	if len(keys) != maxUnknown+3 {
		t.Errorf("expected %d keys, got %d", maxUnknown+3, len(keys))
	}
	known := map[string]KeyReads{}
	for _, k := range keys {
		if !k.Unknown {
			known[k.Key] = k
		}
	}
	expected := map[string]KeyReads{
		"banner":  {Key: "banner", Reads: 2, Variants: map[string]int{"none": 2}},
		"retired": {Key: "retired", Reads: 2, Variants: map[string]int{}, Defaults: 2},
		"broken":  {Key: "broken", Reads: 2, Variants: map[string]int{}, Errors: 2},
	}
	if !reflect.DeepEqual(known, expected) {
		t.Errorf("expected %+v, got %+v", expected, known)
	}
}

// slow is a body that ends before it should.
type slow struct{ io.Reader }

func (slow) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestARequestThatEndsEarlyIsRefused(t *testing.T) {
	h := NewHandler(NewLive(parsed(t, shopFlags)), "the-token", &Reads{})
	r := httptest.NewRequest(http.MethodPost, evaluatePath+"/banner", slow{bytes.NewReader(nil)})
	r.Header.Set("X-API-Key", "the-token")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "PARSE_ERROR") {
		t.Errorf("expected it to be refused, got %d %s", w.Code, w.Body)
	}
}

func TestEveryAnswerIsOfOneSetWhileSetsAreReplaced(t *testing.T) {
	off := parsed(t, `{"metadata":{"version":"1"},"flags":{"a":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off"}}}`)
	on := parsed(t, `{"metadata":{"version":"2"},"flags":{"a":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on"}}}`)
	live := NewLive(off)
	h := NewHandler(live, "the-token", &Reads{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 300 {
				switch body := (asking{path: evaluatePath + "/a"}).of(t, h).Body.String(); body {
				case `{"key":"a","reason":"STATIC","value":false,"variant":"off","metadata":{"version":"1"}}`:
				case `{"key":"a","reason":"STATIC","value":true,"variant":"on","metadata":{"version":"2"}}`:
				default:
					t.Errorf("expected one set's answer or the other's, got %s", body)
				}
			}
		})
	}
	for range 200 {
		changed := live.Changed()
		live.Replace(on)
		<-changed
		live.Replace(off)
	}
	readers.Wait()
}
