package featureflag

import "time"

// Reason says why a flag has the value it has, in OpenFeature's words.
type Reason string

// The reasons that flagd gives.
const (
	ReasonStatic   Reason = "STATIC"          // there is no rule
	ReasonMatch    Reason = "TARGETING_MATCH" // a rule named the variant
	ReasonDefault  Reason = "DEFAULT"         // a rule named none, or there is no default variant
	ReasonDisabled Reason = "DISABLED"
	ReasonError    Reason = "ERROR"
	reasonUnknown  Reason = "UNKNOWN" // how DEFAULT is told over OFREP: see Handler
)

// ErrorCode says what went wrong, in OpenFeature's words.
type ErrorCode string

// The codes of errors.
const (
	CodeNotFound ErrorCode = "FLAG_NOT_FOUND"
	CodeParse    ErrorCode = "PARSE_ERROR"
	CodeGeneral  ErrorCode = "GENERAL"
)

// Result is what one flag evaluates to. Without Variant there is no value: the default in
// the caller's code stands. Details carry nothing of the context.
type Result struct {
	Key      string
	Value    any // of the variant, as decoded JSON with numbers as float64; shared: read only
	Variant  string
	Reason   Reason
	Error    ErrorCode
	Details  string
	Metadata map[string]any // the set's and the flag's own; shared: read only
}

// Evaluate evaluates a flag for a context, at this moment. The context is what OpenFeature
// calls one: targetingKey and anything else that JSON can say.
func (s *Set) Evaluate(key string, context map[string]any) Result {
	f, known := s.flags[key]
	switch {
	case !known:
		return s.unknown(key)
	case f.targeting == nil: // nobody asks for the time, which takes half as long as all of it
		return f.evaluate(context, time.Time{})
	}
	return f.evaluate(context, time.Now())
}

// EvaluateAt evaluates a flag as if it were the given moment, which rules see as
// $flagd.timestamp.
func (s *Set) EvaluateAt(key string, context map[string]any, now time.Time) Result {
	f, known := s.flags[key]
	if !known {
		return s.unknown(key)
	}
	return f.evaluate(context, now)
}

func (s *Set) unknown(key string) Result {
	return Result{Key: key, Reason: ReasonError, Error: CodeNotFound, Details: "there is no flag with this key", Metadata: s.metadata}
}

func (f *Flag) evaluate(context map[string]any, now time.Time) Result {
	switch {
	case f.State == Disabled:
		return Result{Key: f.Key, Reason: ReasonDisabled, Metadata: f.Metadata}
	case f.fault != "":
		return f.failed(CodeParse, f.fault)
	case f.targeting == nil:
		return f.resolved(f.Default, ReasonStatic)
	}
	named, err := f.targeting(scope{data: context, root: true, run: &run{flag: f.Key, now: now.Unix(), steps: maxSteps}})
	if err != nil {
		return f.failed(CodeGeneral, err.Error())
	}
	if named == nil {
		return f.resolved(f.Default, ReasonDefault)
	}
	return f.resolved(text(named), ReasonMatch)
}

// resolved is the answer with a variant. With no rule that named one, and no default variant,
// it is the default in the caller's code.
func (f *Flag) resolved(variant string, why Reason) Result {
	if variant == "" && f.Default == "" && why != ReasonMatch {
		return Result{Key: f.Key, Reason: ReasonDefault, Metadata: f.Metadata}
	}
	value, known := f.values[variant]
	if !known {
		return f.failed(CodeGeneral, "the rule named a variant that the flag does not have")
	}
	return Result{Key: f.Key, Value: value, Variant: variant, Reason: why, Metadata: f.Metadata}
}

func (f *Flag) failed(code ErrorCode, details string) Result {
	return Result{Key: f.Key, Reason: ReasonError, Error: code, Details: details, Metadata: f.Metadata}
}
