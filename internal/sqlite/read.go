package sqlite

import "context"

// Reader reads a database at one moment, for the rooms of SQLite.
type Reader struct{ session *session }

// Read lends act a reader of a database, which sees one moment while it lasts. In the older
// journal modes nobody can write meanwhile.
func Read(ctx context.Context, source string, act func(*Reader) error) error {
	return reading(ctx, source, func(s *session) error { return act(&Reader{s}) })
}

// Texts is a result as text, row by row; NULL is the empty text.
func (r *Reader) Texts(ctx context.Context, doing, query string, args ...any) ([][]string, error) {
	return r.session.texts(ctx, doing, query, args...)
}

// Locate is the absolute path of the file that an address leads to: a path, sqlite:path, or
// sqlite:///path.
func Locate(source string) (string, error) { return locate(source) }

// TableName is a table as results write it: "main.orders".
func TableName(name string) string { return tableName(name) }

// Quoted writes a name so that it is read as one.
func Quoted(name string) string { return quoted(name) }
