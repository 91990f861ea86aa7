// Package figures is the form in which benchmarks say what they measured: a table to
// read, and bench/results/NAME.json to compare with.
package figures

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// Figure is one thing measured, against a peer or a ceiling measured in the same run.
// What could not be measured has no value, and is not met.
type Figure struct {
	Metric    string   `json:"metric"`
	Value     *float64 `json:"value"`
	Unit      string   `json:"unit"`
	Peer      string   `json:"peer"` // what it is compared with
	PeerValue *float64 `json:"peer_value"`
	Ratio     *float64 `json:"ratio"`  // value to peer's value
	Target    string   `json:"target"` // as "at most 1.0 x"; empty: told for its own sake
	Met       *bool    `json:"met"`
}

// Against is a value beside its peer's. The target is on their ratio, at most or at
// least; 0: none.
func Against(metric string, value float64, unit, peer string, peerValue, atMost, atLeast float64) Figure {
	f := Figure{Metric: metric, Value: &value, Unit: unit, Peer: peer, PeerValue: &peerValue}
	ratio := value / peerValue
	f.Ratio = &ratio
	f.judge(ratio, atMost, atLeast, " x")
	return f
}

// Alone is a value with a target of its own, at most or at least; 0: none.
func Alone(metric string, value float64, unit string, atMost, atLeast float64) Figure {
	f := Figure{Metric: metric, Value: &value, Unit: unit}
	f.judge(value, atMost, atLeast, " "+unit)
	return f
}

// Unmeasured says why a target was not measured; it counts as missed.
func Unmeasured(metric, target, why string) Figure {
	missed := false
	return Figure{Metric: metric, Peer: "not measured: " + why, Target: target, Met: &missed}
}

func (f *Figure) judge(value, atMost, atLeast float64, unit string) {
	var met bool
	switch {
	case atMost != 0:
		f.Target, met = fmt.Sprintf("at most %g%s", atMost, unit), value <= atMost
	case atLeast != 0:
		f.Target, met = fmt.Sprintf("at least %g%s", atLeast, unit), value >= atLeast
	default:
		return
	}
	f.Met = &met
}

// Within sets a target in words, and whether it is met, where that is no quotient: a count
// that must be nothing, for one.
func (f Figure) Within(met bool, target string) Figure {
	f.Target, f.Met = target, &met
	return f
}

// Median of values, which must not be empty.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Print writes the figures as a table.
func Print(out io.Writer, all []Figure) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "METRIC\tVALUE\tPEER\tPEER'S\tRATIO\tTARGET\tMET")
	for _, f := range all {
		fmt.Fprintln(w, strings.Join([]string{f.Metric, number(f.Value, f.Unit), f.Peer, number(f.PeerValue, f.Unit), number(f.Ratio, ""), f.Target, f.met()}, "\t"))
	}
	return w.Flush()
}

func (f Figure) met() string {
	switch {
	case f.Met == nil:
		return ""
	case *f.Met:
		return "yes"
	default:
		return "NO"
	}
}

func number(value *float64, unit string) string {
	if value == nil {
		return "–"
	}
	return strings.TrimSpace(fmt.Sprintf("%.4g %s", *value, unit))
}

// Write replaces bench/results/NAME.json below the folder that the benchmark runs in.
func Write(name string, all []Figure) error {
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(results(name)), 0o755); err != nil {
		return err
	}
	return os.WriteFile(results(name), append(text, '\n'), 0o644)
}

func results(name string) string { return filepath.Join("bench", "results", name+".json") }

// Renew puts the figures of some parts of a benchmark in the place of those of an earlier run,
// and leaves the others as they were.
func Renew(name string, some []Figure) error {
	var all []Figure
	text, err := os.ReadFile(results(name))
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the figures of the parts that were not run, in %s: %w", results(name), err)
	}
	for _, f := range some {
		i := slices.IndexFunc(all, func(old Figure) bool { return old.Metric == f.Metric && old.Peer == f.Peer })
		if i < 0 { // the one of the two had no peer to measure
			i = slices.IndexFunc(all, func(old Figure) bool {
				return old.Metric == f.Metric && old.Target == f.Target && (old.Value == nil || f.Value == nil)
			})
		}
		if i >= 0 {
			all[i] = f
		} else {
			all = append(all, f)
		}
	}
	return Write(name, all)
}
