package mysql

import (
	"context"
	"database/sql"

	driver "github.com/go-sql-driver/mysql"

	"understudy"
)

// Connection is one connection to a server, for the rooms of MariaDB and MySQL. It is for
// one goroutine.
type Connection struct {
	session *session
	// Maria tells MariaDB from MySQL.
	Maria bool
	// Server is product and version: "mariadb 10.11.14".
	Server string
	// Database is the one that its URL names.
	Database string
	// ID is the connection's, as the server counts.
	ID int64
}

// Dial connects to where a URL leads.
func Dial(ctx context.Context, url string) (*Connection, error) {
	s, err := open(ctx, url)
	if err != nil {
		return nil, err
	}
	return &Connection{session: s, Maria: s.maria, Server: s.server.String(), Database: s.database, ID: s.id}, nil
}

// Close ends the connection. The server rolls back what was open.
func (c *Connection) Close() { c.session.close() }

// Exec runs statements one by one; doing is what an error says was being done.
func (c *Connection) Exec(ctx context.Context, doing string, statements ...string) error {
	return c.session.exec(ctx, doing, statements...)
}

// Texts is a result as text, row by row; NULL is the empty text.
func (c *Connection) Texts(ctx context.Context, doing, query string, args ...any) ([][]string, error) {
	return c.session.texts(ctx, doing, query, args...)
}

// Quoted writes a name so that it is read as one.
func Quoted(name string) string { return quoted(name) }

// TableName is a table as results write it: "main.orders".
func TableName(name string) string { return tableName(name) }

// Before tells whether the server's version is an older one.
func (c *Connection) Before(major, minor int) bool {
	return c.session.before(server{major: major, minor: minor})
}

// Pool opens a database for statements of an application's kind, as the account in its
// address. It connects at the first use; the caller closes it.
func Pool(url string) (*sql.DB, error) {
	at, err := parseAddress(url)
	if err != nil {
		return nil, err
	}
	connector, err := driver.NewConnector(at.config)
	if err != nil { // its text may hold the address
		return nil, understudy.Errorf(understudy.KindInvalid, "the address of %s cannot be used", at.place)
	}
	return sql.OpenDB(connector), nil
}
