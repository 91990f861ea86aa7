package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"understudy"
)

// Logs writes what a program wrote, oldest first; with an empty program what all of
// them wrote, each line led by its program's name. Logs outlive their deployment. With
// follow it goes on until ctx ends (no error) or the deployment is gone.
func (r *Runtime) Logs(ctx context.Context, id, program string, follow bool, w io.Writer) error {
	if err := checkID(id); err != nil {
		return err
	}
	tails := map[string]*tail{}
	defer func() {
		for _, t := range tails {
			t.close()
		}
	}()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		living, err := r.running(id) // before reading: what a last breath wrote is read
		if err != nil {
			return err
		}
		if err := r.readOn(id, program, tails, w); err != nil {
			return err
		}
		if !follow || !living {
			return finish(tails, w)
		}
		select {
		case <-ctx.Done():
			return finish(tails, w)
		case <-ticker.C:
		}
	}
}

// readOn writes what is new in each log, and finds logs that are new.
func (r *Runtime) readOn(id, program string, tails map[string]*tail, w io.Writer) error {
	names := []string{program}
	if program == "" {
		found, err := r.logNames(id)
		if err != nil {
			return err
		}
		names = found
	}
	for _, name := range names {
		t, known := tails[name]
		if !known {
			t = &tail{path: filepath.Join(r.LogDir, id, name+".log")}
			if program == "" {
				t.lead = name + " | "
			}
			tails[name] = t
		}
		err := t.readOn(w, !known)
		if errors.Is(err, fs.ErrNotExist) {
			return understudy.Errorf(understudy.KindNotFound, "deployment %s has no log of program %s", id, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Runtime) logNames(id string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.LogDir, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, understudy.Errorf(understudy.KindNotFound, "deployment %s has no logs", id)
	}
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInternal, "reading the logs of deployment %s: %w", id, err)
	}
	var names []string
	for _, entry := range entries {
		if name, is := strings.CutSuffix(entry.Name(), ".log"); is && !strings.HasPrefix(name, "_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func finish(tails map[string]*tail, w io.Writer) error {
	for _, t := range tails {
		if err := t.finish(w); err != nil {
			return err
		}
	}
	return nil
}

// tail reads one log from its beginning to its end, over rotations.
type tail struct {
	path string
	lead string // before each line; empty: bytes as they are
	file *os.File
	part []byte
}

// readOn writes what was added. The first time it begins with the rotated files.
func (t *tail) readOn(w io.Writer, first bool) error {
	for i := logFiles - 1; first && i > 0; i-- {
		if err := t.whole(fmt.Sprintf("%s.%d", t.path, i), w); err != nil {
			return err
		}
	}
	for {
		if t.file == nil {
			file, err := os.Open(t.path)
			if err != nil {
				return err
			}
			t.file = file
		}
		rotated := !stillThere(t.file, t.path) // before reading: nothing is added after it
		if err := t.copy(t.file, w); err != nil || !rotated {
			return err
		}
		t.close()
	}
}

func (t *tail) whole(path string, w io.Writer) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(t.copy(file, w), file.Close())
}

func (t *tail) copy(from io.Reader, w io.Writer) error {
	if t.lead == "" {
		_, err := io.Copy(w, from)
		return err
	}
	added, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	t.part = append(t.part, added...)
	for {
		line, rest, whole := bytes.Cut(t.part, []byte("\n"))
		if !whole {
			return nil
		}
		if _, err := fmt.Fprintf(w, "%s%s\n", t.lead, line); err != nil {
			return err
		}
		t.part = rest
	}
}

// finish writes an unfinished last line.
func (t *tail) finish(w io.Writer) error {
	if len(t.part) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s%s\n", t.lead, t.part)
	t.part = nil
	return err
}

func (t *tail) close() {
	if t.file != nil {
		_ = t.file.Close() // it was only read
		t.file = nil
	}
}
