package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"understudy/bench/figures"
)

// goBench runs one benchmark of a package and gives its metrics by their units.
func goBench(ctx context.Context, folder, name string, more ...string) (map[string]float64, error) {
	args := append([]string{"test", "-run", "^$", "-bench", "^" + name + "$", "-timeout", "60m"}, more...)
	said, _, err := output(ctx, "go", append(args, folder)...)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	metrics := map[string]float64{}
	for line := range strings.Lines(said) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], name) {
			continue
		}
		fmt.Fprint(os.Stderr, line)
		for i := 2; i+1 < len(fields); i += 2 {
			if value, err := strconv.ParseFloat(fields[i], 64); err == nil {
				metrics[fields[i+1]] = value
			}
		}
	}
	if len(metrics) == 0 {
		return nil, fmt.Errorf("the benchmark %s of %s said nothing", name, folder)
	}
	return metrics, nil
}

// masks is how fast one core masks a mix of what people store.
func (b *bench) masks(ctx context.Context) error {
	var speeds []float64
	for range b.rounds {
		m, err := goBench(ctx, "./internal/mask", "BenchmarkMix", "-cpu", "1")
		if err != nil {
			return err
		}
		speeds = append(speeds, m["MB/core-s"]*60/1000)
	}
	b.note(figures.Alone("masking alone, of masked text", figures.Median(speeds), "GB/min per core", 0, 1.5))
	return nil
}

// leaks is whether one original among 20 million rows is found, ten times of ten.
func (b *bench) leaks(ctx context.Context) error {
	m, err := goBench(ctx, "./internal/leak", "BenchmarkDetection20M", "-benchtime", "1x")
	if err != nil {
		return err
	}
	b.note(
		figures.Alone("leak check: planted originals found among 20 M rows", m["planted-found"], "of 10", 0, 10),
		figures.Alone("leak check: false alarms among 20 M rows", m["false-alarms"], "places", 1e-9, 0),
		figures.Alone("leak check: memory", m["MB-memory"], "MB", 200, 0),
	)
	return nil
}
