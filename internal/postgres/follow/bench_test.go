package follow_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"understudy"
	"understudy/internal/postgres/follow"
	"understudy/internal/postgres/postgrestest"
)

const shop = `CREATE TABLE customers (id int PRIMARY KEY, email text NOT NULL UNIQUE, name text, about jsonb, changed timestamptz);
	INSERT INTO customers SELECT i, 'c' || i || '@example.org', 'Name ' || i, jsonb_build_object('n', i), now() FROM generate_series(1, 50000) i;
	CREATE TABLE orders (id bigserial PRIMARY KEY, customer int NOT NULL REFERENCES customers, total numeric(10,2), note text); CREATE INDEX ON orders (customer)`

func shopMasks(table string, _ []understudy.Column) (understudy.TableMasks, error) {
	if table != "public.customers" {
		return understudy.TableMasks{}, nil
	}
	return understudy.TableMasks{Columns: map[string]understudy.Mask{"email": {Apply: backwards}, "name": {Apply: backwards}}}, nil
}

// BenchmarkFollow_Lag changes rows for as long as is measured, in transactions of four, at a
// rate that is offered in absolute time by four writers: one that was late makes up for it. It tells how
// many changes a second the twin had taken in when it was level again, the time that took
// included, and how far behind it was at each of its commits:
//
//	go test ./internal/postgres/follow -run '^$' -bench Lag -benchtime 20s
func BenchmarkFollow_Lag(b *testing.B) {
	const offered, each = 2500, 4
	from, to := production(b), production(b)
	l := laid(b, from, to, shop)
	l.spec.Masks = shopMasks
	var mu sync.Mutex
	var behind []time.Duration
	followed := 0
	l.spec.Applied = func(a follow.Applied) {
		mu.Lock()
		defer mu.Unlock()
		behind = append(behind, a.Behind)
		followed += a.Changes
	}
	l.copied()
	l.follows()
	l.level()
	mu.Lock()
	behind, followed = nil, 0
	mu.Unlock()
	var writers []chan int
	var writing errgroup.Group
	for w := range 4 {
		conn, turns := postgrestest.Connected(b, l.spec.Source), make(chan int, 1<<16)
		writers = append(writers, turns)
		writing.Go(func() error {
			for i := range turns {
				if _, err := conn.Exec(context.Background(), busyShop(w, i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.ResetTimer()
	began, written := time.Now(), 0
	for i := 0; b.Loop(); i++ {
		time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second * each / offered)))
		writers[i%len(writers)] <- i
		written += each
	}
	for _, turns := range writers {
		close(turns)
	}
	if err := writing.Wait(); err != nil {
		b.Fatal(err)
	}
	l.level()
	took := time.Since(began)
	b.StopTimer()
	mu.Lock()
	defer mu.Unlock()
	if followed != written {
		b.Fatalf("%d changes were written and %d followed", written, followed)
	}
	slices.Sort(behind)
	b.ReportMetric(float64(written)/took.Seconds(), "changes/s")
	for _, share := range []int{50, 99, 100} {
		b.ReportMetric(float64(behind[(len(behind)-1)*share/100].Microseconds())/1000, fmt.Sprintf("p%d-lag-ms", share))
	}
	l.halts()
}

// busyShop is the i-th transaction of four changes of a writer, who has customers of their own.
func busyShop(writer, i int) string {
	customer := func(n int) int { return 1 + writer*12500 + n%12500 }
	return fmt.Sprintf(`BEGIN; INSERT INTO orders (customer, total, note) VALUES (%d, %d, 'a note'), (%d, 1, NULL);
		UPDATE customers SET name = 'Name %d', changed = now() WHERE id = %d; UPDATE customers SET about = '{"n": %d}' WHERE id = %d; COMMIT`,
		customer(i), i%1000, customer(i*31), i, customer(i*7919), i, customer(i*31))
}

// BenchmarkFollow_CatchUp tells how fast a twin takes in what piled up while nobody
// followed, in small transactions, and what memory that takes.
func BenchmarkFollow_CatchUp(b *testing.B) {
	from, to := production(b), production(b)
	l := laid(b, from, to, shop)
	l.spec.Masks = shopMasks
	l.copied()
	l.runs(`CREATE PROCEDURE busy(n int) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..n LOOP
			INSERT INTO orders (customer, total) VALUES (1 + i % 50000, i % 1000); UPDATE customers SET name = 'Name ' || i WHERE id = 1 + (i * 7919) % 50000; COMMIT;
		END LOOP; END $$`)
	postgrestest.Runs(b, l.target, `CREATE PROCEDURE busy(n int) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..n LOOP
			INSERT INTO orders (customer, total) VALUES (1 + i % 50000, i % 1000); UPDATE customers SET name = 'Name ' || i WHERE id = 1 + (i * 7919) % 50000; COMMIT;
		END LOOP; END $$`)
	const transactions = 50000
	for b.Loop() {
		b.StopTimer()
		l.runs(fmt.Sprintf(`CALL busy(%d)`, transactions))
		b.StartTimer()
		l.follows()
		l.level()
		b.StopTimer()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		b.ReportMetric(float64(memory.Sys>>20), "MB-of-memory")
		l.halts()
		b.StartTimer()
	}
	b.ReportMetric(2*transactions*float64(b.N)/b.Elapsed().Seconds(), "changes/s")
}
