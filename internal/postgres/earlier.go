package postgres

import "github.com/jackc/pgx/v5"

// Earlier is a masked copy that was made before, of the same database, as it has to be at
// the moment that a new one is made of: what it has need not be read from production, nor masked, again.
type Earlier struct {
	// Conn sees it, in a transaction. It is used by one goroutine at a time.
	Conn *pgx.Conn
	// Tables are those that are taken from it, by their quoted names: ordinary ones, and
	// partitions one by one.
	Tables map[string]bool
}

// Has tells whether a table's rows are there. A nil one has none.
func (e *Earlier) Has(schema, table string) bool {
	return e != nil && e.Tables[pgx.Identifier{schema, table}.Sanitize()]
}
