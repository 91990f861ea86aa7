package router

import (
	"testing"
	"time"
)

func TestBusy_KnowsThePeakAndTheMeanSinceTheReset(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	b := newBusy(at(0))
	b.change(at(1), +1) // 0 for a second
	b.change(at(2), +1) // 1 for a second
	b.change(at(4), -1) // 2 for two seconds
	if b.peak != 2 || b.mean(at(5)) != (0+1+4+1)/5.0 {
		t.Errorf("peak %d, mean %v", b.peak, b.mean(at(5)))
	}
	b.reset(at(5))
	if b.peak != 1 || b.mean(at(5)) != 1 {
		t.Errorf("after the reset: peak %d, mean %v", b.peak, b.mean(at(5)))
	}
	b.change(at(6), -1)
	if b.peak != 1 || b.mean(at(10)) != 0.2 {
		t.Errorf("peak %d, mean %v", b.peak, b.mean(at(10)))
	}
}
