package main

import (
	"context"
	"fmt"

	"understudy/bench/figures"
)

// live is how far a twin that follows production is behind while 2,500 rows change a second.
func (b *bench) live(ctx context.Context) error {
	m, err := goBench(ctx, "./internal/postgres/follow", "BenchmarkFollow_Lag", "-benchtime", fmt.Sprintf("%ds", b.seconds))
	if err != nil {
		return err
	}
	b.note(
		figures.Alone("live twin: row changes followed", m["changes/s"], "changes/s", 0, 2000),
		figures.Alone("live twin: lag, median", m["p50-lag-ms"]/1000, "s", 0, 0),
		figures.Alone("live twin: lag, 99th percentile", m["p99-lag-ms"]/1000, "s", 2, 0),
	)
	return nil
}
