package understudy

import (
	"errors"
	"fmt"
)

// Kind says what a caller may do about an error. A kind exists only where
// somebody branches on it; everything else is KindInternal.
type Kind string

// The kinds of errors. ExitStatus and the API's table of statuses are the two
// places that branch on them.
const (
	KindInternal     Kind = "internal"     // a fault of the program or of the machine
	KindInvalid      Kind = "invalid"      // what was asked, or a file, is not well formed
	KindNotFound     Kind = "not-found"    // the thing named does not exist
	KindConflict     Kind = "conflict"     // another act is under way, or the thing moved meanwhile
	KindUnavailable  Kind = "unavailable"  // something the machine lacks, or that does not answer
	KindRefused      Kind = "refused"      // a gate said no
	KindFailed       Kind = "failed"       // a rehearsal ended failed
	KindInconclusive Kind = "inconclusive" // a rehearsal could not tell
)

// Error is a sentence to somebody. Message says what was being done to which
// thing, what was expected and what was found; Hint says what to do next. Both
// begin in lower case and carry no secret and no personal data.
type Error struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Err     error  `json:"-"`
}

// Error returns the message, which names the cause already. The hint is left to
// whoever speaks to the user.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of a kind. A %w verb keeps the cause reachable for
// errors.Is and errors.As, as in fmt.Errorf.
func Errorf(kind Kind, format string, args ...any) *Error {
	made := fmt.Errorf(format, args...)
	cause := errors.Unwrap(made)
	if _, several := made.(interface{ Unwrap() []error }); several {
		cause = made
	}
	return &Error{Kind: kind, Message: made.Error(), Err: cause}
}

// WithHint says what to do next, and returns the error itself.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// KindOf returns the kind of an error: that of the first *Error in its chain,
// KindInternal for any other, and the empty kind for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var known *Error
	if errors.As(err, &known) {
		return known.Kind
	}
	return KindInternal
}

// HintOf returns what to do next about an error, or the empty string.
func HintOf(err error) string {
	var known *Error
	if errors.As(err, &known) {
		return known.Hint
	}
	return ""
}

// The exit statuses of every command.
const (
	ExitDone         = 0 // done, or passed
	ExitError        = 1 // something went wrong
	ExitUsage        = 2 // the command or a file it was given is not well formed
	ExitRefused      = 3 // a gate said no
	ExitFailed       = 4 // the rehearsal failed
	ExitInconclusive = 5 // the rehearsal could not tell
)

// ExitStatus is the one table from kinds of errors to exit statuses.
func ExitStatus(err error) int {
	switch KindOf(err) {
	case "":
		return ExitDone
	case KindInvalid:
		return ExitUsage
	case KindRefused:
		return ExitRefused
	case KindFailed:
		return ExitFailed
	case KindInconclusive:
		return ExitInconclusive
	default:
		return ExitError
	}
}
