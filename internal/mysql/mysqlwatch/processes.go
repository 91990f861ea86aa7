package mysqlwatch

import (
	"context"
	"strings"
	"time"
)

// lookAtProcesses is what can be seen of a server without performance_schema: what each
// session is running, and that it waits for a table's metadata lock, though not for which.
func (w *Watch) lookAtProcesses(ctx context.Context, at time.Duration) error {
	numbered := "QUERY_ID"
	if !w.conn.Maria { // MySQL gives none: the same text again is the same statement
		numbered = "CONV(LEFT(MD5(COALESCE(INFO, '')), 15), 16, 10)"
	}
	rows, err := w.conn.Texts(ctx, "looking at the list of processes", `SELECT ID, USER, COALESCE(STATE, ''), COALESCE(INFO, ''), `+numbered+`
		FROM information_schema.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()`, w.conn.Database)
	if err != nil {
		return err
	}
	r := w.record
	running, wanted := map[int64]bool{}, map[sightKey]*statement{}
	for _, row := range rows {
		id := number(row[0])
		if r.threads[id] == nil {
			r.threads[id] = w.session(id, id, row[1], "")
		}
		s := r.process[id]
		if row[3] == "" {
			continue
		}
		running[id] = true
		if s == nil || s.id != number(row[4]) {
			s = &statement{thread: id, id: number(row[4]), last: number(row[4]), name: "query", from: at, text: withoutLiterals(row[3])}
			r.process[id] = s
			r.statements = append(r.statements, s)
		}
		s.until = at
		if strings.HasPrefix(row[2], "Waiting for table metadata lock") {
			wanted[sightKey{thread: id, owner: s.id, mode: "metadata lock"}] = s
		}
	}
	for id := range r.process {
		if !running[id] {
			delete(r.process, id)
		}
	}
	seen(r.wanted, wanted, at, time.Since(w.start), r.ended(true))
	return nil
}

// withoutLiterals is a statement as it may be shown: what stands in quotes, and numbers,
// become ?; comments go, white space shrinks. A text that was cut off inside a constant ends
// there.
func withoutLiterals(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		end, shown := nextPiece(text, i)
		if shown == " " && strings.HasSuffix(out.String(), " ") {
			shown = ""
		}
		out.WriteString(shown)
		i = end
	}
	return strings.TrimSpace(out.String())
}

// nextPiece is where the piece that begins at i ends, and what is shown of it.
func nextPiece(text string, i int) (end int, shown string) {
	rest := text[i:]
	switch c := text[i]; {
	case c == '\'' || c == '"':
		return quoteEnd(text, i), "?"
	case c == '`':
		end = quoteEnd(text, i)
		return end, text[i:end]
	case c == '#' || strings.HasPrefix(rest, "-- "):
		return i + (strings.IndexByte(rest+"\n", '\n')), " "
	case strings.HasPrefix(rest, "/*"):
		if length := strings.Index(rest, "*/"); length >= 0 {
			return i + length + 2, " "
		}
		return len(text), " "
	case c == ' ' || c == '\n' || c == '\t' || c == '\r':
		return i + 1, " "
	case isWord(c):
		end = i
		for end < len(text) && (isWord(text[end]) || c >= '0' && c <= '9' && text[end] == '.') {
			end++
		}
		if end < len(text) && text[end] == '\'' && end-i <= 8 { // x'…', b'…', N'…', _utf8'…'
			return quoteEnd(text, end), "?"
		}
		if c >= '0' && c <= '9' {
			return end, "?"
		}
		return end, text[i:end]
	}
	return i + 1, text[i : i+1]
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// quoteEnd is behind the quote that closes the one at i; a doubled one does not, nor one
// behind a backslash, but in names.
func quoteEnd(text string, i int) int {
	quote := text[i]
	for j := i + 1; j < len(text); j++ {
		switch {
		case text[j] == '\\' && quote != '`':
			j++
		case text[j] == quote && j+1 < len(text) && text[j+1] == quote:
			j++
		case text[j] == quote:
			return j + 1
		}
	}
	return len(text)
}
