// Command feeds is the world outside of the Miniflux example: a web server on loopback
// with any number of RSS feeds, /feed/1, /feed/2 and so on. The same address answers the
// same bytes each time, so that what changes is the reader's doing.
package main

import (
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:18190", "where to listen")
	items := flag.Int("items", 200, "items in each feed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen, *items); err != nil {
		fmt.Fprintln(os.Stderr, "feeds:", err)
		os.Exit(1)
	}
}

// serve answers until ctx ends.
func serve(ctx context.Context, listen string, items int) error {
	server := &http.Server{Addr: listen, Handler: handler("http://"+listen, items), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // readers come again
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("listening on %s: %w", listen, err)
	}
	return nil
}

func handler(base string, items int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /feed/{number}", func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(r.PathValue("number"))
		if err != nil || number < 1 {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/rss+xml")
		_, _ = w.Write(document(base, number, items)) // who asked may be gone
	})
	return mux
}

type rss struct {
	XMLName xml.Name `xml:"rss"`
	Version string   `xml:"version,attr"`
	Channel channel  `xml:"channel"`
}

type channel struct {
	Title string `xml:"title"`
	Link  string `xml:"link"`
	Items []item `xml:"item"`
}

type item struct {
	Title       string    `xml:"title"`
	Link        string    `xml:"link"`
	GUID        string    `xml:"guid"`
	Author      string    `xml:"author"`
	Published   string    `xml:"pubDate"`
	Description string    `xml:"description"`
	Enclosure   enclosure `xml:"enclosure"`
}

type enclosure struct {
	URL    string `xml:"url,attr"`
	Length int    `xml:"length,attr"`
	Type   string `xml:"type,attr"`
}

// document is one feed, newest item first.
func document(base string, number, items int) []byte {
	feed := rss{Version: "2.0", Channel: channel{
		Title: fmt.Sprintf("Gazette %d", number), Link: fmt.Sprintf("%s/site/%d", base, number),
	}}
	for i := items; i > 0; i-- {
		feed.Channel.Items = append(feed.Channel.Items, article(base, number, i))
	}
	raw, err := xml.Marshal(feed)
	if err != nil { // strings and numbers have an XML form
		panic(err)
	}
	return append([]byte(xml.Header), raw...)
}

// article is one item; everything in it follows from its two numbers.
func article(base string, feed, number int) item {
	chance := rand.New(rand.NewPCG(uint64(feed), uint64(number)))
	link := fmt.Sprintf("%s/site/%d/%d", base, feed, number)
	published := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(number*20+feed) * time.Minute)
	return item{
		Title: sentence(chance, 5), Link: link, GUID: link, Author: word(chance) + "@gazette.example (" + word(chance) + ")",
		Published:   published.Format(time.RFC1123Z),
		Description: "<p>" + sentence(chance, 60) + "</p><p>" + sentence(chance, 80) + "</p>",
		Enclosure:   enclosure{URL: link + "/sound.mp3", Length: 1000 + chance.IntN(9_000_000), Type: "audio/mpeg"},
	}
}

func sentence(chance *rand.Rand, words int) string {
	var out []string
	for range words {
		out = append(out, word(chance))
	}
	return strings.Join(out, " ")
}

func word(chance *rand.Rand) string {
	syllables := []string{"ba", "den", "fi", "gor", "hal", "ki", "lum", "mo", "nar", "pe", "ri", "sol", "tu", "ven"}
	var out strings.Builder
	for range 1 + chance.IntN(3) {
		out.WriteString(syllables[chance.IntN(len(syllables))])
	}
	return out.String()
}
