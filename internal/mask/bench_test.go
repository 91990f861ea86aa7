package mask

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"understudy"
)

// mixColumn is one column of the mix: a mask, a type, and values.
type mixColumn struct {
	rule   Rule
	typ    string
	values [][]byte
}

// mixRows is how many rows of customers the mix is made of.
const mixRows = 20_000

// mix is customers as shops have them: nearly every address, number and document is
// there once, first names and streets come again as they do among people (a few often, most
// seldom), and half of the surnames are there once.
func mix() []mixColumn {
	random := rand.New(rand.NewPCG(1, 2))
	syllables := strings.Fields("an ber chri da el fa ga hei in jo ka lu ma no o pe ri sa ti ul va wal zo stei lin mann brück thal hof berg")
	name := func(n int) string {
		var b strings.Builder
		for n++; n > 0; n /= len(syllables) {
			b.WriteString(syllables[n%len(syllables)])
		}
		return strings.ToUpper(b.String()[:1]) + b.String()[1:]
	}
	often := func(most int) int { f := random.Float64(); return int(f * f * f * float64(most)) }
	providers := []string{"gmail.com", "gmail.com", "outlook.com", "web.de", "gmx.de", "yahoo.com", "moser-soehne.de", "kanzlei-lang.at"}
	columns := []mixColumn{
		{rule: Rule{Mask: "name"}, typ: "text"}, {rule: Rule{Mask: "name"}, typ: "text"}, {rule: Rule{Mask: "email"}, typ: "character varying(120)"},
		{rule: Rule{Mask: "phone"}, typ: "text"}, {rule: Rule{Mask: "address"}, typ: "text"}, {rule: Rule{Mask: "iban"}, typ: "character varying(34)"},
		{rule: Rule{Mask: maskJSON, JSON: map[string]Rule{"contact.email": {Mask: "email"}, "contact.phone": {Mask: "phone"}}}, typ: "jsonb"},
		{rule: Rule{Mask: "text"}, typ: "text"},
	}
	for n := range mixRows {
		first, last := name(often(800)), name(often(4000))
		if n%2 == 0 {
			last = name(5000 + n)
		}
		mail := strings.ToLower(first+"."+last) + fmt.Sprint(n%100) + "@" + providers[random.IntN(len(providers))]
		phone := fmt.Sprintf("+49 15%d %07d", random.IntN(10), random.IntN(10_000_000))
		note := fmt.Sprintf("Please ring %s before delivery, the bell at the back door does not work. Thank you, %s", phone, first)
		for i, v := range []string{
			first, last, mail, phone, fmt.Sprintf("%sstr. %d", name(often(3000)), 1+random.IntN(120)),
			fmt.Sprintf("DE%02d%010d%08d", random.IntN(100), random.IntN(1_000_000_000), random.IntN(100_000_000)),
			fmt.Sprintf(`{"tags": ["t%d", "t%d"], "score": %d, "locale": "de", "contact": {"email": "%s", "phone": "%s"}}`, n%20, n%7, n%1000, mail, phone),
			note,
		} {
			columns[i].values = append(columns[i].values, []byte(v))
		}
	}
	return columns
}

// cpu is the processor time that this process has used: what a core does in a second does
// not depend on who else is using the machine.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// reportCore reports bytes for each second of a core.
func reportCore(b *testing.B, bytes int, before time.Duration) {
	b.ReportMetric(float64(bytes)/(cpu(b)-before).Seconds()/1e6, "MB/core-s")
}

// BenchmarkMix masks a table of customers, row by row; MB/s are bytes of masked values.
func BenchmarkMix(b *testing.B) {
	k, columns := testKey(b, secret), mix()
	var masks []understudy.MaskFunc
	bytes := 0
	for _, c := range columns {
		made, err := compile(k, parseType(c.typ), c.rule)
		if err != nil {
			b.Fatal(err)
		}
		masks = append(masks, made)
		for _, v := range c.values {
			bytes += len(v)
		}
	}
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		for n := range mixRows {
			for i, masked := range masks {
				if _, err := masked(columns[i].values[n]); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	reportCore(b, b.N*bytes, before)
}

// BenchmarkColumn is the mix, each column by itself.
func BenchmarkColumn(b *testing.B) {
	k := testKey(b, secret)
	for _, c := range mix() {
		made, err := compile(k, parseType(c.typ), c.rule)
		if err != nil {
			b.Fatal(err)
		}
		bytes := 0
		for _, v := range c.values {
			bytes += len(v)
		}
		b.Run(c.rule.Mask, func(b *testing.B) {
			b.SetBytes(int64(bytes / len(c.values)))
			b.ReportAllocs()
			n, before := 0, cpu(b)
			for b.Loop() {
				if _, err := made(c.values[n]); err != nil {
					b.Fatal(err)
				}
				if n++; n == len(c.values) {
					n = 0
				}
			}
			reportCore(b, b.N*(bytes/len(c.values)), before)
		})
	}
}
