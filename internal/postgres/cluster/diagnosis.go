package cluster

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"understudy"
	"understudy/internal/loopback"
)

// logTail is how much of the end of a log is read to learn why a server ended, in bytes.
const logTail = 64 << 10

// diagnose says in one sentence why initdb or the server did not get through, from what
// it wrote meanwhile.
func (c *Cluster) diagnose(doing, output string, cause error) error {
	for _, known := range knownTroubles() {
		if regexp.MustCompile(known.sign).MatchString(output) {
			return understudy.Errorf(understudy.KindUnavailable, "%s %s: %s", doing, c, known.found).WithHint("%s; the log is %s", known.next, c.spec.Log)
		}
	}
	if reason := lastComplaint(output); reason != "" {
		return understudy.Errorf(understudy.KindInternal, "%s %s: PostgreSQL says: %s", doing, c, reason).WithHint("its log is %s", c.spec.Log)
	}
	return understudy.Errorf(understudy.KindInternal, "%s %s: PostgreSQL ended without a reason: %w", doing, c, cause).
		WithHint("its log is %s", c.spec.Log)
}

// Explain says of an error that a session had with the server, in place of that its connection broke,
// that the server ended as its disk is full, where the end of its log says so.
func (c *Cluster) Explain(err error) error {
	full := knownTroubles()[0]
	if err == nil || !regexp.MustCompile(`(?m)(?:FATAL|PANIC): .*`+full.sign).MatchString(readFrom(c.spec.Log, 0)) {
		return err
	}
	return understudy.Errorf(understudy.KindUnavailable, "%s has ended: %s", c, full.found).WithHint("make room, then run it again")
}

// trouble is one known reason: its sign in the output, what was found, what to do next.
type trouble struct {
	sign  string // a regular expression
	found string
	next  string
}

func knownTroubles() []trouble {
	return []trouble{ // the disk comes first
		{`No space left on device`, "the disk is full", "make room, then start again; nothing is lost"},
		{`could not bind .*Address already in use|could not create any TCP/IP sockets`,
			"its port is taken by another program", "choose another port, or end that program"},
		{orphans.String(), "processes of the server that ran here before have not ended", "end them, then start again"},
		{`lock file ".*" already exists`, "another server seems to run on the directory",
			"stop it; if the process named in its postmaster.pid is no PostgreSQL, remove that file"},
		{`database files are incompatible with server`, "the directory was made by another build or version of PostgreSQL",
			"install the version that made it"},
		{`data directory .* has wrong ownership`, "the data directory belongs to another user", "run understudy as its owner"},
		{`could not (map anonymous shared memory|create shared memory segment)|out of memory|Cannot allocate memory`,
			"the machine has too little memory for its settings", "lower shared_buffers or max_connections"},
		{`invalid locale (name|settings)`, "the machine lacks the locale that the cluster wants", "install the locale, or name another one"},
		{`configuration file ".*" contains errors`, "a setting is not one that this version of PostgreSQL takes",
			"look at the settings; the log names the line"},
	}
}

var complaint = regexp.MustCompile(`(?m)(?:FATAL|PANIC|error): +(.*)$`)

func lastComplaint(output string) string {
	all := complaint.FindAllStringSubmatch(output, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// readFrom returns what a file holds behind an offset, at most its last logTail. It helps to explain an error: what cannot be read explains nothing.
func readFrom(path string, offset int64) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close() //nolint:errcheck // opened for reading
	info, err := file.Stat()
	if err != nil {
		return ""
	}
	offset = max(offset, info.Size()-logTail)
	content, err := io.ReadAll(io.NewSectionReader(file, offset, logTail))
	if err != nil {
		return ""
	}
	return string(content)
}

// portFree reports, with the name of who has it where the system tells, that the
// cluster's port is taken.
func (c *Cluster) portFree() error {
	if c.spec.Port == 0 {
		return nil
	}
	taken, err := loopback.Taken(c.spec.Port)
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "trying port %d for %s: %w", c.spec.Port, c, err)
	}
	if !taken {
		return nil
	}
	by := "another program"
	if name := listenerOn(c.spec.Port); name != "" {
		by = name
	}
	return understudy.Errorf(understudy.KindUnavailable, "starting %s: port %d is taken by %s", c, c.spec.Port, by).
		WithHint("choose another port, or end that program")
}

// listenerOn names the process that listens on a port, "nginx (process 123)", where /proc
// tells and lets us see it; else it is empty.
func listenerOn(port int) string {
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(content)) {
			fields := strings.Fields(line)
			if len(fields) > 9 && fields[3] == "0A" && strings.HasSuffix(fields[1], ":"+strings.ToUpper(hex4(port))) {
				inodes["socket:["+fields[9]+"]"] = true
			}
		}
	}
	if len(inodes) == 0 {
		return ""
	}
	files, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && inodes[target] {
			return processAt(filepath.Dir(filepath.Dir(file)))
		}
	}
	return ""
}

func processAt(folder string) string {
	name, err := os.ReadFile(filepath.Join(folder, "comm"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name)) + " (process " + filepath.Base(folder) + ")"
}

func hex4(port int) string {
	text := strconv.FormatInt(int64(port), 16)
	return strings.Repeat("0", 4-len(text)) + text
}
