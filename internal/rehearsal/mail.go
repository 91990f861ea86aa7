package rehearsal

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// deepestMail is how many mails and groups of parts may be in each other; what is deeper is compared as it is.
const deepestMail = 8

// mailPieces takes a mail apart by what its reader gets: headers by name, and each part decoded.
// How it was encoded, in which order its headers come, and what is another one in each mail say nothing.
// What cannot be read as a mail is compared line by line.
func mailPieces(raw []byte) []piece {
	message, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return lines("", string(raw))
	}
	return partPieces("", textproto.MIMEHeader(message.Header), message.Body, deepestMail)
}

// ofTheMail are headers that are another one in each mail, or say how it is encoded.
func ofTheMail(name string) bool {
	switch name {
	case "Date", "Message-Id", "Received", "Dkim-Signature", "Resent-Date", "Resent-Message-Id",
		"Mime-Version", "Content-Transfer-Encoding", "Content-Type", "Content-Id":
		return true
	}
	return strings.HasPrefix(name, "Arc-")
}

// partPieces takes a mail or a part of one apart; at says which it is.
func partPieces(at string, header textproto.MIMEHeader, body io.Reader, deep int) []piece {
	var out []piece
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			if !ofTheMail(name) && (at != "" || name != "Subject") { // the mail's own is compared by itself
				out = append(out, piece{at + "header " + shownName(name), plainHeader(value)})
			}
		}
	}
	kind, parameters := contentType(header.Get("Content-Type"))
	out = append(out, piece{at + "the content's type", kind})
	boundary := parameters["boundary"]
	delete(parameters, "boundary")
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		out = append(out, piece{at + "the content's " + shownName(name), strings.ToLower(parameters[name])})
	}
	if strings.HasPrefix(kind, "multipart/") && boundary != "" && deep > 0 {
		return append(out, severalParts(at, multipart.NewReader(body, boundary), deep-1)...)
	}
	content := decoded(header.Get("Content-Transfer-Encoding"), body)
	switch {
	case kind == "message/rfc822" && deep > 0:
		if message, err := netmail.ReadMessage(bytes.NewReader(content)); err == nil {
			return append(out, partPieces(at+"mail ", textproto.MIMEHeader(message.Header), message.Body, deep-1)...)
		}
	case !strings.HasPrefix(kind, "text/"):
		sum := sha256.Sum256(content)
		return append(out, piece{at + "the content", hex.EncodeToString(sum[:])})
	}
	return append(out, lines(at, string(content))...)
}

// severalParts takes as many parts as there are: of a mail of which only the beginning was kept
// the last one is cut off.
func severalParts(at string, parts *multipart.Reader, deep int) []piece {
	var out []piece
	for n := 1; ; n++ {
		part, err := parts.NextRawPart()
		if err != nil {
			return append(out, piece{at + "the number of parts", strconv.Itoa(n - 1)})
		}
		number := "part " + strconv.Itoa(n) + " "
		if inside, found := strings.CutSuffix(at, " "); found && inside != "" {
			number = inside + "." + strconv.Itoa(n) + " "
		}
		out = append(out, partPieces(number, part.Header, part, deep)...)
	}
}

func contentType(header string) (kind string, parameters map[string]string) {
	if kind, parameters, _ = mime.ParseMediaType(header); kind == "" {
		kind = "text/plain"
	}
	if parameters == nil {
		parameters = map[string]string{}
	}
	return kind, parameters
}

// decoded is a content as it was before it was made fit to be sent; as far as it goes, where it
// was cut off.
func decoded(encoding string, body io.Reader) []byte {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, _ := io.ReadAll(body) //nolint:errcheck // what was read of it is compared
	return content
}

// plainHeader is a header's value in one line, with its encoded words decoded.
func plainHeader(value string) string {
	if words, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
		value = words
	}
	return strings.Join(strings.Fields(value), " ")
}

func shownName(name string) string {
	if !fieldName.MatchString(name) {
		return "…"
	}
	return name
}
