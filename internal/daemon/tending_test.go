package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestTending_WhatTakesLongHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Daemon{options: Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}}
		tended := tending{d: d}
		slow, quick := 0, 0
		for range 10 {
			tended.aside("staging", func() {
				tended.see(t.Context(), "staging", func(context.Context) error {
					slow++
					time.Sleep(100 * tendEvery)
					return nil
				})
			})
			tended.aside("production", func() {
				tended.see(t.Context(), "production", func(context.Context) error { quick++; return nil })
			})
			time.Sleep(tendEvery)
			synctest.Wait()
		}
		if slow != 1 || quick != 10 {
			t.Errorf("the slow one was begun %d times, and the other seen to %d times while it went on", slow, quick)
		}
		tended.under.Wait()
	})
}

func TestTending_LeavesAloneForLongerWhatCannotBeBroughtBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Daemon{options: Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}}
		tended := tending{d: d}
		tries, broken := 0, true
		look := func() {
			tended.aside("production", func() {
				tended.see(t.Context(), "production", func(context.Context) error {
					tries++
					if broken {
						return errors.New("it does not start")
					}
					return nil
				})
			})
			tended.under.Wait()
			time.Sleep(tendEvery)
		}
		for range 60 {
			look()
		}
		if tries < 4 || tries > 7 { // after 2, 4, 8, 16 and 30 seconds
			t.Errorf("%d tries in a minute", tries)
		}
		if noted := d.notes.list(); len(noted) != 1 {
			t.Errorf("it notes %q", noted)
		}
		for broken = false; len(d.notes.list()) > 0; look() {
		}
	})
}
