package instance

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"understudy"
)

// installation is where the machine has a server's programs.
type installation struct {
	server string // mariadbd or mysqld
	maker  string // mariadb-install-db; empty: the server makes its directory itself
}

// installed finds the machine's server, MariaDB before MySQL.
func installed() (installation, error) {
	for _, name := range []string{"mariadbd", "mysqld"} {
		server := found(name)
		if server == "" {
			continue
		}
		maker := found("mariadb-install-db")
		if maker == "" {
			maker = found("mysql_install_db")
		}
		return installation{server: server, maker: maker}, nil
	}
	return installation{}, understudy.Errorf(understudy.KindUnavailable, "looking for a server of MariaDB or MySQL: this machine has neither mariadbd nor mysqld").
		WithHint("install it, for example apt-get install mariadb-server-core mariadb-client-core, which starts no service")
}

// found is the path of a program on the PATH or where systems keep servers; empty if it
// is in none.
func found(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, folder := range []string{"/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/mysql/bin"} {
		if path := filepath.Join(folder, name); syscall.Access(path, 1) == nil {
			return path
		}
	}
	return ""
}

// initialising is the program that makes a data directory, with its arguments.
func (i installation) initialising(dir string) (string, []string) {
	if i.maker == "" {
		return i.server, []string{"--no-defaults", "--initialize-insecure", "--datadir=" + dir}
	}
	return i.maker, []string{"--no-defaults", "--datadir=" + dir, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"}
}

// account is who a server runs as and who owns its files.
type account struct {
	name     string
	uid, gid int
}

// runAs is who the server in dir runs as: ourselves, or, when we are root, which it
// refuses, the owner that the directory has, else the machine's mysql, daemon or nobody.
func runAs(dir string) (account, error) {
	if os.Geteuid() != 0 {
		return account{name: strconv.Itoa(os.Geteuid()), uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	if info, err := os.Stat(dir); err == nil {
		if owner, isUnix := info.Sys().(*syscall.Stat_t); isUnix && owner.Uid != 0 {
			return account{name: strconv.Itoa(int(owner.Uid)), uid: int(owner.Uid), gid: int(owner.Gid)}, nil
		}
	}
	for _, name := range []string{"mysql", "_mysql", "daemon", "nobody"} {
		known, err := user.Lookup(name)
		if err != nil { // the next name is as good
			continue
		}
		uid, uidErr := strconv.Atoi(known.Uid)
		gid, gidErr := strconv.Atoi(known.Gid)
		if uidErr == nil && gidErr == nil && uid > 0 {
			return account{name: name, uid: uid, gid: gid}, nil
		}
	}
	return account{}, understudy.Errorf(understudy.KindUnavailable, "choosing a user to run the database server as: it refuses to run as root, and this machine has no user mysql, daemon or nobody").
		WithHint("make one (useradd --system mysql), or do not run understudy as root")
}

// command prepares a program to run as the account, away from our own folder, our
// environment, which may hold secrets, and our group of processes.
func (a account) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a.uid != os.Geteuid() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return cmd
}

// own hands a file or folder to the account. Only root can, and only root needs to.
func (a account) own(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(path, a.uid, a.gid)
}

// enters tries, as the account, to be in a folder.
func (a account) enters(ctx context.Context, folder string) error {
	cmd := a.command(ctx, "/bin/sh", "-c", ":")
	cmd.Dir = folder // entered after the change of user
	return cmd.Run()
}
