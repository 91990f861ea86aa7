package config

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"understudy"
)

const (
	searchAtMost = 1 << 30   // bytes of a release, what is unpacked on the way included
	pieceSize    = 256 << 10 // what is looked at at once
	nesting      = 3         // archives in archives
	inMemory     = 64 << 20  // bytes of an archive in an archive
	ending       = 128       // bytes in which a program ends that has an archive behind it
)

// search looks for names in the files of a release.
type search struct {
	left  []needle          // not found yet
	found map[string]string // where, by its name as it is
	near  map[string]string // where, written another way
	names []string          // paths of the files
	files int
	bytes int64
	blind string // why nothing can be told of what was not found; empty: all was looked into
}

// needle is a key as it is looked for: its name, and its letters and digits alone.
type needle struct {
	key         string
	name, plain []byte
}

func newSearch(keys []string) *search {
	s := &search{found: map[string]string{}, near: map[string]string{}}
	for _, key := range keys {
		s.left = append(s.left, needle{key, []byte(key), plainLetters(nil, []byte(key))})
	}
	return s
}

// plainLetters takes out of a text what ways of writing a name differ in: case, what parts
// its words, and the zero bytes between letters of UTF-16.
func plainLetters(dst, text []byte) []byte {
	for _, b := range text {
		switch {
		case b == '_' || b == '-' || b == '.' || b == 0:
		case b >= 'A' && b <= 'Z':
			dst = append(dst, b|0x20)
		default:
			dst = append(dst, b)
		}
	}
	return dst
}

// text looks through a part of the declaration.
func (s *search) text(text []byte) { s.piece(text, nil, "the declaration") }

// tree looks through the files of an artifact.
func (s *search) tree(folder string, artifact understudy.Artifact) {
	for _, file := range artifact.Files {
		s.names = append(s.names, file.Path)
	}
	for _, file := range artifact.Files {
		if file.Link != "" || declaration(file.Path) || len(s.left) == 0 {
			continue
		}
		s.files++
		if err := s.file(filepath.Join(folder, filepath.FromSlash(file.Path)), file.Path); err != nil {
			s.blind = fmt.Sprintf("%s could not be looked into", file.Path)
		}
	}
}

// declaration tells the files in which a name is told and not read.
func declaration(name string) bool {
	base := strings.ToLower(path.Base(name))
	ending := path.Ext(base)
	return base == FileName || strings.HasPrefix(base, ".env") || ending == ".md" || ending == ".env" ||
		(strings.HasPrefix(base, "compose") || strings.HasPrefix(base, "docker-compose")) && (ending == ".yaml" || ending == ".yml")
}

// holds tells whether a command is a file of the artifact.
func (s *search) holds(workDir, command string) bool {
	return slices.Contains(s.names, path.Join(filepath.ToSlash(workDir), command)) || slices.Contains(s.names, path.Clean(command))
}

func (s *search) file(at, shown string) error {
	file, err := os.Open(at)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read from
	return s.content(file, shown, 0)
}

// errPacked is why a file says nothing: it is packed in a way that is not undone here.
var errPacked = errors.New("it is packed")

// content looks through a file, and through what is packed in it.
func (s *search) content(from io.Reader, shown string, depth int) error {
	head := make([]byte, 4096)
	n, err := io.ReadFull(from, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	whole := io.MultiReader(bytes.NewReader(head[:n]), from)
	switch {
	case bytes.HasPrefix(head[:n], []byte("PK\x03\x04")):
		return s.zipped(from, whole, shown, depth)
	case bytes.HasPrefix(head[:n], []byte{0x1f, 0x8b}):
		unpacked, err := gzip.NewReader(whole)
		if err != nil || depth == nesting {
			return errPacked
		}
		return s.content(unpacked, shown, depth+1)
	case packed(head[:n], shown):
		return errPacked
	}
	return s.stream(whole, shown)
}

// packed tells forms whose content cannot be searched: compressed, encrypted or obfuscated.
func packed(head []byte, shown string) bool {
	for _, magic := range []string{"\x28\xb5\x2f\xfd", "\xfd7zXZ\x00", "BZh", "7z\xbc\xaf\x27\x1c", "\x04\x22\x4d\x18", "hsqs", "Rar!"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return bytes.Contains(head, []byte("UPX!")) || slices.Contains([]string{".br", ".lz", ".lzma"}, path.Ext(shown))
}

// trailed tells whether the end of a file is that of an archive which lies behind a program: a
// zip (as of zipapp), or what PyInstaller packs.
func trailed(end []byte) bool {
	return bytes.Contains(end, []byte("PK\x05\x06")) || bytes.Contains(end, []byte("MEI\x0c\x0b\x0a\x0b\x0e"))
}

// zipped looks through an archive: a file as it lies on the disk, one in another archive in
// memory.
func (s *search) zipped(from, whole io.Reader, shown string, depth int) error {
	if depth == nesting {
		return errPacked
	}
	if file, is := from.(*os.File); is {
		info, err := file.Stat()
		if err != nil {
			return err
		}
		return s.entries(file, info.Size(), shown, depth)
	}
	raw, err := io.ReadAll(io.LimitReader(whole, inMemory+1))
	if err != nil || len(raw) > inMemory {
		return errPacked
	}
	return s.entries(bytes.NewReader(raw), int64(len(raw)), shown, depth)
}

func (s *search) entries(from io.ReaderAt, size int64, shown string, depth int) error {
	archive, err := zip.NewReader(from, size)
	if err != nil {
		return errPacked
	}
	for _, entry := range archive.File {
		opened, err := entry.Open()
		if err != nil {
			return errPacked
		}
		err = s.content(opened, shown, depth+1)
		if err := errors.Join(err, opened.Close()); err != nil {
			return err
		}
	}
	return nil
}

// stream looks through bytes in pieces that overlap by the longest name.
func (s *search) stream(from io.Reader, shown string) error {
	longest := ending
	for _, needle := range s.left {
		longest = max(longest, 2*len(needle.name))
	}
	buffer := make([]byte, pieceSize+longest)
	kept, plain := 0, []byte(nil)
	for len(s.left) > 0 {
		n, err := io.ReadFull(from, buffer[kept:])
		s.bytes += int64(n)
		if s.bytes > searchAtMost {
			return fmt.Errorf("the release has more than %s", spellSize(searchAtMost))
		}
		plain = s.piece(buffer[:kept+n], plain, shown)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			if trailed(buffer[max(0, kept+n-ending) : kept+n]) {
				return errPacked
			}
			return nil
		case err != nil:
			return err
		}
		kept = copy(buffer, buffer[len(buffer)-longest:])
	}
	return nil
}

// where is the file in which a key was found, and how; empty: in none.
func (s *search) where(key string) string {
	if at := s.found[key]; at != "" {
		return at
	}
	if at := s.near[key]; at != "" {
		return at + ", written another way"
	}
	return ""
}

// piece looks through some bytes, with room for their plain form, which it gives back.
func (s *search) piece(text, room []byte, shown string) []byte {
	room = plainLetters(room[:0], text)
	s.left = slices.DeleteFunc(s.left, func(n needle) bool {
		if bytes.Contains(text, n.name) {
			s.found[n.key] = shown
			return true
		}
		if s.near[n.key] == "" && bytes.Contains(room, n.plain) {
			s.near[n.key] = shown
		}
		return false
	})
	return room
}
