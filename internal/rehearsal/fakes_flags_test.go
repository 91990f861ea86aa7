package rehearsal_test

import (
	"context"
	"maps"
	"slices"

	"understudy"
	"understudy/internal/rehearsal"
)

// flagging is how a candidate with flags behaves.
type flagging struct {
	plan    rehearsal.FlagPlan
	fails   func(values understudy.FlagValues, run int) string       // the test that fails; empty: none
	answers func(part rehearsal.Part, life int) []rehearsal.Answered // life counts the parts that were played to
	effects func(part rehearsal.Part, life int) rehearsal.Effects
	reads   rehearsal.FlagReads
	guilty  []string
}

// set makes values of pairs.
func set(pairs ...string) understudy.FlagValues {
	out := understudy.FlagValues{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// withFlags is a release with two new flags beside one that there was.
func withFlags(change func(f *flagging)) story {
	s := story{candidate: candidate()}
	s.candidate.Application.Flags = &understudy.Flags{File: "flags.json"}
	f := &flagging{plan: rehearsal.FlagPlan{
		Declared: []string{"cart", "gift", "old"}, New: []string{"cart", "gift"}, Off: set("cart", "off", "gift", "off", "old", "on"),
		Rows: []understudy.FlagValues{set("cart", "on", "gift", "off", "old", "on"), set("cart", "off", "gift", "on", "old", "on"), set("cart", "on", "gift", "on", "old", "off")},
	}, reads: rehearsal.FlagReads{Known: map[string]int{"cart": 9, "gift": 2, "old": 4}}}
	if change != nil {
		change(f)
	}
	s.flags = f
	return s
}

// flagBreaks is a release with little to look at but a flag that breaks it.
func flagBreaks() story {
	s := withFlags(func(f *flagging) {
		f.plan.Rows, f.guilty = f.plan.Rows[:1], []string{"cart"}
		f.fails = func(v understudy.FlagValues, _ int) string { return map[string]string{"on": "TestBuy"}[v["cart"]] }
	})
	s.candidate.Application.Migration, s.candidate.Application.Tests = nil, s.candidate.Application.Tests[1:]
	return s
}

// flagger serves the flags of whoever runs.
type flagger struct{ *world }

func (f flagger) FlagPlan(ctx context.Context) (rehearsal.FlagPlan, error) {
	return f.story.flags.plan, f.onStage(ctx, "FlagPlan", func() error { return nil })
}

func (f flagger) SetFlags(ctx context.Context, part rehearsal.Part, values understudy.FlagValues) error {
	return f.onStage(ctx, "SetFlags", func() error {
		if part != rehearsal.Candidate {
			return f.fault("flags of %s are set, which has production's", part)
		}
		f.values = maps.Clone(values)
		return nil
	})
}

func (f flagger) FlagReads(ctx context.Context, part rehearsal.Part) (rehearsal.FlagReads, error) {
	return f.story.flags.reads, f.onStage(ctx, "FlagReads", func() error {
		if !f.running[part] {
			return f.fault("what %s has read is asked, which does not run", part)
		}
		return nil
	})
}

func (f flagger) GuiltyFlags(_ context.Context, failed understudy.FlagValues, _ []understudy.FlagValues, fails func(understudy.FlagValues) (bool, error)) ([]string, understudy.FlagValues, error) {
	row := maps.Clone(f.story.flags.plan.Off)
	for _, key := range f.story.flags.guilty {
		row[key] = failed[key]
	}
	if failing, err := fails(row); err != nil {
		return nil, nil, err
	} else if !failing {
		return nil, nil, f.fault("the guilty ones do not fail: %v", row)
	}
	return f.story.flags.guilty, row, nil
}

// player plays to whoever serves. The candidate is played to with all new flags off first.
type player struct{ *world }

func (p player) Play(ctx context.Context, turn int) ([]rehearsal.Answered, error) {
	return p.answered(), p.onStage(ctx, "Play", func() error {
		switch {
		case p.now.serving == "" || !p.running[p.now.serving]:
			return p.fault("the traffic is played to nobody")
		case turn == 0 && p.now.serving == rehearsal.Candidate && !maps.Equal(p.values, p.story.flags.plan.Off):
			return p.fault("the candidate is compared with %v", p.values)
		case slices.Contains(p.turns, turn) && turn > 0:
			return p.fault("turn %d is played twice", turn)
		}
		p.turns = append(p.turns, turn)
		return nil
	})
}

func (p player) answered() []rehearsal.Answered {
	if p.story.flags.answers == nil {
		return []rehearsal.Answered{{Step: "GET /", Status: 200, Body: []byte("hello")}}
	}
	return p.story.flags.answers(p.now.serving, p.lives)
}

func (p player) Effects(ctx context.Context) (e rehearsal.Effects, err error) {
	if p.ended != "" && p.story.flags.effects != nil {
		e = p.story.flags.effects(p.ended, p.lives)
	}
	return e, p.onStage(ctx, "Effects", func() error { return nil })
}

func (p player) End(ctx context.Context) error {
	return p.onStage(ctx, "End", func() error {
		p.ended, p.lives = p.now.serving, p.lives+1
		clear(p.running)
		p.becomes(func(now *state) { now.serving = "" })
		return nil
	})
}
