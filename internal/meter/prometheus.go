package meter

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"understudy"
)

// Prometheus is one server. Its zero value but for URL is ready.
type Prometheus struct {
	URL   string
	Token string // a bearer token; empty: none is sent. It is in no error
}

// longestAnswer bounds what a server may say: one value is asked for.
const longestAnswer = 1 << 20

// Query asks for the value of an instant query now. found is false where the server knows of
// no series that it could be the value of, and for NaN. Several series are an error: nobody
// could tell which is meant.
func (p Prometheus) Query(ctx context.Context, query string) (value float64, found bool, err error) {
	address := strings.TrimRight(p.URL, "/") + "/api/v1/query"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(url.Values{"query": {query}}.Encode()))
	if err != nil {
		return 0, false, understudy.Errorf(understudy.KindInvalid, "asking Prometheus: its address cannot be used")
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if p.Token != "" {
		request.Header.Set("Authorization", "Bearer "+p.Token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}, CheckRedirect: stay}
	response, err := client.Do(request)
	if err != nil {
		return 0, false, understudy.Errorf(understudy.KindUnavailable, "Prometheus at %s does not answer: %s", request.URL.Host, p.without(cause(err)))
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	if closed := response.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return 0, false, understudy.Errorf(understudy.KindUnavailable, "Prometheus at %s broke off its answer", request.URL.Host)
	}
	return p.read(request.URL.Host, response.StatusCode, raw)
}

// stay follows no redirection: the token is for this server.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// cause leaves the address out, which url.Error puts before what happened.
func cause(err error) string {
	if u, is := err.(*url.Error); is {
		return u.Err.Error()
	}
	return err.Error()
}

// without takes the token out of what somebody else has said.
func (p Prometheus) without(text string) string {
	if p.Token == "" {
		return text
	}
	return strings.ReplaceAll(text, p.Token, "[secret]")
}

// answer is what the HTTP API documents.
type answer struct {
	Status string `json:"status"`
	Error  string `json:"error"`
	Data   struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
	} `json:"data"`
}

// sample is a moment and a value, which is a text.
type sample [2]any

func (p Prometheus) read(host string, status int, raw []byte) (float64, bool, error) {
	var a answer
	err := json.Unmarshal(raw, &a)
	switch {
	case err == nil && a.Status == "error":
		return 0, false, understudy.Errorf(understudy.KindInvalid, "Prometheus at %s refused the query: %s", host, p.without(a.Error))
	case status != http.StatusOK:
		return 0, false, understudy.Errorf(understudy.KindUnavailable, "Prometheus at %s answered with status %d", host, status)
	case err != nil || a.Status != "success":
		return 0, false, understudy.Errorf(understudy.KindUnavailable, "%s answered something that Prometheus does not say", host)
	}
	var samples []sample
	switch a.Data.Type {
	case "scalar":
		var one sample
		err = json.Unmarshal(a.Data.Result, &one)
		samples = []sample{one}
	case "vector":
		var series []struct {
			Value sample `json:"value"`
		}
		err = json.Unmarshal(a.Data.Result, &series)
		for _, s := range series {
			samples = append(samples, s.Value)
		}
	default:
		return 0, false, understudy.Errorf(understudy.KindInvalid, "the query gives a %s; expected one value", a.Data.Type)
	}
	switch {
	case err != nil:
		return 0, false, understudy.Errorf(understudy.KindUnavailable, "%s answered something that Prometheus does not say", host)
	case len(samples) == 0:
		return 0, false, nil
	case len(samples) > 1:
		return 0, false, understudy.Errorf(understudy.KindInvalid, "the query gives %d series; expected one value, as of sum(…)", len(samples))
	}
	text, _ := samples[0][1].(string)
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, false, understudy.Errorf(understudy.KindUnavailable, "%s answered something that Prometheus does not say", host)
	}
	return value, !math.IsNaN(value), nil
}

// Fill puts values in for their names in {{ }}, as texts inside quotes may hold them.
func Fill(query string, values map[string]string) string {
	for name, value := range values {
		quoted := strconv.Quote(value)
		query = strings.ReplaceAll(query, "{{"+name+"}}", quoted[1:len(quoted)-1])
	}
	return query
}
