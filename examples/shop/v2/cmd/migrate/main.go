// Command migrate brings the schema to release v2, and back to what it was before it.
package main

import (
	"understudy/examples/shop/internal/migrate"
	"understudy/examples/shop/internal/program"
	v1 "understudy/examples/shop/v1/migrations"
	v2 "understudy/examples/shop/v2/migrations"
)

func main() {
	program.Main(migrate.Main("v2", v1.Files, v2.Files))
}
