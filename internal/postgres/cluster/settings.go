package cluster

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"understudy"
)

// settingsFile is the part of the configuration that is ours; postgresql.conf includes it.
const settingsFile = "understudy.conf"

// includeLine makes postgresql.conf read our file, last, so that ours holds.
const includeLine = "include_if_exists = '" + settingsFile + "'"

// hostRules let everybody in through the socket, whose folder is closed to strangers, and
// through loopback with a password; nobody otherwise.
const hostRules = `# Written by understudy at every start.
local  all          all                     trust
local  replication  postgres                trust
host   all          all       127.0.0.1/32  scram-sha-256
`

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*$`)

// isDecided tells the settings that follow from the rest of the description.
func isDecided(name string) bool {
	return slices.Contains([]string{
		"data_directory", "hba_file", "ident_file", "config_file", "external_pid_file", "listen_addresses", "port",
		"unix_socket_directories", "unix_socket_group", "unix_socket_permissions", "include", "include_dir", "include_if_exists",
	}, strings.ToLower(name))
}

func validateSettings(settings map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		switch {
		case !settingName.MatchString(name):
			return understudy.Errorf(understudy.KindInvalid, "describing a PostgreSQL cluster: %q is no name of a setting", name)
		case isDecided(name):
			return understudy.Errorf(understudy.KindInvalid,
				"describing a PostgreSQL cluster: setting %s follows from the description and cannot be given", name)
		case strings.ContainsAny(settings[name], "\x00\n\r"):
			return understudy.Errorf(understudy.KindInvalid, "describing a PostgreSQL cluster: the value of setting %s holds a line break", name)
		}
	}
	return nil
}

// settings are ours, overridden by the description's.
//
// Several clusters share a small machine, so memory is taken modestly. What a statement
// carried (its text, the values of a failing row) is personal data, so it stays out of the log.
// The log is written in the form that the room serverlog reads. A commit waits for the disk and
// for no standby: only the sessions of a migration that is watched wait for one.
func (c *Cluster) settings() map[string]string {
	all := map[string]string{
		"shared_buffers":          "128MB",
		"max_connections":         "200",
		"wal_level":               "replica",
		"log_lock_waits":          "on",
		"log_destination":         "stderr",
		"logging_collector":       "off",
		"log_line_prefix":         "%m [%p] %e %q%u@%d/%a ",
		"log_timezone":            "UTC",
		"lc_messages":             "C",
		"synchronous_commit":      "local",
		"log_error_verbosity":     "terse",
		"log_min_error_statement": "panic",
		"password_encryption":     "scram-sha-256",
	}
	maps.Copy(all, c.spec.Settings)
	all["port"] = fmt.Sprint(c.port())
	all["listen_addresses"] = ""
	if c.spec.Port != 0 {
		all["listen_addresses"] = "127.0.0.1"
	}
	all["unix_socket_directories"] = c.spec.SocketDir
	all["unix_socket_permissions"] = "0700"
	return all
}

// configure writes our part of the configuration into a data directory, which may be one
// that is still being made. The settings of overlay go over all others.
func (c *Cluster) configure(dir string, owner User, overlay map[string]string) error {
	var text strings.Builder
	text.WriteString("# Written by understudy at every start; edits do not last.\n")
	all := c.settings()
	maps.Copy(all, overlay)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s = '%s'\n", name, escapeSetting(all[name]))
	}
	if err := replaceFile(filepath.Join(dir, settingsFile), text.String(), owner); err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(dir, "pg_hba.conf"), hostRules, owner); err != nil {
		return err
	}
	return includeOurs(filepath.Join(dir, "postgresql.conf"), owner)
}

func escapeSetting(value string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(value)
}

func includeOurs(path string, owner User) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "reading the configuration of PostgreSQL: %w", err)
	}
	text := strings.TrimRight(string(content), "\n")
	if text == includeLine || strings.HasSuffix(text, "\n"+includeLine) {
		return nil
	}
	return replaceFile(path, text+"\n"+includeLine+"\n", owner)
}

// replaceFile gives a file of the cluster new content, whole or not at all.
func replaceFile(path, content string, owner User) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*") // readable by its owner only
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "replacing %s: %w", path, err)
	}
	_, err = temp.WriteString(content)
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "replacing %s: %w", path, errors.Join(err, os.Remove(temp.Name())))
	}
	if err := owner.own(temp.Name()); err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "replacing %s: %w", path, errors.Join(err, os.Remove(temp.Name())))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes what was created or renamed in a folder survive a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "flushing folder %s: %w", path, err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "flushing folder %s: %w", path, err)
	}
	return nil
}
