package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"understudy"
)

// liveBoard redraws the checklist in place: at each change, and each second for the time
// that goes by. The cursor rests below it.
type liveBoard struct {
	voice *voice
	now   func() time.Time
	size  func() (width, height int)

	stop chan struct{}
	tick sync.WaitGroup

	mu    sync.Mutex
	last  understudy.Rehearsal
	drawn []string // what stands on the screen, a text each line
}

// newLiveBoard begins to keep time; close ends that. What is narrated meanwhile stands
// above the board.
func newLiveBoard(v *voice, now func() time.Time) *liveBoard {
	b := &liveBoard{voice: v, now: now, size: v.terminal.size, stop: make(chan struct{})}
	v.above = b.interlude
	b.tick.Go(func() {
		second := time.NewTicker(time.Second)
		defer second.Stop()
		for {
			select {
			case <-b.stop:
				return
			case <-second.C:
				b.draw(nil, nil)
			}
		}
	})
	return b
}

func (b *liveBoard) show(r understudy.Rehearsal) { b.draw(&r, nil) }

func (b *liveBoard) close() {
	close(b.stop)
	b.tick.Wait()
	b.voice.above = nil
}

// interlude prints a line above the board.
func (b *liveBoard) interlude(line string) { b.draw(nil, &line) }

// draw puts the board anew where it stands, in one write.
func (b *liveBoard) draw(next *understudy.Rehearsal, above *string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if next != nil {
		b.last = *next
	}
	width, height := b.size()
	text := erase(b.drawn, width, height)
	if above != nil {
		text += *above + "\n"
	}
	if b.last.ID != "" {
		lines := boardLines(b.last, b.now(), width, height)
		b.drawn = nil
		for _, line := range lines {
			b.drawn = append(b.drawn, line.text)
			text += line.in(b.voice.terminal.colour) + "\n"
		}
	}
	_, _ = b.voice.err.Write([]byte(text)) // the pen remembers
}

// erase moves the cursor to where the drawn lines began and clears from there. They may
// take more rows than they did: the terminal may have become narrower.
func erase(drawn []string, width, height int) string {
	rows := 0
	for _, line := range drawn {
		rows += max(1, (columns(line)+width-1)/width)
	}
	if rows = min(rows, height-1); rows <= 0 {
		return ""
	}
	return fmt.Sprintf("\r\x1b[%dA\x1b[J", rows)
}

// boardLine is a line of the board. Its mark, from column 2 on, may be coloured.
type boardLine struct {
	text string
	mark string
}

const (
	colourGood = "\x1b[32m"
	colourBad  = "\x1b[31m"
	colourOdd  = "\x1b[33m"
	colourNow  = "\x1b[1m"
	colourDim  = "\x1b[2m"
	colourOff  = "\x1b[0m"
)

func (l boardLine) in(colour bool) string {
	rest, found := strings.CutPrefix(l.text, "  "+l.mark)
	if !colour || l.mark == "" || !found {
		return l.text
	}
	code := colourDim
	switch l.mark {
	case string(understudy.OutcomePassed):
		code = colourGood
	case string(understudy.OutcomeFailed), string(understudy.OutcomeError):
		code = colourBad
	case string(understudy.OutcomeInconclusive):
		code = colourOdd
	case "running":
		code = colourNow
	}
	return "  " + code + l.mark + colourOff + rest
}

// boardLines is the board for a terminal of a size: the title, the checks as far as there
// is room, and how it goes. No line is as wide as the terminal.
func boardLines(r understudy.Rehearsal, now time.Time, width, height int) []boardLine {
	checks := checklist(r, now)
	for len(checks) > 1 && len(checks)+2 > height-1 {
		if checks[0].state != "" && checks[0].state != "running" {
			checks = checks[1:]
		} else {
			checks = checks[:len(checks)-1]
		}
	}
	lines := []boardLine{{text: title(r)}}
	for _, c := range checks {
		lines = append(lines, boardLine{text: c.text(), mark: c.mark()})
	}
	lines = append(lines, boardLine{text: "  " + progress(r, now)})
	for i := range lines {
		lines[i].text = cut(oneLine(lines[i].text), width-1)
	}
	return lines
}

// progress is the board's last line.
func progress(r understudy.Rehearsal, now time.Time) string {
	switch {
	case r.State.Ended():
		return string(r.State) + " after " + took(r.EndedAt.Sub(r.StartedAt))
	case r.State == understudy.RehearsalQueued && r.WaitsFor != "":
		return "waits for rehearsal " + r.WaitsFor + ", which has " + r.On
	case r.StartedAt.IsZero():
		return "queued"
	}
	return strings.Replace(took(now.Sub(r.StartedAt).Truncate(time.Second)), ".0s", "s", 1) + " so far"
}

func oneLine(text string) string {
	return strings.TrimRight(clean(strings.NewReplacer("\n", " ", "\t", " ").Replace(text)), " ")
}

// cut shortens a text to a number of columns, and shows that it did.
func cut(text string, width int) string {
	if columns(text) <= width {
		return text
	}
	kept, used := "", 1 // the sign that something is missing
	for _, r := range text {
		if used += columns(string(r)); used > width {
			break
		}
		kept += string(r)
	}
	if width < 1 {
		return ""
	}
	return kept + "…"
}
