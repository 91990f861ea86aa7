package meter_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/meter"
)

// answers are what Prometheus 2.42 was seen to answer to these queries.
func answers() map[string]string {
	return map[string]string{
		"sum(up)":                       `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795881150.779,"1"]}]}}`,
		"1+1":                           `{"status":"success","data":{"resultType":"scalar","result":[1795881150.849,"2"]}}`,
		"nosuch":                        `{"status":"success","data":{"resultType":"vector","result":[]}}`,
		"sum(up)/0 - sum(up)/0":         `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795881151.064,"NaN"]}]}}`,
		"sum(up)/0":                     `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795881151.321,"+Inf"]}]}}`,
		"up":                            `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"job":"a"},"value":[1,"1"]},{"metric":{"job":"b"},"value":[1,"1"]}]}}`,
		"up[5s]":                        `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","instance":"127.0.0.1:19090","job":"self"},"values":[[1795881149.446,"1"],[1795881150.450,"1"]]}]}}`,
		`"text"`:                        `{"status":"success","data":{"resultType":"string","result":[1795881151.263,"text"]}}`,
		"up{":                           `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces"}`,
		"a proxy says":                  `<html>bad gateway</html>`,
		"it tells the token in a fault": `{"status":"error","errorType":"internal","error":"token sesame-open is not known"}`,
	}
}

// server speaks the answers, and only to who brings the token.
func server(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.FormValue("query")
		said, known := answers()[query]
		switch {
		case r.URL.Path != "/base/api/v1/query" || !known:
			http.NotFound(w, r)
		case r.Header.Get("Authorization") != "Bearer sesame-open":
			http.Error(w, "no", http.StatusUnauthorized)
		case strings.Contains(said, `"status":"error"`):
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, said)
		case query == "a proxy says":
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, said)
		default:
			fmt.Fprint(w, said)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/base/"
}

func TestQuery_TellsAValueFromNoValueFromNoAnswer(t *testing.T) {
	p := meter.Prometheus{URL: server(t), Token: "sesame-open"}
	for query, want := range map[string]struct {
		value string
		found bool
		kind  understudy.Kind
		says  string
	}{
		"sum(up)":                       {value: "1", found: true},
		"1+1":                           {value: "2", found: true},
		"sum(up)/0":                     {value: "+Inf", found: true},
		"nosuch":                        {value: "0"},
		"sum(up)/0 - sum(up)/0":         {value: "NaN"},
		"up":                            {kind: understudy.KindInvalid, says: "the query gives 2 series; expected one value"},
		"up[5s]":                        {kind: understudy.KindInvalid, says: "the query gives a matrix"},
		`"text"`:                        {kind: understudy.KindInvalid, says: "the query gives a string"},
		"up{":                           {kind: understudy.KindInvalid, says: "unexpected end of input inside braces"},
		"a proxy says":                  {kind: understudy.KindUnavailable, says: "status 502"},
		"nothing is there":              {kind: understudy.KindUnavailable, says: "status 404"},
		"it tells the token in a fault": {kind: understudy.KindInvalid, says: "token [secret] is not known"},
	} {
		value, found, err := p.Query(t.Context(), query)
		if want.kind != "" {
			if understudy.KindOf(err) != want.kind || !strings.Contains(err.Error(), want.says) || found {
				t.Errorf("%s: %v, want %s (%s)", query, err, want.kind, want.says)
			}
			continue
		}
		if err != nil || found != want.found || fmt.Sprint(value) != want.value {
			t.Errorf("%s: %v, found %t, %v", query, value, found, err)
		}
	}
}

func TestQuery_WithoutTheTokenOrTheServerIsNoValueAndShowsNoSecret(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for claim, p := range map[string]meter.Prometheus{
		"another token":               {URL: server(t), Token: "wrong-token"},
		"no server":                   {URL: gone.URL, Token: "wrong-token"},
		"a silent one":                {URL: "http://" + silent.Addr().String(), Token: "wrong-token"},
		"no address":                  {URL: "http://user:wrong-token@[", Token: "wrong-token"},
		"a token that cannot be sent": {URL: gone.URL, Token: "wrong-token\n"},
	} {
		_, found, err := p.Query(ctx, "sum(up)")
		if err == nil || found || strings.Contains(err.Error(), "wrong-token") {
			t.Errorf("%s: found %t, %v", claim, found, err)
		}
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Error("the silent server answered")
	}
}

func TestFill_PutsNamesInWithoutBreakingOutOfQuotes(t *testing.T) {
	got := meter.Fill(`rate(x{release="{{release}}"}[{{window}}]) {{other}}`, map[string]string{"release": `v"2\`, "window": "30s"})
	if want := `rate(x{release="v\"2\\"}[30s]) {{other}}`; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
}
