package notify

import (
	"cmp"
	"slices"
	"strings"

	"understudy"
)

// MessageOf makes the message of an entry; false: nobody is told of it.
func MessageOf(e understudy.Entry, application string) (understudy.Message, bool) {
	m := understudy.Message{
		Entry: e.Sequence, Head: e.Hash, At: e.At, Event: e.Act, Application: application, Subject: e.Subject, By: e.Actor,
		Release: e.Facts["release"], Environment: cmp.Or(e.Facts["to"], e.Facts["for"]),
	}
	if !slices.Contains(understudy.Events(), m.Event) {
		return m, false
	}
	m.Text, m.See = words(&m)
	return m, true
}

// words say what happened, and which command shows more. They are made of names alone: what
// a program said, or a person gave as a reason, may hold what must not leave the machine.
func words(m *understudy.Message) (text, see string) {
	kind, what, _ := strings.Cut(m.Event, ".")
	release := cmp.Or(m.Release, "a release")
	switch kind {
	case "rehearsal":
		return ofRehearsal(*m, what), "understudy rehearsal show " + m.Subject
	case "promotion":
		return ofPromotion(*m, what), "understudy promotion show " + m.Subject
	case "approval":
		return m.By + map[string]string{"given": " approved ", "withdrawn": " takes back the approval of "}[what] + release + forWhom(*m), "understudy promotion list"
	case "glass":
		return m.By + " broke the glass: " + release + " goes past the gate" + ofWhat(*m), "understudy promotion show " + m.Subject
	case "maintenance":
		m.Environment = m.Subject
		return m.Subject + map[string]string{"on": " was closed for maintenance by ", "off": " was opened again by "}[what] + m.By, "understudy status"
	case "hold":
		m.Environment = m.Subject
		return m.Subject + held(*m, what), "understudy status"
	case "verdict":
		return m.By + " revoked the verdict on " + cmp.Or(m.Release, m.Subject), "understudy verdict show " + m.Subject
	case "twin":
		m.Environment = m.Subject
		return "the twin " + m.Subject + " could not be reset", "understudy twin reset " + m.Subject
	case "journal":
		return "the journal is not as it was written", "understudy journal verify"
	case "certificate":
		m.Environment = m.Subject
		return "a certificate of " + m.Subject + " runs out and is not renewed, or cannot be used", "understudy status"
	case "router":
		return "the router had died and was started again", "understudy status"
	}
	return "the daemon had ended without being asked to, and goes on with what was under way", "understudy status"
}

func ofRehearsal(m understudy.Message, what string) string {
	release := cmp.Or(m.Release, "a release")
	switch understudy.RehearsalState(what) {
	case understudy.RehearsalPassed:
		return release + " passed its rehearsal" + forWhom(m)
	case understudy.RehearsalFailed:
		return release + " failed its rehearsal" + forWhom(m)
	case understudy.RehearsalInconclusive:
		return "the rehearsal of " + release + forWhom(m) + " was inconclusive"
	case understudy.RehearsalCancelled:
		return "the rehearsal of " + release + forWhom(m) + " was cancelled"
	}
	return "the rehearsal of " + release + forWhom(m) + " could not be carried out"
}

func forWhom(m understudy.Message) string {
	if m.Environment == "" {
		return ""
	}
	return " for " + m.Environment
}

func ofPromotion(m understudy.Message, what string) string {
	release, to := cmp.Or(m.Release, "a release"), cmp.Or(m.Environment, "its environment")
	switch understudy.PromotionState(what) {
	case understudy.PromotionRefused:
		return "the promotion of " + release + " to " + to + " was refused"
	case understudy.PromotionGated:
		return release + " may be promoted to " + to + ", and is"
	case understudy.PromotionSwitching:
		return "the first traffic of " + to + " goes to " + release
	case understudy.PromotionSettled:
		return release + " has settled in " + to
	case understudy.PromotionContracted:
		return "the contract migration of " + release + " has run in " + to + ": there is no way back from it"
	case understudy.PromotionRollingBack:
		return to + " goes back from " + release
	case understudy.PromotionRolledBack:
		return release + " was rolled back in " + to + "; nothing is promoted there until the hold is lifted"
	}
	return release + " is " + what + " to " + to
}

func held(m understudy.Message, what string) string {
	if what == "lifted" {
		return ": " + m.By + " lifted the hold, promotions may happen again"
	}
	return " is held: nothing is promoted to it until somebody lifts that"
}

func ofWhat(m understudy.Message) string {
	if m.Environment == "" {
		return ""
	}
	return " of " + m.Environment
}
