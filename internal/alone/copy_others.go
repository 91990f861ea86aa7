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

// copyOther copies a database of another engine than PostgreSQL's. Such copies are counted
// and their keys checked; what a proof says beyond that is not known of them.
func copyOther(ctx context.Context, order cli.TwinCopy, engine string, masks understudy.Masks, tell func(string)) (cli.TwinCopied, error) {
	if order.Copying.Method == understudy.CopyPhysical {
		return cli.TwinCopied{}, understudy.Errorf(understudy.KindInvalid, "--method physical: only PostgreSQL is copied by its files")
	}
	told := paced(tell)
	var made understudy.DatabaseCopy
	var err error
	if engine == "sqlite" {
		made, err = sqlite.Copy(ctx, sqlite.Spec{Source: sqlitePath(order.From), Target: sqlitePath(order.To), Masks: masks, Samples: samples, Notice: tell,
			Progress: func(p sqlite.Progress) { told(p.Table, p.Rows, p.TablesDone, p.Tables) }})
	} else {
		made, err = mysql.Copy(ctx, mysql.Spec{Source: order.From, Target: order.To, Masks: masks, Samples: samples, Parallel: order.Copying.Parallel,
			Rate: max(order.Copying.Rate, 0), Notice: tell, Progress: func(p mysql.Progress) { told(p.Table, p.Rows, p.TablesDone, p.Tables) }})
	}
	if err == nil && !order.NoProof {
		tell("rows were counted and keys checked; originals and likeness are searched and measured in PostgreSQL's copies only")
	}
	return cli.TwinCopied{DatabaseCopy: made}, err
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
