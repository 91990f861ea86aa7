package main

import (
	"bytes"
	"encoding/xml"
	"net/http/httptest"
	"testing"
)

func TestFeeds_AnswerTheSameBytesEachTime(t *testing.T) {
	get := func(path string) (int, []byte) {
		w := httptest.NewRecorder()
		handler("http://127.0.0.1:1", 200).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		return w.Code, w.Body.Bytes()
	}
	_, one := get("/feed/1")
	_, again := get("/feed/1")
	_, two := get("/feed/2")
	if !bytes.Equal(one, again) || bytes.Equal(one, two) {
		t.Error("a feed should be equal to itself, and to no other")
	}
	var read rss
	if err := xml.Unmarshal(one, &read); err != nil || len(read.Channel.Items) != 200 {
		t.Errorf("expected 200 items, found %d (%v)", len(read.Channel.Items), err)
	}
	if code, _ := get("/feed/none"); code != 404 {
		t.Errorf("found %d", code)
	}
}
