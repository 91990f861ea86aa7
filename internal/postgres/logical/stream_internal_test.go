package logical

import (
	"context"
	"testing"

	"understudy"
)

func TestStream_MasksNothingMoreWhenTheRunIsOver(t *testing.T) {
	ctx, over := context.WithCancel(t.Context())
	masked := 0
	mask := func(value []byte) ([]byte, error) {
		masked++
		over()
		return value, nil
	}
	s := &stream{
		table: &copiedTable{columns: []string{"a"}, codec: textCodec{}, masks: []understudy.MaskFunc{mask}},
		work:  make(chan *piece, 2),
	}
	first, second := &piece{in: []byte("x\n"), done: make(chan struct{})}, &piece{in: []byte("y\n"), done: make(chan struct{})}
	s.work <- first
	s.work <- second
	close(s.work)
	s.mask(ctx)
	<-first.done
	select {
	case <-second.done:
		t.Error("a piece that nobody waits for is said to be masked")
	default:
	}
	if masked != 1 || string(first.out) != "x\n" || second.out != nil {
		t.Errorf("%d pieces were masked, to %q and %q", masked, first.out, second.out)
	}
}
