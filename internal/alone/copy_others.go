package alone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"understudy"
	"understudy/internal/cli"
	"understudy/internal/leak"
	"understudy/internal/mask"
	"understudy/internal/mysql"
	"understudy/internal/sqlite"
)

// engine says of what kind a database is, by its address: "postgres", "mysql" or "sqlite";
// "file" is a folder with a PostgreSQL server's data.
func engine(address string) (string, error) {
	scheme, _, found := strings.Cut(address, ":")
	switch {
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return "postgres", nil
	case found && (scheme == "mysql" || scheme == "mariadb"):
		return "mysql", nil
	case found && (scheme == "sqlite" || scheme == "file"):
		return scheme, nil
	case isFile(address):
		return "sqlite", nil
	}
	return "", understudy.Errorf(understudy.KindInvalid, "expected the address of a database: postgres://…, mysql://…, mariadb://… or sqlite:///path; found another beginning")
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() || errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(path, "/")
}

// sqlitePath takes what SQLite's room takes: a path, or sqlite:/// before one.
func sqlitePath(address string) string {
	if rest, found := strings.CutPrefix(address, "sqlite:"); found && !strings.HasPrefix(rest, "//") {
		return rest
	}
	return address
}

// copyOther copies a database of another engine than PostgreSQL's. Such copies are counted,
// their keys checked and their values searched for originals; what else a proof says is not
// known of them.
func copyOther(ctx context.Context, order cli.TwinCopy, engine string, masks understudy.Masks, tell func(string)) (cli.TwinCopied, error) {
	if order.Copying.Method == understudy.CopyPhysical {
		return cli.TwinCopied{}, understudy.Errorf(understudy.KindInvalid, "--method physical: only PostgreSQL is copied by its files")
	}
	copying := otherCopy{order, engine, paced(tell), tell}
	if order.NoProof {
		made, err := copying.run(ctx, masks)
		return cli.TwinCopied{DatabaseCopy: made}, err
	}
	made, err := copying.searched(ctx, masks)
	return cli.TwinCopied{DatabaseCopy: made}, err
}

// otherCopy is a copy of a database of MySQL's or SQLite's.
type otherCopy struct {
	order  cli.TwinCopy
	engine string
	told   func(table string, rows int64, done, all int)
	tell   func(string)
}

func (c otherCopy) run(ctx context.Context, masks understudy.Masks) (understudy.DatabaseCopy, error) {
	if c.engine == "sqlite" {
		return sqlite.Copy(ctx, sqlite.Spec{Source: sqlitePath(c.order.From), Target: sqlitePath(c.order.To), Masks: masks, Samples: samples, Notice: c.tell,
			Progress: func(p sqlite.Progress) { c.told(p.Table, p.Rows, p.TablesDone, p.Tables) }})
	}
	return mysql.Copy(ctx, mysql.Spec{Source: c.order.From, Target: c.order.To, Masks: masks, Samples: samples, Parallel: c.order.Copying.Parallel,
		Rate: max(c.order.Copying.Rate, 0), Notice: c.tell, Progress: func(p mysql.Progress) { c.told(p.Table, p.Rows, p.TablesDone, p.Tables) }})
}

// searched copies under watch, and searches what was made for originals.
func (c otherCopy) searched(ctx context.Context, masks understudy.Masks) (made understudy.DatabaseCopy, err error) {
	rules, err := mask.Load(c.order.Rules)
	if err != nil {
		return made, err
	}
	watch, err := leak.New(room)
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, watch.Close()) }()
	began := time.Now()
	if made, err = c.run(ctx, watch.Masks(masks)); err != nil {
		return made, err
	}
	c.tell("searching the twin for originals")
	found := understudy.CopyProof{ProofSummary: understudy.ProofSummary{At: began.UTC()}, NotShown: []string{
		"rows were counted and keys checked while they were copied; fingerprints, statistics and plans are compared in copies of PostgreSQL only"}}
	set, err := watch.Seal(ctx)
	if err != nil {
		return made, err
	}
	if err := errors.Join(c.search(ctx, set, &found), set.Close()); err != nil {
		return made, err
	}
	found.Accept(rules.Accepted)
	found.Took = time.Since(began)
	if found, err = found.Sealed(); err != nil {
		return made, err
	}
	made.Proof = &found
	return made, errors.Join(writePage(c.order.Proof, made), judge(found))
}

func (c otherCopy) search(ctx context.Context, set *leak.Set, found *understudy.CopyProof) (err error) {
	scanner := set.Scanner()
	show := func(table string, columns []understudy.Column) func([][]byte) error {
		places := make([]*leak.Place, len(columns))
		for i, column := range columns {
			places[i] = set.Column(table+"."+column.Name, leak.FormOf(column.Type))
		}
		return func(row [][]byte) error {
			for i, value := range row {
				if value == nil {
					continue
				}
				if err := scanner.Value(places[i], value); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if c.engine == "sqlite" {
		err = sqlite.Values(ctx, sqlitePath(c.order.To), show)
	} else {
		err = mysql.Values(ctx, c.order.To, show)
	}
	if err = errors.Join(err, scanner.Flush()); err != nil {
		return err
	}
	found.Leaks, err = set.Judge(ctx)
	found.Values, found.Originals = set.Values(), set.Originals()
	return err
}

// paced tells how far a copy is, at most once a second.
func paced(tell func(string)) func(table string, rows int64, done, all int) {
	last := time.Time{}
	return func(table string, rows int64, done, all int) {
		if time.Since(last) > time.Second {
			last = time.Now()
			tell(fmt.Sprintf("%s: %d rows, %d of %d tables", table, rows, done, all))
		}
	}
}
