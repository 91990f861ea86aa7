package maskprogram

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"unicode/utf8"

	"understudy"
)

// errEnded says that the answers end before the last row's.
var errEnded = errors.New("the answers end too early")

// encode writes rows as JSON, one object to a line.
func encode(program string, columns []string, rows [][][]byte) ([]byte, error) {
	heads := make([][]byte, len(columns))
	for i, c := range columns {
		heads[i] = appendText(nil, []byte(c))
	}
	var out []byte
	for n, row := range rows {
		out = append(out, '{')
		for i, value := range row {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(append(out, heads[i]...), ':')
			switch {
			case value == nil:
				out = append(out, "null"...)
			case !utf8.Valid(value):
				return nil, understudy.Errorf(understudy.KindInvalid, "masking by %s: column %s of row %d of a batch is no UTF-8, and JSON cannot carry it", program, columns[i], n+1)
			default:
				out = appendText(out, value)
			}
		}
		out = append(out, '}', '\n')
	}
	return out, nil
}

// appendText writes a text as JSON.
func appendText(out, text []byte) []byte {
	const hexadecimal = "0123456789abcdef"
	out = append(out, '"')
	for _, b := range text {
		switch {
		case b == '"' || b == '\\':
			out = append(out, '\\', b)
		case b < ' ':
			out = append(out, '\\', 'u', '0', '0', hexadecimal[b>>4], hexadecimal[b&15])
		default:
			out = append(out, b)
		}
	}
	return append(out, '"')
}

// readAnswers reads as many rows as are wanted and then the end. What it returns with
// errEnded are the rows that were answered.
func readAnswers(in *bufio.Reader, program string, columns []string, want int, heard func()) ([][][]byte, error) {
	answers := make([][][]byte, 0, want)
	for {
		line, err := readLine(in)
		heard()
		switch {
		case err == io.EOF && len(answers) == want:
			return answers, nil
		case err == io.EOF:
			return answers, errEnded
		case err != nil:
			return answers, understudy.Errorf(understudy.KindInvalid, "masking by %s: reading its answer for row %d: %w", program, len(answers)+1, err)
		case len(answers) == want:
			return answers, understudy.Errorf(understudy.KindInvalid, "masking by %s: it answered more than the %d rows it was given", program, want).
				WithHint("it must write one line for each line it reads")
		}
		row, wrong := decode(line, columns)
		if wrong != "" {
			return answers, understudy.Errorf(understudy.KindInvalid, "masking by %s: its answer for row %d %s", program, len(answers)+1, wrong).
				WithHint("it must answer each row by one JSON object on one line, with the same columns, each a text or null, and write nothing else")
		}
		answers = append(answers, row)
	}
}

// readLine is a line without its end; a last line may lack one.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > longestLine:
			return nil, understudy.Errorf(understudy.KindInvalid, "one line has more than %d bytes", longestLine)
		case err == nil:
			return bytes.TrimRight(line, "\r\n"), nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case len(line) > 0 && errors.Is(err, io.EOF):
			return line, nil
		case errors.Is(err, io.EOF), isClosed(err):
			return nil, io.EOF
		}
		return nil, err
	}
}

// decode reads one answer, or says what is wrong with it, in words that hold no value.
func decode(line []byte, columns []string) (row [][]byte, wrong string) {
	var object map[string]*json.RawMessage
	if err := json.Unmarshal(line, &object); err != nil || object == nil {
		return nil, "is no JSON object"
	}
	row = make([][]byte, len(columns))
	for i, c := range columns {
		raw, found := object[c]
		if !found {
			return nil, "lacks the column " + c
		}
		if raw == nil { // null
			continue
		}
		var text string
		if err := json.Unmarshal(*raw, &text); err != nil {
			return nil, "has something else than a text or null for the column " + c
		}
		row[i] = []byte(text)
	}
	if len(object) > len(columns) {
		return nil, "has columns that it was not asked for"
	}
	return row, ""
}

// isClosed tells the end of a pipe whose other side was killed.
func isClosed(err error) bool { return errors.Is(err, os.ErrClosed) }
