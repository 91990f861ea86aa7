package config

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"understudy"
)

// largest is the size from which a file is no longer taken for one that people wrote.
const largest = 1 << 20 // bytes

// source is one understudy.yaml, read and found to be a plain mapping, and what is
// wrong with it so far.
type source struct {
	file     string // absolute
	dir      string
	root     *yaml.Node
	problems problems
}

// parse reads a file and lets through a single mapping without anchors or duplicate
// keys; shown is the name by which its problems are told.
func parse(file, shown string) (*source, error) {
	content, err := readText(file, shown)
	if err != nil {
		return nil, err
	}
	s := &source{file: file, dir: filepath.Dir(file), problems: problems{file: shown}}
	if err := s.decode(content); err != nil {
		return nil, err
	}
	s.problems.root = s.root
	s.plain(s.root, nil)
	if s.root.Kind != yaml.MappingNode {
		s.problems.on(s.root, nil, "expected keys such as application: and services:, found %s", kindOf(s.root))
	}
	return s, s.problems.with(nil)
}

// readText reads a file that people write: regular, not large, UTF-8 without NUL.
func readText(file, shown string) ([]byte, error) {
	info, err := os.Stat(file) // before opening: opening a named pipe would wait
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, understudy.Errorf(understudy.KindNotFound, "there is no file %s: %w", shown, err)
	case err != nil:
		return nil, understudy.Errorf(understudy.KindInvalid, "reading %s: %w", shown, err)
	case !info.Mode().IsRegular():
		return nil, understudy.Errorf(understudy.KindInvalid, "reading %s: expected a file, found a %s", shown, describe(info.Mode()))
	}
	opened, err := os.Open(file)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "reading %s: %w", shown, err)
	}
	defer func() { _ = opened.Close() }() // only read from
	content, err := io.ReadAll(io.LimitReader(opened, largest+1))
	switch {
	case err != nil:
		return nil, understudy.Errorf(understudy.KindInvalid, "reading %s: %w", shown, err)
	case len(content) > largest:
		return nil, understudy.Errorf(understudy.KindInvalid, "%s has %.1f MiB, expected at most %d MiB", shown, float64(info.Size())/(1<<20), largest>>20)
	case bytes.IndexByte(content, 0) >= 0:
		return nil, understudy.Errorf(understudy.KindInvalid, "%s is no text: it holds a zero byte", shown)
	}
	return content, nil
}

func describe(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "folder"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}

func (s *source) decode(content []byte) error {
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	err := decoder.Decode(&document)
	switch {
	case errors.Is(err, io.EOF) || (err == nil && empty(&document)):
		return understudy.Errorf(understudy.KindInvalid, "%s is empty, expected at least application: and services:", s.problems.file).
			WithHint("understudy init writes one from your compose.yaml, Procfile and .env")
	case err != nil:
		s.problems.list = append(s.problems.list, malformed(content, err))
		return s.problems.with(nil)
	}
	s.root = document.Content[0]
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return understudy.Errorf(understudy.KindInvalid, "%s holds more than one document, expected one: remove the second ---", s.problems.file)
	}
	return nil
}

func empty(document *yaml.Node) bool {
	return len(document.Content) == 0 || document.Content[0].Tag == "!!null"
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// malformed is where and why the text is no YAML. The words of the parser are kept
// only where they cannot quote the file.
func malformed(content []byte, err error) problem {
	if line, column, found := indentedByTab(content); found {
		return problem{line: line, column: column, text: "a tab, where YAML takes spaces only"}
	}
	found := problem{line: 1, column: 1, text: "this is no YAML"}
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return found
	}
	if line, err := strconv.Atoi(m[1]); err == nil {
		found.line = line
	}
	switch {
	case strings.HasPrefix(m[2], "unknown anchor"):
		found.text = "a value that begins with * is an alias, and its anchor does not exist; put quotes around it"
	case strings.HasPrefix(m[2], "did not"), strings.HasPrefix(m[2], "found"),
		strings.HasPrefix(m[2], "mapping"), strings.HasPrefix(m[2], "block"):
		found.text = "this is no YAML: " + m[2]
	}
	return found
}

func indentedByTab(content []byte) (line, column int, found bool) {
	for i, text := range bytes.Split(content, []byte("\n")) {
		indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
		if tab := bytes.IndexByte(indent, '\t'); tab >= 0 && len(indent) < len(text) {
			return i + 1, tab + 1, true
		}
	}
	return 0, 0, false
}

// plain notes what a file that people review should not have: anchors and aliases (a
// few lines of which can stand for gigabytes) and keys that are there twice.
func (s *source) plain(node *yaml.Node, path []string) {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		s.problems.on(node, path, "anchors and aliases are not read here; write the value out")
		return
	}
	switch node.Kind {
	case yaml.MappingNode:
		lines := map[string]int{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if line, twice := lines[key.Value]; twice {
				s.problems.on(key, path, "key %s is there twice, first on line %d", spellKey(key.Value), line)
				continue
			}
			lines[key.Value] = key.Line
			if key.Kind != yaml.ScalarNode || key.Anchor != "" {
				s.problems.on(key, path, "expected a plain key")
				continue
			}
			s.plain(node.Content[i+1], append(path[:len(path):len(path)], key.Value))
		}
	case yaml.SequenceNode:
		for i, entry := range node.Content {
			s.plain(entry, append(path[:len(path):len(path)], index(i)))
		}
	}
}

// forget takes keys of the top out of the file.
func (s *source) forget(keys ...string) {
	var kept []*yaml.Node
	for i := 0; i+1 < len(s.root.Content); i += 2 {
		forgotten := false
		for _, key := range keys {
			forgotten = forgotten || s.root.Content[i].Value == key
		}
		if !forgotten {
			kept = append(kept, s.root.Content[i], s.root.Content[i+1])
		}
	}
	s.root.Content = kept
}

func kindOf(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "keys"
	case yaml.SequenceNode:
		return "a list"
	}
	switch node.Tag {
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	}
	return "a text"
}
