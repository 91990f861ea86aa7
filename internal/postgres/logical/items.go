package logical

import (
	"bytes"
	"regexp"
	"strings"
)

// item is one entry of a dump: the statements that make one thing.
type item struct {
	kind, schema, name string // as the dump's own comment calls it: "INDEX", "public", "orders_by_day"
	sql                string
}

// itemHeader matches the comment that pg_dump puts before each entry. What it calls a
// thing has no line break: pg_dump takes them out.
var itemHeader = regexp.MustCompile(`^-- Name: (.*); Type: ([^;]*); Schema: (.*); Owner: .*\n$`)

// splitItems takes a plain dump apart, in its order. A line within a literal, a quoted
// name or a function's body is no header, whatever it says. What stands before the first
// entry are settings of the session, and left out.
func splitItems(dump []byte) []item {
	var items []item
	var body strings.Builder
	var text quotes
	add := func() {
		if len(items) > 0 {
			items[len(items)-1].sql = strings.TrimSpace(body.String())
		}
		body.Reset()
	}
	for line := range bytes.Lines(dump) {
		outside := !text.open()
		found := itemHeader.FindSubmatch(line)
		switch {
		case outside && found != nil:
			add()
			items = append(items, item{name: string(found[1]), kind: string(found[2]), schema: string(found[3])})
		case outside && (bytes.HasPrefix(line, []byte("--")) || line[0] == '\\' || bytes.HasPrefix(line, []byte("SET default_"))):
		default:
			body.Write(line)
			text.pass(line)
		}
	}
	add()
	return items
}

// quotes follows SQL text, as pg_dump writes it, into what is quoted and out again.
type quotes struct {
	by      string // what ends the quoted part: ', " or a dollar tag; empty outside
	escapes bool   // a backslash takes the next character with it, as in E'…'
}

func (q *quotes) open() bool { return q.by != "" }

// dollarTag matches what begins a text that ends with the same.
var dollarTag = regexp.MustCompile(`^\$([A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$`)

func (q *quotes) pass(line []byte) {
	for i := 0; i < len(line); i++ {
		switch {
		case q.open() && q.escapes && line[i] == '\\':
			i++
		case q.open():
			if bytes.HasPrefix(line[i:], []byte(q.by)) { // a doubled quote ends, and begins again
				i += len(q.by) - 1
				q.by = ""
			}
		case line[i] == '\'':
			q.by, q.escapes = "'", i > 0 && (line[i-1] == 'E' || line[i-1] == 'e')
		case line[i] == '"':
			q.by, q.escapes = `"`, false
		case line[i] == '$' && (i == 0 || !isWord(line[i-1])):
			if tag := dollarTag.Find(line[i:]); tag != nil {
				q.by, q.escapes = string(tag), false
				i += len(tag) - 1
			}
		case bytes.HasPrefix(line[i:], []byte("--")):
			return
		}
	}
}

func isWord(b byte) bool {
	return b == '_' || b == '$' || b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b >= 0x80
}
