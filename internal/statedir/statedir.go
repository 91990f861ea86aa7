// Package statedir says where an application's state lies: one folder beside
// understudy.yaml, or one that the user chose, and a short place for Unix sockets, whose
// paths may not be longer than about a hundred bytes. It makes no folder by itself.
package statedir

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"understudy"
)

// Name is the folder's name beside understudy.yaml.
const Name = ".understudy"

// Dir is a state directory. All paths are absolute.
type Dir struct {
	Root string
	Run  string // for sockets; below Root where the path is short enough
}

// longest is the length that a folder for sockets may have: what the systems allow for a
// socket's path, less the names that come below it.
const longest = 44

// Resolve says where the state of the project in a folder is. chosen is what the user
// asked for; empty: beside understudy.yaml.
func Resolve(project, chosen string) (Dir, error) {
	root := chosen
	if root == "" {
		root = filepath.Join(project, Name)
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return Dir{}, understudy.Errorf(understudy.KindInvalid, "the state directory %q has no absolute path: %w", chosen, err)
	}
	if info, err := os.Stat(root); errors.Is(err, syscall.ENOTDIR) || err == nil && !info.IsDir() {
		return Dir{}, understudy.Errorf(understudy.KindInvalid, "the state directory %s: expected a folder, found a file there or on the way", root).
			WithHint("choose another with --state-dir")
	}
	run := filepath.Join(root, "run")
	if len(run) > longest {
		sum := sha256.Sum256([]byte(root))
		// Not os.TempDir: every command must find the same sockets, whatever its TMPDIR.
		run = filepath.Join("/tmp", "understudy-"+hex.EncodeToString(sum[:6]))
	}
	return Dir{Root: root, Run: run}, nil
}

// Socket is where the daemon answers.
func (d Dir) Socket() string { return filepath.Join(d.Run, "api.sock") }

// RouterSocket is where the router takes commands.
func (d Dir) RouterSocket() string { return filepath.Join(d.Run, "router.sock") }

// Deployments is where supervisors have their sockets.
func (d Dir) Deployments() string { return filepath.Join(d.Run, "d") }

// ServerSocket is the folder of a database server's socket.
func (d Dir) ServerSocket(environment string) string { return filepath.Join(d.Run, "p", environment) }

// Below is a path below the state directory.
func (d Dir) Below(parts ...string) string {
	return filepath.Join(append([]string{d.Root}, parts...)...)
}

// Make makes the folders that everything else lies in. The root can be passed through by
// the user that runs the database, and looked into by its owner only.
func (d Dir) Make() error {
	for _, dir := range []struct {
		path string
		mode os.FileMode
	}{
		{d.Root, 0o711}, {d.Run, 0o711}, {d.Deployments(), 0o711}, {filepath.Join(d.Run, "p"), 0o711},
		{d.Below("databases"), 0o711}, {d.Below("volumes"), 0o711}, {d.Below("artifacts"), 0o711}, {d.Below("logs"), 0o755},
		{d.Below("keys"), 0o700}, {d.Below("captures"), 0o700}, {d.Below("evidence"), 0o700},
		{d.Below("backups"), 0o700}, {d.Below("authorities"), 0o711}, {d.Below("scratch"), 0o711}, {d.Below("router"), 0o700},
	} {
		if err := os.MkdirAll(dir.path, dir.mode); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "making the state directory: %w", err).
				WithHint("choose another with --state-dir")
		}
		if err := ours(dir.path); err != nil {
			return err
		}
		if err := os.Chmod(dir.path, dir.mode); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "making the state directory: %w", err).
				WithHint("choose another with --state-dir, or see who owns %s", dir.path)
		}
	}
	return d.unversioned()
}

// unversioned keeps keys and data out of version control: the folder stands in a project,
// and git takes the whole of it in otherwise. A folder that the user chose is let alone.
func (d Dir) unversioned() error {
	file := d.Below(".gitignore")
	if info, err := os.Lstat(file); filepath.Base(d.Root) != Name || err == nil && info.Size() > 0 {
		return nil
	}
	if err := os.WriteFile(file, []byte("*\n"), 0o644); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "keeping the state directory out of version control: %w", err)
	}
	return nil
}

// ours refuses a folder that somebody else made, or a link to one: whoever owns it could
// put sockets of their own in place of ours. Below /tmp anybody could have made it.
func ours(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "making the state directory: %w", err)
	}
	if !info.IsDir() && filepath.Dir(path) == "/tmp" {
		return understudy.Errorf(understudy.KindRefused, "the folder for sockets, %s, is a link or a file that somebody made", path).
			WithHint("remove it, or choose a state directory with a shorter path with --state-dir")
	}
	if stat, isUnix := info.Sys().(*syscall.Stat_t); isUnix && info.IsDir() && int(stat.Uid) != os.Geteuid() {
		return understudy.Errorf(understudy.KindRefused, "%s belongs to user %d, and this is user %d", path, stat.Uid, os.Geteuid()).
			WithHint("run understudy as its owner, or choose another state directory with --state-dir")
	}
	return nil
}
