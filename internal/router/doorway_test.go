package router

import (
	"log/slog"
	"testing"
	"time"

	"understudy"
)

func TestDoorway_HasOneHallForLimitsThatComeBack(t *testing.T) {
	d := &doorway{front: &front{shared: &shared{log: slog.New(slog.DiscardHandler)}}}
	day := d.hall(understudy.Limits{Stall: time.Minute})
	night := d.hall(understudy.Limits{Stall: time.Second})
	if day == night {
		t.Error("limits that a server cannot change are not followed")
	}
	for range 10 {
		if d.hall(understudy.Limits{Stall: time.Minute, Body: 5}) != day || d.hall(understudy.Limits{Stall: time.Second}) != night {
			t.Error("limits that were there before have another hall")
		}
	}
	for _, h := range d.halls {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	d.serving.Wait()
	if len(d.halls) != 2 {
		t.Errorf("%d halls", len(d.halls))
	}
}
