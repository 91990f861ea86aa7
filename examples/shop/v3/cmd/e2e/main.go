// Command e2e tests a running shop of release v3 from outside.
package main

import (
	"understudy/examples/shop/internal/e2e"
	"understudy/examples/shop/internal/program"
	"understudy/examples/shop/v2/ratings"
	"understudy/examples/shop/v3/giftcard"
)

func main() { program.Main(e2e.Main(ratings.Case(), giftcard.Case())) }
