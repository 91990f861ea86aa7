package lockwatch

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestStatement is how much of a statement is shown, in bytes.
const longestStatement = 400

// withoutLiterals is a statement as it may be shown: constants, which may be personal
// data, become ?, comments go, white space shrinks. A text that was cut off inside a
// constant ends there.
func withoutLiterals(statement string) string {
	var out strings.Builder
	eachPart(statement, func(part string) bool {
		out.WriteString(part)
		return out.Len() <= longestStatement
	})
	if out.Len() > longestStatement {
		return cutAt(out.String(), longestStatement) + "…"
	}
	return out.String()
}

// eachPart hands on a statement as it may be shown, part by part, until that is enough.
func eachPart(statement string, enough func(part string) (more bool)) {
	begun, spaced := false, false
	for rest := statement; rest != ""; {
		var token string
		token, rest = nextToken(rest)
		switch {
		case strings.TrimSpace(token) == "" || strings.HasPrefix(token, "--") || strings.HasPrefix(token, "/*"):
			spaced = begun
			continue
		case isConstant(token):
			token = "?"
		}
		if spaced {
			token = " " + token
		}
		begun, spaced = true, false
		if !enough(token) {
			return
		}
	}
}

func cutAt(text string, length int) string {
	for length > 0 && !utf8.RuneStart(text[length]) {
		length--
	}
	return text[:length]
}

func isConstant(token string) bool {
	first := token[0]
	if isDigit(first) || first == '\'' || first == '.' && len(token) > 1 {
		return true
	}
	if first == '$' {
		return len(token) > 1 && !isDigit(token[1])
	}
	return first != '"' && (len(token) > 1 && token[1] == '\'' || len(token) > 2 && token[1] == '&' && token[2] == '\'')
}

// nextToken cuts the first word, constant, comment or sign off a statement.
func nextToken(text string) (token, rest string) {
	first, width := utf8.DecodeRuneInString(text)
	second := byte(0)
	if len(text) > width {
		second = text[width]
	}
	end := width
	switch {
	case unicode.IsSpace(first):
		end = spanOf(text, unicode.IsSpace)
	case first == '-' && second == '-':
		end = lineEnd(text)
	case first == '/' && second == '*':
		end = commentEnd(text)
	case first == '\'':
		end = quoteEnd(text, 1, '\'', false)
	case first == '"':
		end = quoteEnd(text, 1, '"', false)
	case strings.ContainsRune("eEbBxXnN", first) && second == '\'':
		end = quoteEnd(text, 2, '\'', first == 'e' || first == 'E')
	case strings.ContainsRune("uU", first) && strings.HasPrefix(text[width:], "&'"):
		end = quoteEnd(text, 3, '\'', false)
	case first == '$':
		end = dollarEnd(text)
	case isDigit(text[0]) || first == '.' && isDigit(second):
		end = spanOf(text, func(r rune) bool { return r == '.' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) })
	case first == '_' || unicode.IsLetter(first):
		end = spanOf(text, func(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r) })
	}
	return text[:end], text[end:]
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func spanOf(text string, belongs func(rune) bool) int {
	if end := strings.IndexFunc(text, func(r rune) bool { return !belongs(r) }); end >= 0 {
		return end
	}
	return len(text)
}

func lineEnd(text string) int {
	if end := strings.IndexByte(text, '\n'); end >= 0 {
		return end
	}
	return len(text)
}

// commentEnd finds the end of a comment, which may hold others.
func commentEnd(text string) int {
	depth := 0
	for i := 0; i+1 < len(text); i++ {
		switch text[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// quoteEnd finds the end of a quoted text whose inside begins at from; a doubled quote is
// part of it, and so is one behind a backslash where those count.
func quoteEnd(text string, from int, quote byte, backslashes bool) int {
	for i := from; i < len(text); i++ {
		switch {
		case backslashes && text[i] == '\\':
			i++
		case text[i] == quote && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return len(text)
}

// dollarEnd finds the end of a parameter ($1) or of a text in dollar quotes ($tag$ … $tag$).
func dollarEnd(text string) int {
	tag := spanOf(text[1:], func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) })
	if len(text) > 1 && isDigit(text[1]) {
		return 1 + tag
	}
	if 1+tag >= len(text) || text[1+tag] != '$' {
		return 1
	}
	delimiter := text[:tag+2]
	if end := strings.Index(text[len(delimiter):], delimiter); end >= 0 {
		return len(delimiter) + end + len(delimiter)
	}
	return len(text)
}
