package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"understudy"
)

// The rules of speech:
//
//   - The result goes to stdout, and nothing else does: with --json it is one JSON value.
//     Narration (what is going on, what was decided on the way) goes to stderr.
//   - An error is one line that begins with "error:", in lower case and without a full
//     stop, and then what to do about it, in lines that begin with "hint:".
//   - Times, counts and names, not adjectives. Nothing is called good that was not measured.
//   - Colour and redrawing only on a terminal that can, and never with NO_COLOR.
//   - Texts that came from elsewhere cannot move the cursor or change colours.
type voice struct {
	out, err *pen
	terminal terminal
	above    func(line string) // where narration goes while a board is shown; nil: to err
}

// pen remembers that it could not write, so that nobody has to ask at each line.
type pen struct {
	to     io.Writer
	broken error
}

func (p *pen) Write(text []byte) (int, error) {
	if p.broken != nil {
		return 0, p.broken
	}
	n, err := p.to.Write(text)
	p.broken = err
	return n, err
}

func newVoice(s Streams) *voice {
	return &voice{out: &pen{to: s.Out}, err: &pen{to: s.Err}, terminal: terminalOf(s.Err)}
}

// say narrates one line.
func (v *voice) say(format string, args ...any) {
	line := clean(fmt.Sprintf(format, args...))
	if v.above != nil {
		v.above(line)
		return
	}
	_, _ = v.err.Write([]byte(line + "\n")) // the pen remembers
}

// print puts one line of the result.
func (v *voice) print(format string, args ...any) {
	_, _ = v.out.Write([]byte(clean(fmt.Sprintf(format, args...)) + "\n")) // the pen remembers
}

// json puts the result as one JSON value. A list without entries is an empty one.
func (v *voice) json(result any) error {
	if list := reflect.ValueOf(result); list.Kind() == reflect.Slice && list.IsNil() {
		result = []struct{}{}
	}
	encoder := json.NewEncoder(v.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(result)
}

// ended is an exit status about which all has been said.
type ended int

func (e ended) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// end says what went wrong, if something did, and gives the exit status.
func (v *voice) end(err error) int {
	if err == nil && v.out.broken != nil {
		err = fmt.Errorf("writing the result: %w", v.out.broken)
	}
	var said ended
	switch {
	case err == nil:
		return understudy.ExitDone
	case errors.As(err, &said):
		return int(said)
	case errors.Is(err, context.Canceled):
		v.refuse("interrupted", "")
		return understudy.ExitError
	}
	v.refuse(err.Error(), understudy.HintOf(err))
	return understudy.ExitStatus(err)
}

// refuse says an error and its hints. Lines after the first stand below it.
func (v *voice) refuse(message, hint string) {
	lines := strings.Split(strings.TrimRight(message, "\n"), "\n")
	v.say("error: %s", lines[0])
	for _, line := range lines[1:] {
		v.say("       %s", line)
	}
	if hint == "" {
		return
	}
	for line := range strings.SplitSeq(hint, "\n") {
		v.say("hint: %s", line)
	}
}

// clean makes a text safe to print: what would steer a terminal is shown instead of done.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < ' ' || (r >= 0x7f && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069):
			return '\uFFFD'
		}
		return r
	}, text)
}

// terminal is what narration goes to.
type terminal struct {
	file   *os.File // nil: none
	live   bool     // it can be redrawn
	colour bool
}

func terminalOf(w io.Writer) terminal {
	file, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return terminal{}
	}
	able := os.Getenv("TERM") != "dumb" && os.Getenv("TERM") != ""
	return terminal{file: file, live: able, colour: able && os.Getenv("NO_COLOR") == ""}
}

// size is what the terminal can show, in columns and lines.
func (t terminal) size() (width, height int) {
	if t.file != nil {
		if w, h, err := term.GetSize(int(t.file.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}

// took is a length of time, for people.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "0ms"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// moment is a point in time, for people, where they are; "-" where there is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

// number is a count, with its thousands set apart.
func number(n int64) string {
	digits := fmt.Sprint(n)
	if n < 0 {
		return "-" + number(-n)
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// wrap is the width at which texts of the result are broken: that of the terminal, up to
// what is easily read; 0 where there is none.
func (v *voice) wrap() int {
	if v.terminal.file == nil {
		return 0
	}
	width, _ := v.terminal.size()
	return min(width, 100)
}

// amount is a measured number: whole ones with their thousands set apart, others with
// three digits behind the point at most.
func amount(value float64) string {
	if value == math.Trunc(value) && math.Abs(value) < 1<<53 {
		return number(int64(value))
	}
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(value, 'f', 3, 64), "0"), ".")
}
