package doctor

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oldest is the first major version of PostgreSQL that everything works with.
const oldest = 13

// patience is how long a program may take to say its version.
const patience = 10 * time.Second

// lookForPostgres looks where distributions put the server's programs, then in PATH.
func lookForPostgres(ctx context.Context) Finding {
	f := Finding{What: fmt.Sprintf("PostgreSQL %d or newer", oldest),
		Fix: "install it: apt-get install postgresql (Debian, Ubuntu), dnf install postgresql-server (Fedora), brew install postgresql@17 (Mac); no server need be running"}
	var found []string
	newest := 0
	for _, dir := range postgresFolders() {
		major, version := postgresIn(ctx, dir)
		if major == 0 {
			continue
		}
		found = append(found, version+" in "+dir)
		newest = max(newest, major)
	}
	switch {
	case newest == 0:
		f.Found = "no folder with postgres, initdb and pg_dump, in the usual places or in PATH"
	case newest < oldest:
		f.Found = strings.Join(found, ", ")
	default:
		f.OK, f.Found, f.Fix = true, strings.Join(found, ", "), ""
	}
	return f
}

func postgresFolders() []string {
	var out []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", "/Applications/Postgres.app/Contents/Versions/*/bin"} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			continue // only a malformed pattern is an error, and these are not
		}
		out = append(out, matches...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		out = append(out, filepath.Dir(path))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// postgresIn is the version of the server in a folder; 0 where the folder does not have
// all that is needed.
func postgresIn(ctx context.Context, dir string) (major int, version string) {
	for _, program := range []string{"initdb", "pg_dump"} {
		if _, err := exec.LookPath(filepath.Join(dir, program)); err != nil {
			return 0, ""
		}
	}
	said, err := says(ctx, filepath.Join(dir, "postgres"), "--version")
	words := strings.Fields(said) // postgres (PostgreSQL) 15.14 (Debian …)
	if err != nil || len(words) < 3 {
		return 0, ""
	}
	digits, _, _ := strings.Cut(words[2], ".")
	major, err = strconv.Atoi(strings.TrimRightFunc(digits, func(r rune) bool { return r < '0' || r > '9' }))
	if err != nil {
		return 0, ""
	}
	return major, words[2]
}

func says(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	said, err := exec.CommandContext(ctx, program, args...).Output()
	return strings.TrimSpace(string(said)), err
}

// lookForUser looks for somebody to run PostgreSQL as, which refuses to run as root.
func lookForUser() Finding {
	f := Finding{What: "a user for PostgreSQL"}
	if os.Geteuid() != 0 {
		f.OK, f.Found = true, "the user who runs this"
		return f
	}
	for _, name := range []string{"postgres", "nobody"} {
		if account, err := user.Lookup(name); err == nil && account.Uid != "0" {
			f.OK, f.Found = true, fmt.Sprintf("%s (uid %s), as root cannot", account.Username, account.Uid)
			return f
		}
	}
	f.Found = "this is root, PostgreSQL refuses to run as root, and there is no user postgres or nobody"
	f.Fix = "make one: useradd --system postgres"
	return f
}

func lookForGit(ctx context.Context) Finding {
	f := Finding{What: "git, to say where a release was built from"}
	version, err := says(ctx, "git", "--version")
	if err != nil {
		f.Found, f.Fix = cmp.Or(err.Error(), "none"), "install git; without it, releases do not say their source revision"
		return f
	}
	f.OK, f.Found = true, strings.TrimPrefix(version, "git version ")
	return f
}
