package commitgate

import (
	"context"
	"time"
)

// ArmHalf opens a gate and lets the server wait for it, and leaves the setting on disk: what
// there is of a program that is killed at that moment.
func ArmHalf(ctx context.Context, spec Spec) error {
	g := &Gate{spec: spec, name: "understudy_gate_half"}
	err := g.open(ctx)
	if err == nil {
		g.dog, err = letWatch(ctx, spec.URL, g.name)
	}
	if err == nil {
		_, err = g.control.Exec(ctx, "ALTER SYSTEM SET synchronous_standby_names = '"+g.name+"'")
	}
	if err == nil {
		err = g.signal(ctx)
	}
	if err == nil {
		_, err = g.probe(ctx, time.Now().Add(probing), waited)
	}
	return err
}

// WatchdogName is what the watchdog's session is known by.
const WatchdogName = watchdogName

// Look lets a gate look at sessions by functions of other schemas first.
func (g *Gate) Look(ctx context.Context, schemas string) error {
	_, err := g.control.Exec(ctx, "SET search_path = "+schemas)
	return err
}
