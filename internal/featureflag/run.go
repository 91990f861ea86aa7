package featureflag

// What one evaluation may use at most.
const (
	maxSteps  = 100_000 // operations, and elements that they walk over
	maxLength = 1 << 16 // of a text that a rule makes, in bytes
)

// scope is what a rule is evaluated on: the context, or within an iteration the element.
type scope struct {
	data any
	root bool // data is the context itself, which $flagd belongs to
	run  *run
}

// run is one evaluation.
type run struct {
	flag  string
	now   int64 // seconds since 1970
	steps int   // that are left
}

// within is the scope of an iteration's element.
func (at scope) within(element any) scope { return scope{data: element, run: at.run} }

// spend takes steps, and objects when they are used up.
func (at scope) spend(steps int) error {
	if at.run.steps -= steps; at.run.steps < 0 {
		return errTooLong
	}
	return nil
}

// text is a value as a text. A long one takes as many steps as it would to walk over it.
func (at scope) text(v any) (string, error) {
	made := text(v)
	return made, at.spend(len(made) / 64)
}

// evaluationError is why a rule could not be evaluated. It names no value.
type evaluationError string

func (e evaluationError) Error() string { return string(e) }

const (
	errTooLong     evaluationError = "the rule takes too many steps"
	errTooLarge    evaluationError = "the rule makes too long a text"
	errNotANumber  evaluationError = "the rule calculates or compares with something that is no number"
	errNotAList    evaluationError = "the rule goes through something that is no list"
	errNotAText    evaluationError = "the rule takes a part of something that is no text"
	errNotSearched evaluationError = "the rule searches in something that is neither a text nor a list"
)
