package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"understudy/bench/figures"
)

// cost is what one run took.
type cost struct {
	seconds   float64
	processor float64 // seconds of all cores of the machine that were busy meanwhile
	memory    float64 // MB that the biggest of the run's own processes held at once
}

// timed measures what act does, and nothing before or after it.
func timed(act func() (memory float64, err error)) (cost, error) {
	busy, err := machineBusy()
	if err != nil {
		return cost{}, err
	}
	started := time.Now()
	memory, err := act()
	if err != nil {
		return cost{}, err
	}
	took := time.Since(started).Seconds()
	after, err := machineBusy()
	return cost{seconds: took, processor: after - busy, memory: memory}, err
}

// command runs a program to its end and tells the most memory it held, in MB.
func command(ctx context.Context, name string, args ...string) (float64, error) {
	_, memory, err := output(ctx, name, args...)
	return memory, err
}

func output(ctx context.Context, name string, args ...string) (string, float64, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var said, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &wrong
	if err := cmd.Run(); err != nil {
		return said.String(), 0, fmt.Errorf("%s: %w\n%s", cmd, err, wrong.String())
	}
	usage, known := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !known {
		return said.String(), 0, nil
	}
	return said.String(), float64(usage.Maxrss) / 1024, nil
}

// machineBusy is how many seconds of processor time this machine has spent working.
func machineBusy() (float64, error) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(content), "\n")
	fields := strings.Fields(first)
	const idle, waiting = 4, 5
	ticks := 0.0
	for i, field := range fields {
		if i == 0 || i == idle || i == waiting || i > 8 {
			continue
		}
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return ticks / 100, nil
}

// way is one way of making a copy.
type way struct {
	name    string
	prepare func(ctx context.Context) error            // not measured
	run     func(ctx context.Context) (float64, error) // measured; tells memory in MB
}

// interleaved runs every way once a round, in another order each time, and gives the
// medians by name.
func interleaved(ctx context.Context, rounds int, ways []way) (map[string]cost, error) {
	all := map[string][]cost{}
	for round := range rounds {
		for i := range ways {
			w := ways[(i+round)%len(ways)]
			if err := w.prepare(ctx); err != nil {
				return nil, fmt.Errorf("preparing %s: %w", w.name, err)
			}
			c, err := timed(func() (float64, error) { return w.run(ctx) })
			if err != nil {
				return nil, fmt.Errorf("%s: %w", w.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d: %-24s %7.1f s, %6.1f s of processor, %5.0f MB\n", round+1, w.name, c.seconds, c.processor, c.memory)
			all[w.name] = append(all[w.name], c)
		}
	}
	medians := map[string]cost{}
	for name, costs := range all {
		medians[name] = medianCost(costs)
	}
	return medians, nil
}

func medianCost(costs []cost) cost {
	pick := func(of func(cost) float64) float64 {
		var values []float64
		for _, c := range costs {
			values = append(values, of(c))
		}
		return figures.Median(values)
	}
	return cost{
		seconds:   pick(func(c cost) float64 { return c.seconds }),
		processor: pick(func(c cost) float64 { return c.processor }),
		memory:    pick(func(c cost) float64 { return c.memory }),
	}
}
