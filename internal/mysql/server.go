package mysql

import (
	"context"
	"strconv"
	"strings"

	"understudy"
)

// server is what the other end is.
type server struct {
	maria   bool
	version string // "10.11.14"
	major   int
	minor   int
}

// parseServer reads VERSION(): "10.11.14-MariaDB-0+deb12u2", "8.0.36".
func parseServer(version string) (server, error) {
	number, _, _ := strings.Cut(strings.TrimPrefix(version, "5.5.5-"), "-")
	parts := strings.Split(number, ".")
	if len(parts) < 2 {
		return server{}, understudy.Errorf(understudy.KindInvalid, "the server calls its version %s, and a number like 10.11 or 8.0 was expected", version)
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return server{}, understudy.Errorf(understudy.KindInvalid, "the server calls its version %s, and a number like 10.11 or 8.0 was expected", version)
	}
	minor, err := strconv.Atoi(parts[1])
	if err != nil {
		return server{}, understudy.Errorf(understudy.KindInvalid, "the server calls its version %s, and a number like 10.11 or 8.0 was expected", version)
	}
	return server{maria: strings.Contains(strings.ToLower(version), "mariadb"), version: number, major: major, minor: minor}, nil
}

func (s server) String() string {
	if s.maria {
		return "mariadb " + s.version
	}
	return "mysql " + s.version
}

// supported refuses servers that lack what a copy stands on.
func (s server) supported() error {
	least, found := server{major: 8, minor: 0}, "MySQL 8.0"
	if s.maria {
		least, found = server{major: 10, minor: 6}, "MariaDB 10.6"
	}
	if s.before(least) {
		return understudy.Errorf(understudy.KindInvalid, "the server is %s, and a copy needs %s or newer", s, found)
	}
	return nil
}

func (s server) before(other server) bool {
	return s.major < other.major || s.major == other.major && s.minor < other.minor
}

// ServerVersion is what the server at the other end is: "mariadb 10.11.14".
func ServerVersion(ctx context.Context, url string) (string, error) {
	s, err := open(ctx, url)
	if err != nil {
		return "", err
	}
	defer s.close()
	return s.server.String(), nil
}

// ServerSettings are the server's settings that change what statements do or how they
// are planned, by name. Settings of place and size are left out.
func ServerSettings(ctx context.Context, url string) (map[string]string, error) {
	s, err := open(ctx, url)
	if err != nil {
		return nil, err
	}
	defer s.close()
	rows, err := s.texts(ctx, "reading the server's settings", `SHOW GLOBAL VARIABLES WHERE Variable_name IN (
		'sql_mode', 'character_set_server', 'collation_server', 'default_storage_engine', 'lower_case_table_names', 'system_time_zone', 'time_zone',
		'tx_isolation', 'transaction_isolation', 'innodb_lock_wait_timeout', 'lock_wait_timeout', 'explicit_defaults_for_timestamp',
		'group_concat_max_len', 'max_allowed_packet', 'event_scheduler', 'innodb_default_row_format', 'innodb_strict_mode', 'max_statement_time',
		'max_execution_time', 'ft_min_word_len', 'innodb_ft_min_token_size', 'innodb_autoinc_lock_mode', 'auto_increment_increment',
		'old_mode', 'div_precision_increment', 'wait_timeout') OR Variable_name LIKE 'optimizer\_%'`)
	if err != nil {
		return nil, err
	}
	settings := make(map[string]string, len(rows))
	for _, row := range rows {
		settings[row[0]] = row[1]
	}
	return settings, nil
}

// open connects to where a URL leads.
func open(ctx context.Context, url string) (*session, error) {
	at, err := parseAddress(url)
	if err != nil {
		return nil, err
	}
	return connect(ctx, at)
}
