package daemon

import (
	"context"
	"time"

	"understudy"
	"understudy/internal/alone"
	"understudy/internal/load"
	"understudy/internal/rehearsal"
)

// crowd is the declared traffic, sent to a twin's front door.
type crowd struct {
	traffic understudy.Traffic
	base    string
}

func (c crowd) Gather(ctx context.Context) (rehearsal.Audience, error) {
	generator, err := load.New(c.traffic, load.Target{Base: c.base}, uint64(time.Now().UnixNano()))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	a := &audience{generator: generator, stop: stop, ended: make(chan error, 1)}
	go func() { a.ended <- generator.Run(ctx) }()
	return a, nil
}

// audience is a crowd that is there; its goroutine ends with Leave.
type audience struct {
	generator *load.Generator
	stop      context.CancelFunc
	ended     chan error
}

func (a *audience) Window(from, to time.Time, budget time.Duration) rehearsal.Heard {
	return alone.Heard(a.generator.WindowBudget(from, to, budget))
}

func (a *audience) Leave() {
	a.stop()
	<-a.ended // how the crowd went home changes nothing: what it heard is in the generator
}
