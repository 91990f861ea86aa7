// Command migrate brings the schema to release v3, and back to what it was before it.
package main

import (
	"understudy/examples/shop/internal/migrate"
	"understudy/examples/shop/internal/program"
	v1 "understudy/examples/shop/v1/migrations"
	v2 "understudy/examples/shop/v2/migrations"
	v3 "understudy/examples/shop/v3/migrations"
)

func main() {
	program.Main(migrate.Main("v3", v1.Files, v2.Files, v3.Files))
}
