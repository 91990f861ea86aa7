// Package migrations holds the SQL files that release v2 of the shop brings.
package migrations

import "embed"

// Files are NNNN_name.sql and, for the way back, NNNN_name.down.sql.
//
//go:embed *.sql
var Files embed.FS
