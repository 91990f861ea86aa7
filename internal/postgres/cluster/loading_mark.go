package cluster

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"understudy"
)

// unsealed is the mark beside a data directory that is being loaded without care for
// crashes. It is there before the first careless byte, and goes after the last one is on disk.
type unsealed struct {
	Boot      string    `json:"boot"` // the run of the machine that it was written in
	Since     time.Time `json:"since"`
	Condemned bool      `json:"condemned,omitempty"` // being removed
}

func (c *Cluster) markFile() string { return c.spec.Dir + ".loading" }

func (c *Cluster) unsealed() (load unsealed, loading bool, err error) {
	content, err := os.ReadFile(c.markFile())
	if errors.Is(err, fs.ErrNotExist) {
		return unsealed{}, false, nil
	}
	if err != nil {
		return unsealed{}, false, understudy.Errorf(understudy.KindUnavailable, "asking whether %s is being loaded: %w", c, err)
	}
	if err := json.Unmarshal(content, &load); err != nil { // a mark that cannot be read says the worst
		return unsealed{Condemned: true}, true, nil //nolint:nilerr // as the line above
	}
	return load, true, nil
}

// trusted refuses a load that the machine did not live through: what the system had not
// written by then is lost, here and there, and no recovery can find out where.
func (u unsealed) trusted(c *Cluster, doing string) error {
	if now := boot(); !u.Condemned && u.Boot == now && now != "" {
		return nil
	}
	return understudy.Errorf(understudy.KindRefused,
		"%s %s: the machine went down, or the load was given up, before what is loaded there since %s was sealed; nothing in it can be trusted",
		doing, c, u.Since.Format(time.DateTime)).WithHint("remove it and load it again; no other cluster is touched")
}

func (c *Cluster) markUnsealed(load unsealed) error {
	content, err := json.Marshal(load)
	if err != nil {
		return err
	}
	owner, err := ownerOrRunAs(c.spec.Dir)
	if err != nil {
		return err
	}
	return replaceFile(c.markFile(), string(content)+"\n", owner)
}

func (c *Cluster) unmark() error {
	if err := os.Remove(c.markFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return understudy.Errorf(understudy.KindUnavailable, "sealing %s: %w", c, err)
	}
	return syncFolder(filepath.Dir(c.spec.Dir))
}
