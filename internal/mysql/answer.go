package mysql

import (
	"errors"
	"regexp"

	driver "github.com/go-sql-driver/mysql"

	"understudy"
)

// The servers' error numbers that somebody here branches on.
const (
	errDuplicate       = 1062
	errDuplicateNamed  = 1586
	errCannotBeNull    = 1048
	errTableChanged    = 1412
	errNoSuchTable     = 1146
	errNoSuchRoutine   = 1305
	errNoSuchColumn    = 1054
	errInvalidView     = 1356
	errUnknownCommand  = 1064
	errForbidden       = 1142
	errForbiddenServer = 1227
	errLockPatience    = 1205
)

// numbered tells whether the server answered with one of these error numbers.
func numbered(err error, numbers ...uint16) bool {
	answer := new(driver.MySQLError)
	if !errors.As(err, &answer) {
		return false
	}
	for _, number := range numbers {
		if answer.Number == number {
			return true
		}
	}
	return false
}

// readError says what a server answered to a statement that carries no values of rows.
func readError(doing string, err error) error {
	if known := new(understudy.Error); errors.As(err, &known) {
		return err
	}
	answer := new(driver.MySQLError)
	if !errors.As(err, &answer) {
		return understudy.Errorf(understudy.KindUnavailable, "%s: %w", doing, err)
	}
	said := serverError(doing, answer, answer.Message)
	said.Err = answer
	return said
}

// rowError says what a server answered to rows, without any of their values: of the
// message only the names in it are kept.
func rowError(doing string, err error) error {
	answer := new(driver.MySQLError)
	if known := new(understudy.Error); errors.As(err, &known) || !errors.As(err, &answer) {
		return readError(doing, err)
	}
	return serverError(doing, answer, meaning(answer))
}

func serverError(doing string, answer *driver.MySQLError, said string) *understudy.Error {
	kind, hint := understudy.KindInternal, ""
	switch answer.Number {
	case 1044, errForbidden, 1143, errForbiddenServer, 1370:
		kind = understudy.KindRefused
	case 1040, 1045, 1049, 1053, 1203, 1226, 1698:
		kind = understudy.KindUnavailable
	case errLockPatience:
		kind, hint = understudy.KindConflict, "a schema change may be under way; try again when it is done"
	case errTableChanged:
		kind, hint = understudy.KindConflict, "the schema was changed while it was copied; run the copy again"
	case 1021, 1114, 3675:
		kind, hint = understudy.KindUnavailable, "free space where the server keeps its data, then run it again"
	case 1153:
		kind, hint = understudy.KindUnavailable, "a row is bigger than the server takes: raise its max_allowed_packet"
	case errDuplicate, errDuplicateNamed, errCannotBeNull, 1364, 1264, 1265, 1292, 1366, 1406, 1411, 3140, 3819, 4025, 1416, 3617, 3903:
		kind = understudy.KindInvalid
	}
	e := understudy.Errorf(kind, "%s: %s (error %d)", doing, said, answer.Number)
	if hint != "" {
		_ = e.WithHint("%s", hint)
	}
	return e
}

// Where messages about rows name a key, a column or a constraint. Values stand elsewhere
// in them.
var (
	duplicateKey = regexp.MustCompile("for key '([^']*)'$")
	namedColumn  = regexp.MustCompile(`^(?:(?:Data too long|Out of range value|Data truncated) for column|Column|Field) '([^']*)' (?:at row \d+|cannot be null|doesn't have a default value)$`)
	ofColumn     = regexp.MustCompile("for column `[^`]*`\\.`[^`]*`\\.`([^`]*)` at row \\d+$")
	ofColumnText = regexp.MustCompile("for column '([^']*)' at row \\d+$")
	namedRule    = regexp.MustCompile("^(?:CONSTRAINT [`']([^`']*)[`'] failed|Check constraint '([^']*)' is violated)")
)

// meaning is what a message about a row says, without the row.
func meaning(answer *driver.MySQLError) string {
	name := func(patterns ...*regexp.Regexp) string {
		for _, pattern := range patterns {
			if found := pattern.FindStringSubmatch(answer.Message); found != nil {
				return found[len(found)-1]
			}
		}
		return "(unnamed)"
	}
	column := func() string { return name(ofColumn, ofColumnText, namedColumn) }
	switch answer.Number {
	case errDuplicate, errDuplicateNamed:
		return "two rows have the same value in unique key " + name(duplicateKey)
	case errCannotBeNull, 1364:
		return "column " + column() + " takes no NULL"
	case 1264:
		return "a value is out of range for column " + column()
	case 1265, 1292, 1366, 1411:
		return "a value does not fit the type of column " + column()
	case 1406:
		return "a value is too long for column " + column()
	case 3819, 4025:
		if found := namedRule.FindStringSubmatch(answer.Message); found != nil {
			return "a row breaks check constraint " + found[1] + found[2]
		}
		return "a row breaks a check constraint"
	case 1153:
		return "a row is bigger than a packet of the server may be"
	}
	return "the server refused a row"
}
