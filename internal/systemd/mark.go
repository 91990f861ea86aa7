package systemd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"understudy/internal/atomicfile"
)

// Mark says, in a state directory, which services work on it.
type Mark struct {
	Daemon string `json:"daemon"`
	Router string `json:"router"`
}

func markIn(state string) string { return filepath.Join(state, "service.json") }

// Marked reads the mark of a state directory; false: no services work on it.
func Marked(state string) (Mark, bool, error) {
	var m Mark
	raw, err := os.ReadFile(markIn(state))
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		return m, false, fmt.Errorf("reading which services work on %s: %w", state, err)
	}
	return m, true, nil
}

func (w Wish) mark() error {
	raw, err := json.Marshal(Mark{Daemon: w.Daemon(), Router: w.Router()})
	if err != nil {
		return err
	}
	return atomicfile.Write(markIn(w.State), append(raw, '\n'), 0o644)
}

func (w Wish) unmark() error {
	err := os.Remove(markIn(w.State))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
