package cluster

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"understudy"
)

// BinVariable is the environment variable that names the one folder to take
// PostgreSQL's programs from, instead of looking for it.
const BinVariable = "UNDERSTUDY_PG_BIN"

// installHint says how to get PostgreSQL onto a machine.
const installHint = "install it (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; " +
	"macOS: brew install postgresql@17), or name the folder of its programs in " + BinVariable

// Installation is one PostgreSQL server on this machine.
type Installation struct {
	Major   int    // 15
	Version string // "15.18"
	Bin     string // folder of initdb, pg_ctl and postgres
}

// Installations lists the servers on this machine, newest first: those of the search
// path and of the places where packages put them, or only that of BinVariable when it is
// set. None is an error of KindUnavailable with the package to install as its hint.
func Installations() ([]Installation, error) {
	if bin := os.Getenv(BinVariable); bin != "" {
		one, err := installationAt(bin)
		if err != nil {
			return nil, err
		}
		return []Installation{one}, nil
	}
	found := map[string]Installation{}
	for _, folder := range candidateFolders() {
		if one, err := installationAt(folder); err == nil { // a folder without a server is no installation
			found[one.Bin] = one
		}
	}
	if len(found) == 0 {
		return nil, understudy.Errorf(understudy.KindUnavailable, "looking for PostgreSQL: no server is installed on this machine").
			WithHint("%s", installHint)
	}
	return newestFirst(found), nil
}

func newestFirst(found map[string]Installation) []Installation {
	list := make([]Installation, 0, len(found))
	for _, one := range found {
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b Installation) int {
		return cmp.Or(cmp.Compare(b.Major, a.Major), compareVersions(b.Version, a.Version), cmp.Compare(a.Bin, b.Bin))
	})
	return list
}

func compareVersions(a, b string) int {
	return cmp.Or(cmp.Compare(minorOf(a), minorOf(b)), cmp.Compare(a, b))
}

func minorOf(version string) int {
	_, minor, _ := strings.Cut(version, ".")
	number, err := strconv.Atoi(minor)
	if err != nil { // "18beta1" comes before every release
		return -1
	}
	return number
}

func candidateFolders() []string {
	folders := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/lib64/pgsql/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/usr/libexec/postgresql*",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		if matches, err := filepath.Glob(pattern); err == nil { // the patterns are well formed
			folders = append(folders, matches...)
		}
	}
	return folders
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (([0-9]+)[^ \n]*)`)

// installationAt asks the programs in a folder which version they are.
func installationAt(folder string) (Installation, error) {
	program, err := filepath.EvalSymlinks(filepath.Join(folder, "pg_ctl"))
	if err != nil {
		return Installation{}, notAServer(folder, "it has no pg_ctl")
	}
	bin, err := filepath.Abs(filepath.Dir(program))
	if err != nil {
		return Installation{}, notAServer(folder, err.Error())
	}
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return Installation{}, notAServer(folder, "it has no "+name)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return Installation{}, notAServer(folder, "postgres --version: "+err.Error())
	}
	match := versionText.FindStringSubmatch(string(out))
	if match == nil {
		return Installation{}, notAServer(folder, "postgres --version answered something else than a version")
	}
	major, err := strconv.Atoi(match[2])
	if err != nil {
		return Installation{}, notAServer(folder, err.Error())
	}
	return Installation{Major: major, Version: match[1], Bin: bin}, nil
}

func notAServer(folder, why string) error {
	return understudy.Errorf(understudy.KindUnavailable, "looking for PostgreSQL in %s: %s", folder, why).WithHint("%s", installHint)
}

// installationFor picks the newest installation of a major version; of any, for 0.
func installationFor(major int) (Installation, error) {
	all, err := Installations()
	if err != nil {
		return Installation{}, err
	}
	var have []string
	for _, one := range all {
		if major == 0 || one.Major == major {
			return one, nil
		}
		have = append(have, one.Version)
	}
	return Installation{}, understudy.Errorf(understudy.KindUnavailable,
		"looking for PostgreSQL %d: this machine has only %s", major, strings.Join(have, ", ")).
		WithHint("install that version (Debian, Ubuntu: apt-get install postgresql-%d), or name the folder of its programs in %s", major, BinVariable)
}
