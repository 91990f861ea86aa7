package alone

import (
	"cmp"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/cli"
)

// handedOn are the variables that every command gets of the caller's environment; the others
// are named.
func handedOn() []string { return []string{"PATH", "HOME", "LANG", "TZ"} }

// leading are the variables that lead the clients of databases somewhere: those of the copy
// are set, and no other.
func leading() []string {
	return []string{
		"PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGPASSFILE", "PGSERVICE", "PGSERVICEFILE", "PGSSLMODE", "PGOPTIONS", "PGAPPNAME",
		"MYSQL_HOST", "MYSQL_TCP_PORT", "MYSQL_UNIX_PORT", "MYSQL_USER", "MYSQL_DATABASE", "MYSQL_PWD",
	}
}

// environment is what a command gets of the environment that the caller has. What leads to
// the database itself it never gets; the names of such variables are told.
func environment(order cli.MigrationOrder, caller []string, tell func(string)) (given []string, err error) {
	from, err := originOf(order.Database)
	if err != nil {
		return nil, err
	}
	if err := elsewhere(order, from); err != nil {
		return nil, err
	}
	has := map[string]string{}
	var kept []string
	for _, entry := range caller {
		name, value, _ := strings.Cut(entry, "=")
		if has[name] = value; from.in(value) {
			kept = append(kept, name)
		}
	}
	for _, name := range handedOn() {
		if value, is := has[name]; is && !slices.Contains(kept, name) {
			given = append(given, name+"="+value)
		}
	}
	for _, entry := range order.Env {
		name, value, set := strings.Cut(entry, "=")
		if err := nameable(order, name); err != nil {
			return nil, err
		}
		if !set {
			if value, set = has[name]; !set {
				return nil, understudy.Errorf(understudy.KindInvalid, "--env %s: there is no such variable in your environment", name)
			}
		} else if from.in(value) {
			return nil, understudy.Errorf(understudy.KindInvalid, "--env %s: its value leads to the database itself, which is never handed to the command", name).
				WithHint("the address of the copy is in %s, or where the command says {url}", order.URLEnv)
		}
		if !slices.Contains(kept, name) {
			given = append(given, name+"="+value)
		}
	}
	if len(kept) > 0 {
		slices.Sort(kept)
		tell("not handed to the command, as it leads to the database itself: " + strings.Join(kept, ", "))
	}
	return given, nil
}

// elsewhere refuses commands that name the database itself, which they would change.
func elsewhere(order cli.MigrationOrder, from leads) error {
	for _, arg := range slices.Concat(order.Command, order.Down, order.Status) {
		if from.says(arg) || from.names(arg) || slices.ContainsFunc(databaseURL.FindAllString(arg, -1), from.at) {
			return understudy.Errorf(understudy.KindInvalid, "the command names the database itself, and would change that in place of the copy").
				WithHint("write {url} where it says the address, or {path} for the file of SQLite; or let it read %s", order.URLEnv)
		}
	}
	return nil
}

// databaseURL is an address of a database's server, whoever signs in there.
var databaseURL = regexp.MustCompile(`(?i)\b(postgres|mysql|mariadb)[a-z0-9+]*://[^\s'"]+`)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// nameable refuses a name that is none, and one that leads to the copy.
func nameable(order cli.MigrationOrder, name string) error {
	switch {
	case !variable.MatchString(name):
		return understudy.Errorf(understudy.KindInvalid, "--env: expected NAME or NAME=VALUE, found the name %q", name)
	case name == order.URLEnv || slices.Contains(leading(), name):
		return understudy.Errorf(understudy.KindInvalid, "--env %s: it leads to the copy, or is not set", name)
	}
	return nil
}

// leads is where the database itself is, as other addresses of it would say.
type leads struct {
	exact string   // its address without options, or its path
	hosts []string // of its server: names, addresses, folders of sockets
	name  string   // of the database; empty: it is known by its path alone
}

