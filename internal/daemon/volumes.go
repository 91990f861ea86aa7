package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"understudy"
	"understudy/internal/filetree"
)

// volume is the folder of an environment's volume.
func (d *Daemon) volume(e understudy.Environment, name string) string {
	if folder := e.Volumes[name]; folder != "" {
		return folder
	}
	return d.options.State.Below("volumes", e.Name, name)
}

// goldenVolumes is the folder of the copies of volumes that belong to a snapshot. No
// volume has such a name.
func (d *Daemon) goldenVolumes(twin, snapshot string) string {
	return d.options.State.Below("volumes", twin, ".golden-"+snapshot)
}

// makeVolumes makes the folders that we keep ourselves and that are not there yet.
func (d *Daemon) makeVolumes(e understudy.Environment, app understudy.Application) error {
	for _, v := range app.Volumes {
		folder := d.volume(e, v.Name)
		if _, err := os.Stat(folder); err == nil || e.External || e.Volumes[v.Name] != "" {
			continue // how it is is its owner's affair
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(folder), 0o711), os.Mkdir(folder, 0o750)); err != nil { // a twin's services are strangers here
			return understudy.Errorf(understudy.KindUnavailable, "making volume %s of %s: %w", v.Name, e.Name, err)
		}
		if err := giveTo(folder, userFor(e, volumeKeeper(app, v))); err != nil {
			return err
		}
	}
	return nil
}

// volumeKeeper is the service whose user owns a volume.
func volumeKeeper(app understudy.Application, v understudy.Volume) understudy.Service {
	for _, s := range app.Services {
		if v.Service == "" || s.Name == v.Service {
			return s
		}
	}
	return understudy.Service{}
}

// copyVolumes copies production's volumes beside the golden databases of a snapshot, and
// removes what is there of snapshots that no record knows of. Files are not masked.
func (c copier) copyVolumes(ctx context.Context, source, twin understudy.Environment, app understudy.Application, snapshot string, tell func(string)) error {
	if len(app.Volumes) == 0 {
		return nil
	}
	if err := c.sweepVolumes(ctx, twin.Name); err != nil {
		return err
	}
	if err := c.d.makeVolumes(source, app); err != nil {
		return err
	}
	golden := c.d.goldenVolumes(twin.Name, snapshot)
	if err := os.MkdirAll(golden, 0o711); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "copying volumes of %s: %w", source.Name, err)
	}
	for _, v := range app.Volumes {
		made, err := c.copyVolume(ctx, c.d.volume(source, v.Name), filepath.Join(golden, v.Name))
		if err != nil {
			return err
		}
		tell(fmt.Sprintf("volume %s: %d files, %d MB, by %s in %.1fs", v.Name, made.Files, made.Bytes>>20, made.Method, made.Took.Seconds()))
	}
	return nil
}

// copyVolume copies one. A link that leads out of it would lead the twin to production's
// own files, so that the copy is refused.
func (c copier) copyVolume(ctx context.Context, from, to string) (filetree.Cloned, error) {
	source, err := filepath.EvalSymlinks(from)
	if errors.Is(err, fs.ErrNotExist) {
		return filetree.Cloned{}, understudy.Errorf(understudy.KindNotFound, "copying a volume: there is no folder %s", from)
	}
	if err != nil {
		return filetree.Cloned{}, understudy.Errorf(understudy.KindUnavailable, "copying a volume: %w", err)
	}
	made, err := filetree.Reset(ctx, source, to)
	if err != nil {
		return made, err
	}
	if err := filetree.Contained(ctx, to); err != nil {
		return made, errors.Join(err, os.RemoveAll(to))
	}
	return made, nil
}

func (c copier) sweepVolumes(ctx context.Context, twin string) error {
	last, _, err := shelf{c.d}.Latest(ctx, twin)
	if err != nil {
		return err
	}
	return c.d.clearVolumes(twin, func(name string) bool { return strings.HasPrefix(name, ".golden-") && name != ".golden-"+last.ID })
}

// clearVolumes removes folders of a twin's volumes by their names.
func (d *Daemon) clearVolumes(twin string, old func(name string) bool) error {
	folder := d.options.State.Below("volumes", twin)
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return understudy.Errorf(understudy.KindUnavailable, "looking for old volumes of %s: %w", twin, err)
	}
	for _, entry := range entries {
		if !old(entry.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "removing old volumes of %s: %w", twin, err)
		}
	}
	return nil
}

// volumesWhole tells whether the copy of every volume that production has is there.
func (c copier) volumesWhole(ctx context.Context, on string, snapshot understudy.Snapshot) (bool, error) {
	source, _, err := c.d.environment(snapshot.Of)
	if err != nil {
		return false, err
	}
	release, _, err := c.d.running(ctx, source)
	if err != nil {
		return false, err
	}
	for _, v := range release.Application.Volumes {
		if _, err := os.Stat(filepath.Join(c.d.goldenVolumes(on, snapshot.ID), v.Name)); err != nil {
			return false, nil //nolint:nilerr // then it is copied again
		}
	}
	return true, nil
}

// resetVolumes puts a twin's volumes back to those of a snapshot. Where the twin's
// services do not run as production's do, what they find is theirs.
func (d *Daemon) resetVolumes(ctx context.Context, e understudy.Environment, app understudy.Application, snapshot string) error {
	of := func(name string) bool {
		return slices.ContainsFunc(app.Volumes, func(v understudy.Volume) bool { return v.Name == name })
	}
	if err := d.clearVolumes(e.Name, func(name string) bool { return !strings.HasPrefix(name, ".") && !of(name) }); err != nil {
		return err
	}
	for _, v := range app.Volumes {
		folder := d.volume(e, v.Name)
		if _, err := filetree.Reset(ctx, filepath.Join(d.goldenVolumes(e.Name, snapshot), v.Name), folder); err != nil {
			return err
		}
		service := volumeKeeper(app, v)
		if runs := userFor(e, service); runs != service.User {
			if err := giveTo(folder, runs); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveTo gives a folder and all in it to a user, by name or uid[:gid]. Only root can, and only
// root needs to.
func giveTo(folder, owner string) error {
	if os.Geteuid() != 0 || owner == "" {
		return nil
	}
	uid, gid, err := idsOf(owner)
	if err == nil {
		err = filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, uid, gid)
		})
	}
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "giving %s to user %s: %w", folder, owner, err)
	}
	return nil
}

func idsOf(owner string) (uid, gid int, err error) {
	name, group, grouped := strings.Cut(owner, ":")
	found, err := user.Lookup(name)
	if err != nil {
		if found, err = user.LookupId(name); err != nil {
			found = &user.User{Uid: name, Gid: name} // a number without a name
		}
	}
	if !grouped {
		group = found.Gid
	}
	uid, err = strconv.Atoi(found.Uid)
	if err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(group)
	return uid, gid, err
}
