package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"understudy/bench/figures"
	"understudy/internal/parity"
	"understudy/internal/postgres/census"
	"understudy/internal/postgres/census/planted"
	"understudy/internal/postgres/plans"
)

// plant makes a copy of the seed for every difference, plants it there, and looks.
func (b *bench) plant(ctx context.Context) error {
	if err := b.make(ctx, "seed", "template1"); err != nil {
		return err
	}
	if err := b.exec(ctx, "seed", planted.Seed); err != nil {
		return err
	}
	seed, err := b.take(ctx, "seed")
	if err != nil {
		return err
	}
	major, err := strconv.Atoi(strings.SplitN(seed.Server, ".", 2)[0])
	if err != nil {
		return err
	}
	all := slices.DeleteFunc(planted.Differences(), func(d planted.Difference) bool { return d.Since > major })
	ours, exact, dumps := 0, 0, 0
	for i, d := range all {
		gaps, dump, err := b.one(ctx, fmt.Sprintf("copy_%d", i), d, seed.Database)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
		found := slices.Contains(gaps, d.Want[0])
		if found {
			ours++
		}
		if slices.Equal(gaps, d.Want) {
			exact++
		} else {
			fmt.Fprintf(os.Stderr, "  %s: found %q, planted %q\n", d.Name, gaps, d.Want)
		}
		if dump {
			dumps++
		}
		fmt.Fprintf(os.Stderr, "  %-52s ours %-5t pg_dump -s %t\n", d.Name, found, dump)
	}
	planFound, err := b.plantPlan(ctx)
	if err != nil {
		return err
	}
	if planFound {
		ours, exact = ours+1, exact+1
	}
	n := float64(len(all) + 1)
	unit := fmt.Sprintf("of %.0f", n)
	b.note(
		figures.Against("planted differences found", float64(ours), unit, "pg_dump -s of both sides and diff", float64(dumps), 0, 0).Within(ours == int(n), "all"),
		figures.Alone("the same, with nothing else found", float64(exact), unit, 0, n),
	)
	return nil
}

// one plants one difference in a copy.
func (b *bench) one(ctx context.Context, name string, d planted.Difference, seed parity.Database) (gaps []string, dump bool, err error) {
	if err := b.make(ctx, name, "seed"); err != nil {
		return nil, false, err
	}
	if _, fresh, err := b.dumped(ctx, "seed", name); err != nil || fresh {
		return nil, false, errors.Join(err, map[bool]error{true: errors.New("the dumps of a fresh copy differ")}[fresh])
	}
	if err := b.exec(ctx, name, d.Plant); err != nil {
		return nil, false, err
	}
	if d.Everywhere {
		if err := b.reload(ctx); err != nil {
			return nil, false, err
		}
	}
	taken, err := b.take(ctx, name)
	if err != nil {
		return nil, false, err
	}
	_, dump, err = b.dumped(ctx, "seed", name)
	gaps = accidentals(seed, taken.Database)
	return gaps, dump, errors.Join(err, b.undo(ctx, name, d))
}

// undo takes back what is of the server, and removes the copy.
func (b *bench) undo(ctx context.Context, name string, d planted.Difference) error {
	var err error
	switch {
	case d.Everywhere:
		err = errors.Join(b.exec(ctx, name, d.Undo), b.reload(ctx))
	case strings.HasPrefix(d.Plant, "ALTER ROLE"):
		err = b.exec(ctx, name, `ALTER ROLE shop_reader NOCREATEDB; ALTER ROLE shop_owner RESET ALL`)
	case strings.HasPrefix(d.Plant, "GRANT shop_reader"):
		err = b.exec(ctx, name, `REVOKE shop_reader FROM shop_staff`)
	}
	return errors.Join(err, b.server.Drop(ctx, name))
}

// reload waits until sessions that begin now have what the server's files say.
func (b *bench) reload(ctx context.Context) error {
	if err := b.exec(ctx, "postgres", `SELECT pg_reload_conf()`); err != nil {
		return err
	}
	for {
		same := false
		err := b.within(ctx, "postgres", func(conn *pgx.Conn) error {
			return conn.QueryRow(ctx, `SELECT pg_conf_load_time() > now() - interval '2 seconds' AND (SELECT count(*) FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf')
				= (SELECT count(*) FROM pg_settings WHERE sourcefile LIKE '%auto.conf')`).Scan(&same)
		})
		if err != nil || same {
			return err
		}
	}
}

// plantPlan makes a copy without an index that the busiest statement goes by.
func (b *bench) plantPlan(ctx context.Context) (found bool, err error) {
	if err := b.make(ctx, "planned", "seed"); err != nil {
		return false, err
	}
	statements := []plans.Statement{{ID: "1", Text: "SELECT count(*) FROM orders WHERE customer = $1"}}
	var shapes []string
	for range 2 {
		err := b.within(ctx, "planned", func(conn *pgx.Conn) error {
			planned, err := census.Plan(ctx, conn, statements)
			shapes = append(shapes, planned.Plans["1"].Shape)
			if err == nil {
				_, err = conn.Exec(ctx, `DROP INDEX IF EXISTS orders_customer`)
			}
			return err
		})
		if err != nil {
			return false, err
		}
	}
	return shapes[0] != shapes[1], nil
}

// token is what newer versions of pg_dump make up for every dump.
var token = regexp.MustCompile(`(?m)^\\(un)?restrict .*$`)

func withoutToken(dump string) string { return token.ReplaceAllString(dump, "") }

func greatest(values []float64) float64 { return slices.Max(values) }
