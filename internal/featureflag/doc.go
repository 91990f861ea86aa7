// Package featureflag evaluates feature flags and serves them over OFREP. It is pure but for
// the handler: no store, no files, no clock beside the one that Evaluate reads.
//
// # The model
//
// A Set is a flag definition in flagd's format: parsed, validated, its targeting rules
// compiled. It never changes; With makes another one that has what an environment says of
// single flags. Its digest names its content, for releases and for caches.
//
//	flags.json ─▶ Parse ─▶ Set ─▶ With(overrides) ─▶ Set ─▶ Evaluate ─▶ Result
//	                                                  └────▶ Live ─▶ Handler (OFREP)
//
// # Evaluation
//
// The rules are flagd's: JSONLogic with fractional, starts_with, ends_with and sem_ver,
// shared rules by $ref, $flagd.flagKey and $flagd.timestamp. What a rule says is the name of
// a variant; null stands for the default. A rule that cannot be evaluated is an error of that
// flag alone, and the caller falls back to the default in its code. Depth, size and steps
// are limited, so that no definition and no context can hold up a service.
//
// # What flags need of each other
//
// A flag may say in its metadata which variant is its off one ("off"), which flags have to
// be on for it to be on ("requires"), and which it must not be on with ("excludes"). These
// constrain which combinations are rehearsed and what Violations warns of; they change no
// evaluation, as flagd knows nothing of them.
package featureflag
