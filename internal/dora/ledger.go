package dora

import (
	"strings"
	"time"

	"understudy"
)

// self is the actor of what nobody asked for.
const self = "understudy"

// Ledger takes the journal's entries, oldest first, and keeps what metrics need of them. Its
// zero value is ready.
type Ledger struct {
	entries    int64
	last       time.Time
	releases   map[string]release // by digest
	promotions map[string]*promotion
	order      []*promotion
	holds      []hold
	rehearsals map[string]*rehearsal
	rehearsed  []*rehearsal
}

// release is when a change came to be.
type release struct{ created, committed time.Time }

// promotion is what the journal says of one; a moment that is zero did not come.
type promotion struct {
	id, to, label, digest       string
	switched, everyone, refused time.Time
	asked, turned, answer, back time.Time // of the way back: turned is when it was decided
	hotfix                      bool
}

// hold is one that a person placed.
type hold struct {
	on         string
	at, lifted time.Time
}

// rehearsal is what the journal says of one.
type rehearsal struct {
	digest, target string
	started, ended time.Time
	state          understudy.RehearsalState
}

// Add takes the next entry.
func (l *Ledger) Add(e understudy.Entry) {
	l.entries, l.last = l.entries+1, e.At
	kind, what, _ := strings.Cut(e.Act, ".")
	switch kind {
	case "release":
		l.addRelease(what, e)
	case "promotion":
		l.addPromotion(what, e)
	case "glass":
		l.addPromotion("", e)
		l.promotions[e.Subject].hotfix = true
	case "rollback":
		if p := l.promotions[e.Subject]; p != nil {
			p.rolledBy(what, e)
		}
	case "hold":
		l.addHold(what, e)
	case "rehearsal":
		l.addRehearsal(what, e)
	}
}

func (l *Ledger) addRelease(what string, e understudy.Entry) {
	if what != "created" {
		return
	}
	if l.releases == nil {
		l.releases = map[string]release{}
	}
	if _, known := l.releases[e.Subject]; known { // the same content again, under another label
		return
	}
	committed, _ := time.Parse(time.RFC3339, e.Facts["committed"]) // zero where it is not known
	l.releases[e.Subject] = release{created: e.At, committed: committed}
}

func (l *Ledger) addPromotion(what string, e understudy.Entry) {
	if l.promotions == nil {
		l.promotions = map[string]*promotion{}
	}
	p := l.promotions[e.Subject]
	if p == nil {
		p = &promotion{id: e.Subject}
		l.promotions[e.Subject], l.order = p, append(l.order, p)
	}
	keep(&p.to, e.Facts["to"])
	keep(&p.label, e.Facts["release"])
	keep(&p.digest, e.Facts["digest"])
	switch understudy.PromotionState(what) {
	case understudy.PromotionRefused:
		p.refused = e.At
	case understudy.PromotionSwitching:
		first(&p.switched, e.At)
	case understudy.PromotionBaking:
		first(&p.everyone, e.At)
	case understudy.PromotionRollingBack:
		p.turn(e.At)
	case understudy.PromotionRolledBack:
		p.turn(e.At)
		first(&p.back, e.At)
	}
}

// turn notes when the way back was decided: when it was asked for, where it was.
func (p *promotion) turn(at time.Time) {
	if !p.asked.IsZero() {
		at = p.asked
	}
	first(&p.turned, at)
}

// rolledBy notes who asked for the way back, and when the old release answered.
func (p *promotion) rolledBy(what string, e understudy.Entry) {
	switch what {
	case "asked":
		first(&p.asked, e.At)
	case "answered":
		p.turn(e.At)
		first(&p.answer, e.At)
	}
}

func (l *Ledger) addHold(what string, e understudy.Entry) {
	switch what {
	case "placed":
		if e.Actor != self {
			l.holds = append(l.holds, hold{on: e.Subject, at: e.At})
		}
	case "lifted":
		for i := range l.holds {
			if h := &l.holds[i]; h.on == e.Subject {
				first(&h.lifted, e.At)
			}
		}
	}
}

func (l *Ledger) addRehearsal(what string, e understudy.Entry) {
	if l.rehearsals == nil {
		l.rehearsals = map[string]*rehearsal{}
	}
	r := l.rehearsals[e.Subject]
	if r == nil {
		r = &rehearsal{}
		l.rehearsals[e.Subject], l.rehearsed = r, append(l.rehearsed, r)
	}
	keep(&r.digest, e.Facts["digest"])
	keep(&r.target, e.Facts["for"])
	switch state := understudy.RehearsalState(what); state {
	case "started":
		first(&r.started, e.At)
	case understudy.RehearsalPassed, understudy.RehearsalFailed, understudy.RehearsalInconclusive, understudy.RehearsalError, understudy.RehearsalCancelled:
		if r.ended.IsZero() {
			r.ended, r.state = e.At, state
		}
	}
}

func keep(field *string, value string) {
	if value != "" {
		*field = value
	}
}

func first(field *time.Time, at time.Time) {
	if field.IsZero() {
		*field = at
	}
}
