package postgres

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"understudy"
)

// Tool is one run of a program of PostgreSQL against a database. The password goes
// by its environment: a command line can be read by everybody on the machine.
type Tool struct {
	Bin, Name, URL string
	Options        string // server settings of its session, as PGOPTIONS
	App            string // application_name
	Args           []string
}

// Run runs the program to its end, or ends it with ctx: with all that it has started, as
// pg_basebackup's second half would keep the log of the source for itself for ever.
func (t Tool) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	address, password, err := withoutPassword(t.URL)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(t.Bin, t.Name), append([]string{"--no-password", "--dbname=" + address}, t.Args...)...)
	cmd.WaitDelay = closingTime
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Env = append(CleanEnvironment(), "HOME="+os.Getenv("HOME"), "PGAPPNAME="+t.App, "PGOPTIONS="+t.Options, "PGCONNECT_TIMEOUT=10")
	if password != "" {
		cmd.Env = append(cmd.Env, "PGPASSWORD="+password)
	}
	said := &tail{limit: 16 << 10}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, said
	err = cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, new(*exec.ExitError)):
		return toolError(t.Name, said.text)
	}
	return understudy.Errorf(understudy.KindUnavailable, "running %s: %w", filepath.Join(t.Bin, t.Name), err)
}

// toolError is the first error that a program wrote, without what may hold values: the
// lines after it, and what it quotes.
func toolError(name string, said []byte) error {
	for line := range strings.Lines(string(said)) {
		at := strings.Index(line, "ERROR:")
		if at < 0 {
			at = strings.Index(line, "FATAL:")
		}
		if at < 0 {
			at = strings.Index(line, "error: ")
		}
		if at < 0 {
			continue
		}
		message := strings.TrimSpace(WithoutValue(line[at:]))
		message = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(message, "ERROR:"), "error:"))
		made := understudy.Errorf(understudy.KindInternal, "%s stopped: %s", name, message)
		switch {
		case strings.Contains(message, "No space left on device"):
			made.Kind = understudy.KindUnavailable
			return made.WithHint("the disk is full: free space, then run it again")
		case strings.Contains(message, "out of shared memory"):
			made.Kind = understudy.KindUnavailable
			return made.WithHint("the server's table of locks is too small for so many tables: raise max_locks_per_transaction there, and restart it")
		case strings.Contains(message, "violates foreign key constraint"):
			made.Kind = understudy.KindInvalid
			return made.WithHint("a column and the one it refers to have to be masked by the same rule")
		case strings.Contains(message, "could not create unique index"):
			made.Kind = understudy.KindInvalid
			return made.WithHint("a column whose values are unique needs a mask that keeps them so")
		}
		return made
	}
	return understudy.Errorf(understudy.KindInternal, "%s stopped without saying why", name)
}

// withoutPassword takes the password out of a database's URL, with the parameters that
// only our own driver knows.
func withoutPassword(address string) (clean, password string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", "", understudy.Errorf(understudy.KindInvalid, "the address of the database is not a URL").
			WithHint("write postgres://user@host:5432/database")
	}
	if u.User != nil {
		password, _ = u.User.Password()
		u.User = url.User(u.User.Username())
	}
	query := u.Query()
	if p := query.Get("password"); p != "" {
		password = p
	}
	for key := range query {
		switch {
		case key == "password", key == "statement_cache_capacity", key == "description_cache_capacity",
			key == "default_query_exec_mode", strings.HasPrefix(key, "pool_"), key == "search_path", strings.Contains(key, "timezone"):
			query.Del(key)
		}
	}
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return u.String(), password, nil
}

// toolVersion finds the major version in what a program says of itself.
var toolVersion = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// ToolsMajor is the major version of the programs in a folder.
func ToolsMajor(ctx context.Context, bin string) (int, error) {
	program := filepath.Join(bin, "pg_dump")
	cmd := exec.CommandContext(ctx, program, "--version")
	cmd.Env = CleanEnvironment()
	said, err := cmd.Output()
	if err != nil {
		return 0, understudy.Errorf(understudy.KindUnavailable, "running %s: %w", program, err).
			WithHint("install the client programs of PostgreSQL")
	}
	found := toolVersion.FindSubmatch(said)
	if found == nil {
		return 0, understudy.Errorf(understudy.KindUnavailable, "%s does not say which version of PostgreSQL it is of", program)
	}
	return strconv.Atoi(string(found[1]))
}

// tail keeps the first bytes that a program writes, and swallows the rest.
type tail struct {
	text  []byte
	limit int
}

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[:min(len(p), t.limit-len(t.text))]...)
	return len(p), nil
}

// CleanEnvironment is what PostgreSQL's programs get to see: messages in English, so
// that they can be understood, and nothing of ours.
func CleanEnvironment() []string {
	env := []string{"LC_ALL=C", "HOME=/"}
	for _, key := range []string{"PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, set := os.LookupEnv(key); set {
			env = append(env, key+"="+value)
		}
	}
	return env
}
