package seal

import (
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"understudy"
)

// caughtHeader marks every answer of a catcher, so that a canary knows where it ended.
const caughtHeader = "Understudy-Seal"

// webCatcher answers HTTP and HTTPS calls to anywhere.
type webCatcher struct {
	ledger *ledger
	names  *names
	places []place
}

func (c *webCatcher) server() *http.Server {
	return &http.Server{Handler: c, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: time.Minute, ErrorLog: silent()}
}

// ServeHTTP notes a call and answers as the integration says it would; nobody's calls
// are answered 200 with an empty JSON object.
func (c *webCatcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, size, err := readBody(r.Body)
	if err != nil { // the program broke off: what came is still what it tried
		size = int64(len(body))
	}
	host, port := plainHost(r.Host), 0
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		meant, at := c.names.hostOf(local)
		port = at
		if host == "" {
			host = meant
		}
	}
	answer, name := understudy.Answer{Status: http.StatusOK, Body: "{}"}, ""
	if p := match(c.places, KindHTTP, host, port, r.URL.Path); p != nil {
		name = p.Name
		answer = choose(p, r.Method, r.URL.Path, answer)
	}
	err = c.ledger.add(Capture{Kind: KindHTTP, Integration: name, Host: host, Method: r.Method, Path: r.URL.RequestURI(),
		Header: withoutCredentials(r.Header), Body: string(body), Size: size, Status: answer.Status})
	if err != nil {
		http.Error(w, "understudy: the call was caught but could not be written down", http.StatusInsufficientStorage)
		return
	}
	write(w, answer)
}

func write(w http.ResponseWriter, answer understudy.Answer) {
	w.Header().Set(caughtHeader, "caught")
	if strings.HasPrefix(strings.TrimSpace(answer.Body), "{") {
		w.Header().Set("Content-Type", "application/json")
	}
	for key, value := range answer.Header {
		w.Header().Set(key, value)
	}
	w.WriteHeader(answer.Status)
	_, _ = io.WriteString(w, answer.Body) // the program hung up, or the status has no body
}

// choose is the first answer that fits. An answer's path fits the path of the call, and
// the path below the integration's own address.
func choose(p *place, method, path string, otherwise understudy.Answer) understudy.Answer {
	for _, a := range p.Answers {
		if a.Method != "" && !strings.EqualFold(a.Method, method) {
			continue
		}
		if strings.HasPrefix(path, a.Path) || strings.HasPrefix(strings.TrimPrefix(path, p.prefix), a.Path) {
			if a.Status < 200 || a.Status > 599 {
				a.Status = http.StatusOK
			}
			return a
		}
	}
	return otherwise
}

// readBody keeps the beginning and counts the whole.
func readBody(from io.Reader) (kept []byte, size int64, err error) {
	kept, err = io.ReadAll(io.LimitReader(from, BodyLimit))
	if err != nil {
		return kept, int64(len(kept)), err
	}
	rest, err := io.Copy(io.Discard, from)
	return kept, int64(len(kept)) + rest, err
}
