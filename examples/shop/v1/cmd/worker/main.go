// Command worker of release v1 settles payments and sends mail.
package main

import (
	"understudy/examples/shop/internal/program"
	"understudy/examples/shop/internal/worker"
)

func main() { program.Main(worker.Main) }
