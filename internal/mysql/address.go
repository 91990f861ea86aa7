package mysql

import (
	"net"
	"net/url"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"understudy"
)

// connectTimeout bounds how long a server may take to answer a new connection.
const connectTimeout = 10 * time.Second

// largestPacket is the most that the protocol lets one row or statement have.
const largestPacket = 1 << 30

// address is where a database is, and how to get in.
type address struct {
	config   *driver.Config
	database string
	place    string // for messages: never a password
	patience time.Duration
}

// parseAddress reads mysql://user:password@host:3306/database, or mariadb://; a socket is
// ?socket=/path, and ?tls= is true, skip-verify or preferred. Errors show no part of it.
func parseAddress(raw string) (address, error) {
	malformed := func(why string) error {
		return understudy.Errorf(understudy.KindInvalid, "the address of the database is not well formed: %s", why).
			WithHint("write mysql://user@host:3306/database, or mysql://user@/database?socket=/path/to/socket")
	}
	u, err := url.Parse(raw)
	if err != nil { // its text holds the address
		return address{}, malformed("it is no URL")
	}
	if u.Scheme != "mysql" && u.Scheme != "mariadb" {
		return address{}, malformed("it does not begin with mysql:// or mariadb://")
	}
	c := driver.NewConfig()
	c.Net, c.Addr = "tcp", net.JoinHostPort(u.Hostname(), "3306")
	if u.Port() != "" {
		c.Addr = u.Host
	}
	for name, values := range u.Query() {
		switch {
		case name == "socket":
			c.Net, c.Addr = "unix", values[0]
		case name == "tls" && (values[0] == "true" || values[0] == "skip-verify" || values[0] == "preferred" || values[0] == "false"):
			c.TLSConfig = values[0]
		default:
			return address{}, malformed("only the parameters socket and tls (true, skip-verify, preferred, false) are known")
		}
	}
	if c.Net == "tcp" && u.Hostname() == "" {
		return address{}, malformed("it names neither a host nor a socket")
	}
	if u.User == nil || u.User.Username() == "" || len(u.Path) < 2 {
		return address{}, malformed("it has to name a user and a database")
	}
	c.User, c.DBName = u.User.Username(), u.Path[1:]
	c.Passwd, _ = u.User.Password()
	c.Timeout, c.MaxAllowedPacket, c.Logger = connectTimeout, largestPacket, &driver.NopLogger{}
	c.InterpolateParams, c.Collation = true, "utf8mb4_general_ci"
	return address{config: c, database: c.DBName, place: "database " + c.DBName + " at " + c.Addr + " as " + c.User, patience: connectTimeout}, nil
}
