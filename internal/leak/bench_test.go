package leak_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"understudy"
	"understudy/internal/leak"
)

// BenchmarkDetection20M is the promise in one run: of 20 million rows with an e-mail, a phone number
// and a name, masked and watched, one original is planted in the twin; it has to be found
// ten times of ten, at ten places, and nothing else may be. Rows: LEAK_ROWS, or 20 million.
func BenchmarkDetection20M(b *testing.B) {
	rows := 20_000_000
	if asked, err := strconv.Atoi(os.Getenv("LEAK_ROWS")); err == nil {
		rows = asked
	}
	for b.Loop() {
		detect(b, rows)
	}
}

func person(to []byte, i int) (row []byte, email, phone, name []byte) {
	to = fmt.Appendf(to[:0], "anna%d.muller%d@example.org", i*7919%1000, i)
	e := len(to)
	to = fmt.Appendf(to, "+49%010d", uint64(i)*2654435761%10_000_000_000)
	p := len(to)
	to = fmt.Appendf(to, "Anna%c Wolfgang%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26)
	return to, to[:e], to[e:p], to[p:]
}

func detect(b *testing.B, rows int) {
	bed := watching(b, rotated)
	var row, email, phone, name []byte
	for i := range rows {
		row, email, phone, name = person(row, i)
		for _, v := range []struct {
			column string
			value  []byte
		}{{"email", email}, {"phone", phone}, {"name", name}} {
			if _, err := bed.masks.Columns[v.column].Apply(v.value); err != nil {
				b.Fatal(err)
			}
		}
	}
	set, err := bed.watch.Seal(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer set.Close()
	bytes := scanTwin(b, set, rows)
	clean, found := 0, 0
	for _, f := range judged(b, set) {
		if f.Kind != understudy.LeakFound {
			continue
		}
		if len(f.Place) > 8 && f.Place[:8] == "planted." {
			found++
		} else {
			clean++
		}
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	b.ReportMetric(float64(found), "planted-found")
	b.ReportMetric(float64(clean), "false-alarms")
	b.ReportMetric(float64(memory.Sys)/(1<<20), "MB-memory")
	b.ReportMetric(float64(bytes)/(1<<20), "MB-scanned")
}

// scanTwin shows what a twin holds: the results, kept columns, and ten plants.
func scanTwin(b *testing.B, set *leak.Set, rows int) (bytes int64) {
	scanner := set.Scanner()
	shown := func(at *leak.Place, value []byte) {
		bytes += int64(len(value))
		if err := scanner.Value(at, value); err != nil {
			b.Fatal(err)
		}
	}
	var plants []*leak.Place
	for i := range 10 {
		plants = append(plants, set.Column(fmt.Sprintf("planted.t.c%d", i), []leak.Form{leak.Text, leak.JSON, leak.Binary}[i%3]))
	}
	columns := []*leak.Place{set.Column("public.people.email", leak.Text), set.Column("public.people.phone", leak.Text), set.Column("public.people.name", leak.Text)}
	kept, doc := set.Column("public.people.kept", leak.Text), set.Column("public.people.data", leak.JSON)
	var row, note []byte
	for i := range rows {
		var values [3][]byte
		row, values[0], values[1], values[2] = person(row, i)
		for j, value := range values {
			masked, _ := rotated(value)
			shown(columns[j], masked)
		}
		note = fmt.Appendf(note[:0], "Order %d of article SKU-%07d came to %d.%02d", i, i%50000, i%900, i%100)
		shown(kept, note)
		note = fmt.Appendf(note[:0], `{"path": "/p/%d", "session": "%016x", "tags": ["t%d"]}`, i%50000, uint64(i)*0x9E3779B97F4A7C15, i%20)
		shown(doc, note)
		if i%(rows/10+1) == 17 {
			_, mail, _, _ := person(nil, i)
			shown(plants[i/(rows/10+1)], fmt.Appendf(nil, "%q and %s", "see", mail))
		}
	}
	if err := scanner.Flush(); err != nil {
		b.Fatal(err)
	}
	return bytes
}

// BenchmarkScan is the speed of one scanner over kept text that holds nothing.
func BenchmarkScan(b *testing.B) {
	for _, kind := range []struct {
		name string
		form leak.Form
		text string
	}{
		{"text", leak.Text, "Please ring before delivery, the bell on the left side is broken; leave it at number 12 otherwise."},
		{"json", leak.JSON, `{"ua": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "ms": 1234, "path": "/p/123", "session": "0123456789abcdef0123456789abcdef"}`},
		{"bytes", leak.Binary, "\x00\x01\x17Please ring before delivery, the bell\x00\x00\x00 on the left side is broken"},
	} {
		b.Run(kind.name, func(b *testing.B) {
			bed := watching(b, rotated)
			var row, email, phone, name []byte
			for i := range 1_000_000 {
				row, email, phone, name = person(row, i)
				bed.masked(b, "email", string(email))
				bed.masked(b, "phone", string(phone))
				bed.masked(b, "name", string(name))
			}
			set, err := bed.watch.Seal(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer set.Close()
			scanner, at, text := set.Scanner(), set.Column("a.b.c", kind.form), []byte(kind.text)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if err := scanner.Value(at, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNote is what watching costs for one value, beside its mask.
func BenchmarkNote(b *testing.B) {
	bed := watching(b, func(value []byte) ([]byte, error) { return value[1:], nil })
	apply := bed.masks.Columns["email"].Apply
	var row, email []byte
	i := 0
	for b.Loop() {
		row, email, _, _ = person(row, i)
		if _, err := apply(email); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
