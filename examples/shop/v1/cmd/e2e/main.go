// Command e2e tests a running shop of release v1 from outside.
package main

import (
	"understudy/examples/shop/internal/e2e"
	"understudy/examples/shop/internal/program"
)

func main() { program.Main(e2e.Main()) }
