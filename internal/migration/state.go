package migration

import (
	"fmt"
	"strings"
)

// State is what a migration of production left things in that did not run through.
type State struct {
	Statement string   // that it ran when it was stopped; empty: not known
	Status    string   // what the team's own status command says; empty: not known
	Changes   []string // of the schema since it began
	Unknown   string   // why those could not be read; empty: they were
	Invalid   []string // indexes that it left so
	Left      int      // sessions of it that could not be ended
	Old       string   // the release that serves
	// OldRunsOnNew: that release was seen to work on the whole new schema.
	OldRunsOnNew bool
}

// Sentences say it, for people.
func (s State) Sentences() []string {
	var out []string
	say := func(when bool, format string, args ...any) {
		if when {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	say(s.Statement != "", "it was running: %s", s.Statement)
	say(s.Status != "", "its status command says: %s", s.Status)
	switch {
	case s.Unknown != "":
		say(true, "how far the schema has come could not be read: %s", s.Unknown)
	case len(s.Changes) == 0:
		say(true, "nothing of the schema has changed; rows that it had committed stay")
	default:
		say(true, "committed, and stays: %s", some(s.Changes, 5))
	}
	say(len(s.Invalid) > 0, "left invalid, to be dropped before the next try: index %s", strings.Join(s.Invalid, ", "))
	say(s.Left > 0, "%d sessions of it could not be ended, and may go on: end them with pg_terminate_backend, as a role that may", s.Left)
	return append(out, s.old())
}

// old says what is known of the release that serves on.
func (s State) old() string {
	switch {
	case s.Unknown == "" && len(s.Changes) == 0:
		return s.Old + " serves on, on the schema that it had"
	case s.OldRunsOnNew:
		return s.Old + " serves on; it was seen to work on the whole new schema, and this may be a part of it"
	}
	return s.Old + " serves on; it is not known to work on the new schema"
}

func some(all []string, most int) string {
	if len(all) <= most {
		return strings.Join(all, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(all[:most], "; "), len(all)-most)
}
