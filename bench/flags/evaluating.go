package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"understudy/bench/figures"
	"understudy/internal/featureflag"
)

// rule is one kind of flag that is evaluated again and again.
type rule struct {
	Name       string          `json:"name"`
	Definition json.RawMessage `json:"definition"`
}

// rules are evaluated for one context, with 100,000 of them for each measurement.
func rules() []rule {
	flag := func(name, targeting string) rule {
		return rule{name, json.RawMessage(`{"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off"` + targeting + `}}}`)}
	}
	return []rule{
		flag("no rule", ""),
		flag("a rollout to a share of some plans", `,"targeting":`+rolloutRule),
		flag("a version and a list", `,"targeting":{"if":[{"and":[{"sem_ver":[{"var":"version"},">=","2.1.0"]},{"some":[{"var":"groups"},{"==":[{"var":"id"},"qa"]}]}]},"on","off"]}`),
	}
}

const evaluations = 100_000

// question is what both evaluators get.
type question struct {
	Rules       []rule         `json:"rules"`
	Context     map[string]any `json:"context"`
	Evaluations int            `json:"evaluations"`
	Rounds      int            `json:"rounds"`
}

func (b *bench) evaluating(ctx context.Context) error {
	q := question{Rules: rules(), Evaluations: evaluations, Rounds: b.rounds, Context: map[string]any{
		"targetingKey": "user-4711", "plan": "pro", "version": "2.4.1",
		"groups": []any{map[string]any{"id": "staff"}, map[string]any{"id": "qa"}},
	}}
	own, err := evaluate(q)
	if err != nil {
		return err
	}
	theirs, err := b.theirs(ctx, q)
	for i, r := range q.Rules {
		metric := "processor time of an evaluation: " + r.Name
		if err != nil {
			b.note(figures.Alone(metric, own[i], "ns", 0, 0), figures.Unmeasured(metric, "at most 1 x", "flagd's evaluator for Node is not there"))
			continue
		}
		b.note(figures.Against(metric, own[i], "ns", "flagd-core for Node, rules compiled", theirs[i], 1, 0))
	}
	return nil
}

// evaluate returns the processor's nanoseconds of one evaluation of each rule, the garbage
// collector's among them: the median of rounds.
func evaluate(q question) ([]float64, error) {
	var out []float64
	for _, r := range q.Rules {
		set, err := featureflag.Parse(r.Definition)
		if err != nil {
			return nil, err
		}
		var rounds []float64
		for range q.Rounds {
			began := processor()
			for range q.Evaluations {
				if result := set.Evaluate("f", q.Context); result.Variant == "" {
					return nil, fmt.Errorf("%s: expected a variant, got %+v", r.Name, result)
				}
			}
			rounds = append(rounds, float64((processor()-began).Nanoseconds())/float64(q.Evaluations))
		}
		out = append(out, figures.Median(rounds))
	}
	return out, nil
}

// processor is the time of all cores that this process has used.
func processor() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err) // there is always such a process
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// theirs is the same of @openfeature/flagd-core, within one process that is warm.
func (b *bench) theirs(ctx context.Context, q question) ([]float64, error) {
	program, err := os.ReadFile(filepath.Join("bench", "flags", "peer.cjs"))
	if err != nil {
		return nil, err
	}
	input, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	node := exec.CommandContext(ctx, "node", "-e", string(program), string(input))
	node.Dir, node.Stderr = b.peer, os.Stderr
	out, err := node.Output()
	if err != nil {
		return nil, err
	}
	var medians []float64
	return medians, json.Unmarshal(out, &medians)
}
