package router

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"understudy"
)

const stateVersion = 1

// stateFile keeps the records on disk: state.json, and state.json.last as an equal copy
// that is written after it. Each is replaced whole.
type stateFile struct {
	path string
	// unread are records that could not be read. They are written back as they are, so
	// that somebody can mend them.
	unread []json.RawMessage
	warn   func(error) // told of a change that is saved, but less safely than it should be; with nil, when one is saved well again
	warned bool
}

// stateForm is the file's form. Records stay raw so that one is read by itself.
//
// Sum is of the fronts, so that damage which is still JSON is noticed. A file without one
// is read too: an older router wrote it, or somebody who mended it.
type stateForm struct {
	Version int               `json:"version"`
	Sum     string            `json:"sum,omitempty"`
	Fronts  []json.RawMessage `json:"fronts"`
}

// sum is the same for the same content, however it is indented and whether it was written by
// hand: what is written here has some characters escaped.
func (f stateForm) sum() (string, error) {
	hash := sha256.New()
	for _, front := range f.Fronts {
		var plain bytes.Buffer
		if err := json.Compact(&plain, front); err != nil {
			return "", err
		}
		var written bytes.Buffer
		json.HTMLEscape(&written, plain.Bytes())
		hash.Write(append(written.Bytes(), '\n'))
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func (s *stateFile) last() string { return s.path + ".last" }

// load reads the records, and tells what was wrong on the way. Where there is a state
// file and neither it nor its copy can be read, that is an error: an empty table would
// take every environment off the air.
func (s *stateFile) load() ([]record, []Problem, error) {
	form, err := readState(s.path)
	switch {
	case err == nil:
		records, problems := s.read(form)
		return records, problems, nil
	case errors.Is(err, fs.ErrNotExist) && !exists(s.last()):
		return nil, nil, nil
	}
	form, lastErr := readState(s.last())
	if lastErr != nil {
		return nil, nil, understudy.Errorf(understudy.KindInternal,
			"reading the router's state: %w; its copy: %w", err, lastErr).
			WithHint("restore %s from a backup, or move both files away to start with no fronts", s.path)
	}
	if err := s.keepDamaged(); err != nil {
		return nil, nil, err
	}
	records, problems := s.read(form)
	text := fmt.Sprintf("%v; the last good copy is served instead", err)
	return records, append([]Problem{{Text: text}}, problems...), nil
}

// keepDamaged puts a damaged file aside before it is replaced.
func (s *stateFile) keepDamaged() error {
	err := os.Rename(s.path, s.path+".damaged")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keeping the damaged state file aside: %w", err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func readState(path string) (stateForm, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return stateForm{}, err
	}
	form, err := decodeState(raw)
	if err != nil {
		return form, fmt.Errorf("%s is damaged (%d bytes): %w", path, len(raw), err)
	}
	if form.Version != stateVersion {
		return form, fmt.Errorf("%s is of version %d, and this router reads version %d", path, form.Version, stateVersion)
	}
	return form, nil
}

// decodeState reads the form. A key that it does not have is damage too: it may be the sum's.
func decodeState(raw []byte) (form stateForm, err error) {
	in := json.NewDecoder(bytes.NewReader(raw))
	in.DisallowUnknownFields()
	if err := in.Decode(&form); err != nil {
		return form, err
	}
	if len(bytes.TrimSpace(raw[in.InputOffset():])) > 0 {
		return form, errors.New("something follows the end")
	}
	sum, err := form.sum()
	if err == nil && form.Sum != "" && form.Sum != sum {
		err = fmt.Errorf("its fronts have the sum %.12s, expected %.12s; whoever changes it by hand takes out the line with the sum", sum, form.Sum)
	}
	return form, err
}

// read takes each record by itself.
func (s *stateFile) read(form stateForm) (records []record, problems []Problem) {
	seen := map[string]bool{}
	for i, raw := range form.Fronts {
		var r record
		err := json.Unmarshal(raw, &r)
		if err == nil {
			err = r.validate()
		}
		if err == nil && seen[r.Name] {
			err = errors.New("a front of this name came before it")
		}
		if err != nil {
			s.unread = append(s.unread, raw)
			problems = append(problems, Problem{Front: r.Name,
				Text: fmt.Sprintf("front %d of %s cannot be read and is not served: %v", i+1, s.path, err)})
			continue
		}
		seen[r.Name] = true
		records = append(records, r)
	}
	return records, problems
}

// forget drops an unread record that bears a name: a new one replaces it.
func (s *stateFile) forget(name string) {
	s.unread = slices.DeleteFunc(s.unread, func(raw json.RawMessage) bool {
		var named struct{ Name string }
		return json.Unmarshal(raw, &named) == nil && named.Name == name
	})
}

// save replaces the file and its copy.
func (s *stateFile) save(records []record) error {
	slices.SortFunc(records, func(a, b record) int { return strings.Compare(a.Name, b.Name) })
	form := stateForm{Version: stateVersion, Fronts: slices.Clone(s.unread)}
	for _, r := range records {
		raw, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("writing front %s: %w", r.Name, err)
		}
		form.Fronts = append(form.Fronts, raw)
	}
	sum, err := form.sum()
	if err != nil {
		return fmt.Errorf("writing the router's state: %w", err)
	}
	form.Sum = sum
	raw, err := json.MarshalIndent(form, "", "\t")
	if err != nil {
		return fmt.Errorf("writing the router's state: %w", err)
	}
	raw = append(raw, '\n')
	if err := replaceFile(s.path, raw, true); err != nil {
		return fmt.Errorf("saving the router's state, which stays as it was: %w", err)
	}
	// The copy is for a file that is damaged later, so it need not outlast a power cut
	// at this moment: flushing it too would make every switch wait longer for the disk.
	err = errors.Join(syncFolder(filepath.Dir(s.path)), replaceFile(s.last(), raw, false))
	switch {
	case err != nil:
		s.warned = true
		s.warn(fmt.Errorf("the router's state is saved, but its copy or its folder's entry is not: %w", err))
	case s.warned:
		s.warned = false
		s.warn(nil)
	}
	return nil
}

// replaceFile makes path hold content, or stay as it was. Without flush it may do so only
// as long as the machine runs.
func replaceFile(path string, content []byte, flush bool) error {
	temp := path + ".new"
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if flush && err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return os.Rename(temp, path)
}

// syncFolder makes renames in a folder last.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
