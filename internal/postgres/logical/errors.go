package logical

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
	"understudy/internal/postgres"
)

// errCut marks what another connection may do better.
var errCut = errors.New("the connection was cut")

// isCut tells a connection that ended from a server that answered no.
func isCut(err error) bool {
	answer := new(pgconn.PgError)
	if errors.As(err, &answer) {
		return slices.Contains([]string{"57P01", "57P02", "57P03", "53300"}, answer.Code) || strings.HasPrefix(answer.Code, "08")
	}
	return true
}

func cutError(doing string, rows int64, err error) error {
	why := "the network, or a server that ended"
	if answer := new(pgconn.PgError); errors.As(err, &answer) {
		why = postgres.SafeMessage(answer)
	}
	return understudy.Errorf(understudy.KindUnavailable, "%s: %w after %d rows: %s", doing, errCut, rows, why).
		WithHint("look into the server's log at this moment, then copy again")
}

// sourceError says why reading a table stopped; an error of ours passes as it is.
func sourceError(t *copiedTable, rows int64, err error) error {
	if known := new(understudy.Error); errors.As(err, &known) {
		return err
	}
	doing := "reading " + t.name()
	answer := new(pgconn.PgError)
	switch {
	case isCut(err):
		return cutError(doing, rows, err)
	case errors.As(err, &answer) && answer.Code == "42P01":
		return understudy.Errorf(understudy.KindConflict, "%s: it was dropped after the copy began", doing).
			WithHint("a schema change is under way on the source; copy again when it is done")
	case errors.As(err, &answer) && answer.Code == "54000":
		return understudy.Errorf(understudy.KindInvalid, "%s, after %d rows: a row is larger than the server can write in one piece (1 GB)", doing, rows).
			WithHint("its text form is escaped, and bytes take two characters each: move what is so large into a large object, or leave the column out by a mask that empties it")
	}
	errors.As(err, &answer)
	return postgres.ServerError(fmt.Sprintf("%s, after %d rows", doing, rows), answer)
}

// copyContext finds the line and column in what the server says about a bad row; the
// rest of that text is the row.
var copyContext = regexp.MustCompile(`^COPY .*?, line (\d+)(?:, column ([^:]+))?`)

// targetError says why a table could not be written, without the value it stopped at.
func targetError(t *copiedTable, rows int64, err error) error {
	answer := new(pgconn.PgError)
	if isCut(err) {
		return cutError("writing "+t.name(), rows, err)
	}
	errors.As(err, &answer)
	where := ""
	if found := copyContext.FindStringSubmatch(answer.Where); found != nil {
		where = ", row " + found[1]
		if found[2] != "" {
			where += ", column " + found[2]
		}
	}
	doing := "writing " + t.name() + where
	switch {
	case answer.Code == "22021":
		return understudy.Errorf(understudy.KindInvalid, "%s: a text there is not in the encoding of its database: %s", doing, postgres.SafeMessage(answer)).
			WithHint("production holds bytes that no longer pass as its encoding; mend that value there, or give its column a mask that makes a new one")
	case strings.HasPrefix(answer.Code, "23"):
		return understudy.Errorf(understudy.KindInvalid, "%s: the row breaks a rule of the table: %s", doing, postgres.SafeMessage(answer)).WithHint("%s", masksHint(t))
	case strings.HasPrefix(answer.Code, "22"):
		return understudy.Errorf(understudy.KindInvalid, "%s: the value does not fit: %s", doing, postgres.SafeMessage(answer)).WithHint("%s", masksHint(t))
	}
	return postgres.ServerError(doing, answer)
}

func masksHint(t *copiedTable) string {
	if len(t.masked) == 0 {
		return "no column of this table is masked: production itself holds a row that its rules would refuse today"
	}
	return "choose a mask that keeps the column's form; masked here: " + strings.Join(t.masked, ", ")
}
