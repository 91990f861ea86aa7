package rehearsal

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mailed(lines ...string) Call {
	raw := strings.Join(lines, "\r\n")
	return Call{Of: "integration mail", Does: mail, From: "shop@example.org", To: []string{"ann@example.org"}, Path: "Thanks", Body: []byte(raw), Size: int64(len(raw))}
}

// twoParts is a mail of a text and a page, as a library that writes them anew makes it.
func twoParts(boundary, text string, more ...string) Call {
	return mailed(append(append([]string{"From: Shop <shop@example.org>", "Date: now", "Content-Type: multipart/alternative; boundary=" + boundary, "", "--" + boundary,
		"Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "", text, "--" + boundary, "Content-Type: text/html", "", "<p>Thanks</p>"},
		more...), "--"+boundary+"--", "")...)
}

func TestDifferingCalls_CompareMailsByWhatTheirReadersGet(t *testing.T) {
	plain := mailed("From: Shop <shop@example.org>", "To: ann@example.org", "Date: Sun, 1 Nov 2026 10:00:00 +0000", "Message-ID: <1@x>", "Subject: Thanks",
		"Content-Type: text/plain; charset=UTF-8", "", "Grüße Ann Example,", "your order came to 12.50")
	for _, c := range []struct {
		claim           string
		was, again, now Call
		want            string
	}{
		{"another date, number, order of headers and case of the charset", plain, plain, mailed("Subject: Thanks", "Message-Id: <2@y>", "To: ann@example.org", "MIME-Version: 1.0",
			`Content-Type: text/plain; charset="utf-8"`, "Date: Mon, 2 Nov 2026 11:00:00 +0000", "From: Shop", "  <shop@example.org>", "", "Grüße Ann Example,", "your order came to 12.50"), ""},
		{"quoted-printable in place of plain", plain, plain, mailed("From: =?utf-8?q?Shop?= <shop@example.org>", "To: ann@example.org", "Content-Type: text/plain; charset=utf-8",
			"Content-Transfer-Encoding: quoted-printable", "", "Gr=C3=BC=C3=9Fe Ann=", " Example,", "your order came to 12=2E50"), ""},
		{"base64 in place of plain", plain, plain, mailed("From: Shop <shop@example.org>", "To: ann@example.org", "Content-Type: text/plain; charset=utf-8",
			"Content-Transfer-Encoding: base64", "", "R3LDvMOfZSBBbm4gRXhhbXBsZSwNCnlvdXIgb3Jk", "ZXIgY2FtZSB0byAxMi41MA=="), ""},
		{"another amount, however it is encoded", plain, plain, mailed("From: Shop <shop@example.org>", "To: ann@example.org", "Content-Type: text/plain; charset=utf-8",
			"Content-Transfer-Encoding: base64", "", "R3LDvMOfZSBBbm4gRXhhbXBsZSwNCnlvdXIgb3Jk", "ZXIgY2FtZSB0byAxMi42MA=="), "line 2 (1 of 9 places)"},
		{"another header", plain, plain, mailed("From: Ann Example <ann@example.org>", "To: ann@example.org", "X-For-Ann@example: 1", "Content-Type: text/plain; charset=utf-8", "",
			"Grüße Ann Example,", "your order came to 12.50"), "header From, header … (2 of 10 places)"},
		{"another boundary each time", twoParts("one", "Hello"), twoParts("two", "Hel=\r\nlo"), twoParts("three", "=48ello"), ""},
		{"a text in a part", twoParts("one", "Hello\r\nAnn"), twoParts("two", "Hello\r\nAnn"), twoParts("three", "Hello\r\nBen"), "part 1 line 2 (1 of 12 places)"},
		{"what varies by itself is left out of a part, too", twoParts("one", "token 1\r\nHello"), twoParts("two", "token 2\r\nHello"), twoParts("three", "token 3\r\nBye"), "part 1 line 2 (1 of 12 places)"},
		{"an attachment comes", twoParts("one", "Hello"), twoParts("one", "Hello"), twoParts("one", "Hello", "--one", "Content-Type: application/pdf; name=ann.pdf", "Content-Transfer-Encoding: base64", "", "QUJD"),
			"the number of parts, part 3 the content's type, part 3 the content's name (4 of 14 places)"},
		{"what is in an attachment", twoParts("one", "Hello", "--one", "Content-Type: application/pdf", "Content-Transfer-Encoding: base64", "", "QUJD"),
			twoParts("one", "Hello", "--one", "Content-Type: application/pdf", "Content-Transfer-Encoding: base64", "", "QU", "JD"),
			twoParts("one", "Hello", "--one", "Content-Type: application/pdf", "", "ABD"), "part 3 the content (1 of 13 places)"},
		{"a mail in a mail, of several parts", mailed(append([]string{"Content-Type: message/rfc822", ""}, strings.Split(string(twoParts("one", "Hello").Body), "\r\n")...)...),
			mailed(append([]string{"Content-Type: message/rfc822", ""}, strings.Split(string(twoParts("two", "Hello").Body), "\r\n")...)...),
			mailed(append([]string{"Content-Type: message/rfc822", ""}, strings.Split(string(twoParts("two", "Bye").Body), "\r\n")...)...), "mail.1 line 1 (1 of 12 places)"},
		{"the subject of a mail in a mail", mailed("Content-Type: message/rfc822", "", "Subject: Hello", "", "Ann"), mailed("Content-Type: message/rfc822", "", "Subject: Hello", "", "Ann"),
			mailed("Content-Type: message/rfc822", "", "Subject: =?utf-8?q?Bye?=", "", "Ann"), "mail header Subject (1 of 7 places)"},
		{"what is no mail", mailed("Hello Ann"), mailed("Hello Ann"), mailed("Hello Ben"), "line 1 (1 of 4 places)"},
	} {
		got := ""
		for _, d := range differingCalls([]Call{c.was}, []Call{c.again}, []Call{c.now}) {
			got += strings.TrimPrefix(d.seen, "call 1 of 1 differs at ")
		}
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.claim, got, c.want)
		}
		if low := strings.ToLower(got); strings.Contains(low, "ann") || strings.Contains(low, "12.") {
			t.Errorf("%s: a value is shown", c.claim)
		}
	}
}

func TestMailPieces_TakeAnyBytesAndWhatWasCutOffAnywhere(t *testing.T) {
	whole := string(twoParts("one", "Gr=C3=BC=C3=9Fe", "--one", "Content-Type: multipart/mixed; boundary=in", "", "--in", "Content-Transfer-Encoding: base64", "", "QUJD", "--in--").Body)
	rapid.Check(t, func(t *rapid.T) {
		raw := whole[:rapid.IntRange(0, len(whole)).Draw(t, "cut")] + rapid.StringMatching(`(--one|--in|\r\n|[A-Z=:; -]){0,9}`).Draw(t, "tail")
		for _, p := range mailPieces([]byte(raw)) {
			if strings.Contains(p.place, "QUJD") || strings.Contains(p.place, "Thanks") {
				t.Fatalf("the place %q shows a value", p.place)
			}
		}
	})
}
