package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"syscall"
	"unicode/utf8"
)

// noAnswer says in a few words why a request had no answer. The words hold no address, so
// that equal causes make one class.
func noAnswer(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return "connection closed"
	case errors.Is(err, syscall.ENOENT):
		return "no socket"
	default:
		return "no answer"
	}
}

const (
	quoted  = 200  // bytes of an answer that a sample shows
	scanned = 1000 // bytes that are looked at for it, so that nothing personal is cut in half
)

// personal is what is not quoted: addresses, long numbers, and long words of letters and
// digits mixed, as secrets are.
var personal = regexp.MustCompile(`[^\s"'<>()=,;:]+@[^\s"'<>()=,;:]+|\+?[0-9][0-9 ().\-/]{5,}[0-9]|\b[A-Za-z0-9_\-]*[0-9][A-Za-z0-9_\-]*\b`)

// quote is the beginning of an answer on one line, with the length of what looks personal
// in place of it.
func quote(body []byte) string {
	if len(body) == 0 {
		return "(an empty answer)"
	}
	text := strings.ToValidUTF8(string(body[:min(len(body), scanned)]), "�")
	text = strings.Join(strings.Fields(text), " ")
	text = personal.ReplaceAllStringFunc(text, func(match string) string {
		if !strings.Contains(match, "@") && len(match) < 7 {
			return match
		}
		return fmt.Sprintf("[%d characters]", utf8.RuneCountInString(match))
	})
	if len(text) <= quoted {
		return text
	}
	end := quoted
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
