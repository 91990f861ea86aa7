package lockwatch_test

import (
	"testing"

	"understudy"
	"understudy/internal/postgres/lockwatch"
)

func TestWatch_SeesEachOfSeveralDatabasesByItself(t *testing.T) {
	first, second := gated(t, 10), gated(t, 10)
	w, err := lockwatch.Start(t.Context(), lockwatch.Spec{
		AdminURL: first.c.AdminURL("postgres"), Database: first.name, Others: []string{second.name}, ApplicationName: "migration", LogFile: first.c.Log(), Gate: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	a, b := first.session("migration"), second.session("migration")
	first.do(a, "ALTER TABLE public.orders ADD COLUMN one int")
	second.do(b, "BEGIN; LOCK TABLE public.orders; UPDATE public.orders SET status = 'x'")
	waits := make(chan struct{})
	go func() {
		defer close(waits)
		second.do(second.session("shop"), "SELECT FROM public.orders")
	}()
	second.waiting("shop", 1)
	second.looked(w, 2)
	second.do(b, "COMMIT")
	<-waits
	seen := first.stop(w)
	if seen.Database != first.name || len(seen.Elsewhere) != 1 || seen.Elsewhere[0].Database != second.name {
		t.Fatalf("seen of %q, elsewhere %+v", seen.Database, seen.Elsewhere)
	}
	there := seen.Elsewhere[0]
	for _, one := range []understudy.Observation{seen, there} {
		exactLock(t, one, "public.orders", "AccessExclusiveLock")
	}
	if len(seen.Waits) != 0 || len(there.Waits) != 1 || there.Waits[0].Who != "postgres shop" {
		t.Errorf("waits here %+v, there %+v", seen.Waits, there.Waits)
	}
	if tableOf(t, there, "public.orders").Updated != 10 || tableOf(t, seen, "public.orders").Updated != 0 || there.OwnLogBytes == 0 {
		t.Errorf("tables here %+v, there %+v", seen.Tables, there.Tables)
	}
}
