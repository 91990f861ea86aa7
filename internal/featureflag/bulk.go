package featureflag

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// inactivityDelay is after how many seconds a client nobody looks at gives up its events.
const inactivityDelay = 120

// eventStream is OFREP's: where a client hears of changes. The address has no origin: it is
// the one that the client knows, whatever stands between.
type eventStream struct {
	Type     string `json:"type"`
	Endpoint struct {
		RequestURI string `json:"requestUri"`
	} `json:"endpoint"`
	InactivityDelay int `json:"inactivityDelaySec"`
}

// evaluateAll answers for all flags. The ETag is of the answers and not of the definition:
// with the same one, each flag has the same answer for this context.
func (h *Handler) evaluateAll(w http.ResponseWriter, r *http.Request) {
	context, bad := readContext(w, r)
	if bad != nil {
		write(w, http.StatusBadRequest, encode(bad))
		return
	}
	set, now := h.source.Set(), time.Now()
	h.observer.ReadAll()
	body := append(make([]byte, 0, 256*len(set.keys)), `{"flags":[`...)
	for i, key := range set.keys {
		if i > 0 {
			body = append(body, ',')
		}
		f := set.flags[key]
		body = f.appendAnswer(body, f.evaluate(context, now))
	}
	body = append(append(body, `],"metadata":`...), encode(set.metadata)...)
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	w.Header()["Etag"] = []string{tag}
	w.Header()["Cache-Control"] = []string{"no-store"} // it has the address of the events
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body = append(append(body, `,"eventStreams":`...), encode([]eventStream{h.eventStream(r, set)})...)
	write(w, http.StatusOK, append(body, '}'))
}

// matches compares as RFC 9110 says, and takes the tag without quotes too, which some send.
func matches(given []string, tag string) bool {
	return slices.ContainsFunc(strings.Split(strings.Join(given, ","), ","), func(one string) bool {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		return one == "*" || one == tag || one == strings.Trim(tag, `"`)
	})
}

// eventStream says which set the client has seen, so that no change between the two requests
// is lost on it.
func (h *Handler) eventStream(r *http.Request, seen *Set) eventStream {
	prefix, _, _ := strings.Cut(r.RequestURI, evaluatePath) // where somebody put the handler
	stream := eventStream{Type: "sse", InactivityDelay: inactivityDelay}
	stream.Endpoint.RequestURI = prefix + eventsPath + "?" + url.Values{"key": {h.events}, "seen": {tagOf(seen)}}.Encode()
	return stream
}

// tagOf names a set's content in events.
func tagOf(set *Set) string { return set.digest.Hex()[:32] }
