package physical

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"understudy"
)

// Clear removes what a copy into dir left that was killed: a working folder, which may hold
// production's values. A finished copy at dir stays as it is; one under way is an error of
// KindConflict.
func Clear(ctx context.Context, dir string) error {
	c := &copying{spec: Spec{Dir: dir}, work: dir + ".making"}
	if _, err := os.Lstat(c.work); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	release, err := c.hold()
	if err != nil {
		return err
	}
	err = c.clear(ctx)
	if err != nil && understudy.KindOf(err) == "" {
		err = understudy.Errorf(understudy.KindUnavailable, "removing what a killed copy left in %s: %w", c.work, err)
	}
	return errors.Join(err, release())
}
