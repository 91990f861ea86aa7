package cluster

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"understudy/internal/postgres"

	"understudy"
)

// User is who a cluster's processes run as and who owns its files.
type User struct {
	Name string
	UID  int
	GID  int
}

// RunAs is who this program's clusters run as: ourselves, or, when we are root, which
// PostgreSQL refuses, the machine's user "postgres", else "daemon", else "nobody".
func RunAs() (User, error) {
	if os.Geteuid() != 0 {
		return ourselves(), nil
	}
	for _, name := range []string{"postgres", "_postgres", "daemon", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil { // the next name is as good
			continue
		}
		if one, err := asUser(found); err == nil && one.UID > 0 {
			return one, nil
		}
	}
	return User{}, understudy.Errorf(understudy.KindUnavailable,
		"choosing a user to run PostgreSQL as: it refuses to run as root, and this machine has no user postgres, daemon or nobody").
		WithHint("make one (useradd --system postgres), or do not run understudy as root")
}

// ownerOrRunAs is who the cluster in dir runs as: the owner that the directory has
// already, when we may become that user, else RunAs.
func ownerOrRunAs(dir string) (User, error) {
	info, err := os.Stat(dir)
	if err != nil || os.Geteuid() != 0 {
		return RunAs()
	}
	owner, isUnix := info.Sys().(*syscall.Stat_t)
	if !isUnix || owner.Uid == 0 {
		return RunAs()
	}
	name := strconv.Itoa(int(owner.Uid))
	if known, err := user.LookupId(name); err == nil { // an owner without a name runs as well
		name = known.Username
	}
	return User{Name: name, UID: int(owner.Uid), GID: int(owner.Gid)}, nil
}

func ourselves() User {
	me := User{Name: strconv.Itoa(os.Geteuid()), UID: os.Geteuid(), GID: os.Getegid()}
	if known, err := user.LookupId(me.Name); err == nil { // a number will do as a name
		me.Name = known.Username
	}
	return me
}

func asUser(u *user.User) (User, error) {
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return User{}, err
	}
	gid, err := strconv.Atoi(u.Gid)
	return User{Name: u.Username, UID: uid, GID: gid}, err
}

// Command prepares a program of PostgreSQL to run as u, away from our own folder, our
// environment (which may hold secrets) and our group of processes.
func (u User) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/"
	cmd.Env = postgres.CleanEnvironment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if u.UID != os.Geteuid() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID)}
	}
	return cmd
}

// own hands a file or folder to u. Only root can, and only root needs to.
func (u User) own(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if err := os.Chown(path, u.UID, u.GID); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "giving %s to user %s: %w", path, u.Name, err)
	}
	return nil
}

// reaches reports, as an error that names the folder, that u may not enter dir or one of
// the folders above it. It tries as u, so that whatever decides on access is asked.
func (u User) reaches(ctx context.Context, dir, program string) error {
	if u.UID == os.Geteuid() || u.enters(ctx, dir, program) == nil {
		return ctx.Err()
	}
	for _, folder := range foldersAbove(dir) {
		err := u.enters(ctx, folder, program)
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrPermission) {
			return understudy.Errorf(understudy.KindUnavailable, "running %s as user %s: %w", program, u.Name, err)
		}
		return understudy.Errorf(understudy.KindUnavailable,
			"preparing %s for PostgreSQL: it runs as user %s here, who may not enter %s", dir, u.Name, folder).
			WithHint("choose another place with --state-dir, or let others pass through that folder: chmod o+x %s", folder)
	}
	return ctx.Err()
}

func (u User) enters(ctx context.Context, dir, program string) error {
	cmd := u.Command(ctx, program, "--version")
	cmd.Dir = dir // entered after the change of user
	return cmd.Run()
}

// foldersAbove is every folder on the way from the root to dir, dir included.
func foldersAbove(dir string) []string {
	folders, path := []string{"/"}, ""
	for part := range strings.SplitSeq(strings.Trim(filepath.Clean(dir), "/"), "/") {
		path += "/" + part
		folders = append(folders, path)
	}
	return folders
}