// originOf reads where a database is from its address.
func originOf(address string) (leads, error) {
	kind, err := engine(address)
	if err != nil {
		return leads{}, understudy.Errorf(understudy.KindInvalid, "--database: %w", err)
	}
	exact, _, _ := strings.Cut(address, "?")
	from := leads{exact: exact}
	switch kind {
	case "postgres":
		config, err := pgx.ParseConfig(address)
		if err != nil {
			return leads{}, understudy.Errorf(understudy.KindInvalid, "--database: the address is not well formed")
		}
		from.name, from.hosts = cmp.Or(config.Database, config.User), []string{config.Host}
		for _, other := range config.Fallbacks {
			from.hosts = append(from.hosts, other.Host)
		}
	case "mysql":
		at, err := url.Parse(address)
		if err != nil {
			return leads{}, understudy.Errorf(understudy.KindInvalid, "--database: the address is not well formed")
		}
		from.name, from.hosts = strings.TrimPrefix(at.Path, "/"), []string{at.Hostname(), at.Query().Get("socket")}
	default:
		from.exact = strings.TrimPrefix(strings.TrimPrefix(exact, kind+":"), "//")
		if whole, err := filepath.Abs(from.exact); err == nil { // else it stays as it was said
			from.exact = whole
		}
	}
	from.hosts = slices.DeleteFunc(from.hosts, func(host string) bool { return host == "" })
	if len(from.hosts) == 0 || slices.ContainsFunc(from.hosts, isHere) {
		from.hosts = append(from.hosts, "localhost", "127.0.0.1", "::1")
	}
	return from, nil
}

// isHere tells a host that is this machine by several names.
func isHere(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1" || strings.HasPrefix(host, "/")
}

// in tells whether a value leads to the database: it holds its address, or its host and its
// name, in whatever form. It rather says so too often than once too little.
func (l leads) in(value string) bool {
	if l.says(value) || l.names(value) {
		return true
	}
	if l.name == "" || !hasWord(value, l.name) {
		return false
	}
	if slices.ContainsFunc(l.hosts, func(host string) bool { return hasWord(value, host) }) {
		return true
	}
	if !slices.ContainsFunc(l.hosts, isHere) {
		return false
	}
	at, err := url.Parse(value) // one without a host is of this machine
	return hostless.MatchString(value) || err == nil && at.Host == "" && strings.HasSuffix(at.Path, "/"+l.name) && at.Scheme != "" && at.Scheme != "file"
}

// says tells whether a value has the address itself, and not one that only begins like it.
func (l leads) says(value string) bool {
	for rest := value; ; {
		_, after, found := strings.Cut(rest, l.exact)
		if !found {
			return false
		}
		if after == "" || !goesOn(strings.ToLower(after[:1])[0]) && (l.name == "" || strings.IndexByte("/:@", after[0]) < 0) {
			return true
		}
		rest = after
	}
}

// at tells whether an address of a server leads to the database, and not to one beside it of which
// only the user is called so.
func (l leads) at(address string) bool {
	if at, err := url.Parse(address); err == nil {
		asked := at.Query()
		name := cmp.Or(asked.Get("dbname"), asked.Get("database"), strings.Trim(at.Path, "/"), asked.Get("user"), at.User.Username())
		if name != "" && !hasWord(name, l.name) {
			return false
		}
	}
	return l.in(address)
}

// names tells whether a value has a path to the file that the database is: one from this folder, where
// the command runs too, or over a link.
func (l leads) names(value string) bool {
	if l.name != "" || value == "" {
		return false
	}
	words := strings.FieldsFunc(value, func(c rune) bool { return strings.ContainsRune(" \t\r\n\"'=?&,;<>|()`", c) })
	return slices.ContainsFunc(append(words, value), func(word string) bool {
		path := word[strings.LastIndexByte(word, ':')+1:]
		if rest, isURL := strings.CutPrefix(path, "//"); isURL {
			path = rest
		}
		if whole, err := filepath.Abs(path); err == nil && whole == l.exact {
			return true
		}
		there, err := os.Stat(path)
		database, gone := os.Stat(l.exact)
		return err == nil && gone == nil && os.SameFile(there, database)
	})
}

// hostless are the forms of an address that name a socket of this machine, or no host, which
// is the same: libpq's with and without a host, and the one of Go's driver of MariaDB and MySQL.
var hostless = regexp.MustCompile(`(?i)\b(host|socket|unix_socket)=['"]?(/|%2f)|@(unix\(|/|%2f)|^([^@]*\s)?dbname=`)

// hasWord finds a word that does not go on on either side, in any case of letters.
func hasWord(text, word string) bool {
	text, word = strings.ToLower(text), strings.ToLower(word)
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return false
		}
		at += from
		end := at + len(word)
		if (at == 0 || !goesOn(text[at-1])) && (end == len(text) || !goesOn(text[end])) {
			return true
		}
		from = at + 1
	}
}

func goesOn(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}
