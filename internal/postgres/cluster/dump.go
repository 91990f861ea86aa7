package cluster

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"understudy/internal/postgres"

	"understudy"
)

// Dump writes a safety copy of a database to a file that only we may read: everything in
// it, with owners and grants, in pg_dump's custom format. The file appears when it is
// whole, and then survives a power cut. It holds personal data if the database does.
func (c *Cluster) Dump(ctx context.Context, database, path string) error {
	program, err := c.tool("pg_dump")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*")
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "writing a safety copy of database %s: %w", database, err)
	}
	err = c.run(ctx, "writing a safety copy of database "+database, program,
		"--format", "custom", "--file", temp.Name(), "--no-password", "--dbname", c.AdminURL(database))
	if err == nil {
		err = temp.Sync()
	}
	if err := errors.Join(err, temp.Close()); err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "writing a safety copy of database %s: %w", database, errors.Join(err, os.Remove(temp.Name())))
	}
	return syncFolder(filepath.Dir(path))
}

// createEmpty makes an empty database that sorts and compares like the one described.
func (p properties) createEmpty(name string) string {
	parts := []string{"CREATE DATABASE", quoteName(name), "TEMPLATE template0 OWNER", quoteName(p.owner),
		"ENCODING", postgres.QuoteText(p.encoding), "LC_COLLATE", postgres.QuoteText(p.collate), "LC_CTYPE", postgres.QuoteText(p.ctype), "TABLESPACE", quoteName(p.tablespace)}
	switch p.provider {
	case "i":
		parts = append(parts, "LOCALE_PROVIDER icu ICU_LOCALE", postgres.QuoteText(p.locale))
		if p.icuRules != "" {
			parts = append(parts, "ICU_RULES", postgres.QuoteText(p.icuRules))
		}
	case "b":
		parts = append(parts, "LOCALE_PROVIDER builtin BUILTIN_LOCALE", postgres.QuoteText(p.locale))
	}
	return strings.Join(parts, " ")
}

// tool finds a client program of the cluster's own version.
func (c *Cluster) tool(name string) (string, error) {
	_, major, err := c.look()
	if err != nil {
		return "", err
	}
	from, err := c.install(major)
	if err != nil {
		return "", err
	}
	program := filepath.Join(from.Bin, name)
	if _, err := os.Stat(program); err != nil {
		return "", understudy.Errorf(understudy.KindUnavailable, "looking for %s of PostgreSQL %d: %s has none", name, from.Major, from.Bin).
			WithHint("install the client programs (Debian, Ubuntu: apt-get install postgresql-client-%d)", from.Major)
	}
	return program, nil
}

// run lets a client program do its work, as ourselves, and turns its last words into an
// error. It says names of things, never rows: those it would quote behind CONTEXT or DETAIL.
func (c *Cluster) run(ctx context.Context, doing, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = "/", postgres.CleanEnvironment()
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return understudy.Errorf(understudy.KindUnavailable, "%s: %w", doing, ctx.Err())
	}
	if strings.Contains(said.String(), "No space left on device") {
		return understudy.Errorf(understudy.KindUnavailable, "%s: the disk is full", doing).WithHint("make room, then try again; nothing was changed")
	}
	if reason := lastComplaint(said.String()); reason != "" {
		return understudy.Errorf(understudy.KindInternal, "%s: %s says: %s", doing, filepath.Base(program), postgres.WithoutValue(reason))
	}
	return understudy.Errorf(understudy.KindInternal, "%s: %s: %w", doing, filepath.Base(program), err)
}
