// Command migrate brings the schema to release v1, and back to what it was before it.
package main

import (
	"understudy/examples/shop/internal/migrate"
	"understudy/examples/shop/internal/program"
	v1 "understudy/examples/shop/v1/migrations"
)

func main() {
	program.Main(migrate.Main("v1", v1.Files))
}
