package follow

import (
	"regexp"
	"time"

	"understudy"
	"understudy/internal/postgres/replication"
)

// Spec says what follows what, and how.
type Spec struct {
	// Source and Target are URLs. Source's role needs REPLICATION, and SELECT on the
	// sequences; Target connects as a superuser, to the copy.
	Source, Target string
	// Masks are those that the copy was made with. Columns that only a batch of rows says
	// how to mask cannot be followed.
	Masks understudy.Masks
	// Name tells this follower's slot, publication and origin from those of others on the
	// same production: lower case letters, digits and underscores, at most 32.
	Name string
	// Publication is one of production's own that holds every table; empty: one called
	// after Name.
	Publication string
	// Publish lets Prepare make the publication called after Name. Its role has to own
	// the tables for that.
	Publish bool
	// MaxRetained is how many bytes of log production may have to keep for the follower;
	// 0: 10 GiB. Beyond it the slot is dropped.
	MaxRetained int64
	// SlotWait is how long making the slot may wait for production's open transactions; 0: two minutes.
	SlotWait time.Duration
	// SchemaEvery is the time between two looks at production's schema; 0: 30 seconds.
	SchemaEvery time.Duration
	// Notice, if not nil, is told in a sentence what should be known and stops nothing.
	Notice func(sentence string)
	// Applied, if not nil, is told of each commit in the twin. It must be quick.
	Applied func(Applied)
}

// Applied is one commit in the twin: one or several of production's transactions.
type Applied struct {
	To           replication.LSN // in production's log
	Transactions int
	Changes      int // rows, and tables emptied
	// Behind is the time from the first one's commit in production to the commit in the
	// twin, by production's clock.
	Behind time.Duration
}

// defaultRetained is the log that production may have to keep: little beside its disk,
// and hours of most shops' changes.
const defaultRetained = 10 << 30

var followerName = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)

func (s Spec) complete() (Spec, error) {
	switch {
	case s.Masks == nil:
		return s, understudy.Errorf(understudy.KindInvalid, "following production's data needs masks, and was given none")
	case !followerName.MatchString(s.Name):
		return s, understudy.Errorf(understudy.KindInvalid, "%q cannot name a follower: it may have 1 to 32 lower case letters, digits and underscores", s.Name)
	case s.Publish && s.Publication != "":
		return s, understudy.Errorf(understudy.KindInvalid, "publication %s is production's own, so it is not for the follower to make", s.Publication)
	}
	if s.Publication == "" {
		s.Publication = s.slot()
	}
	if s.MaxRetained <= 0 {
		s.MaxRetained = defaultRetained
	}
	if s.SlotWait <= 0 {
		s.SlotWait = 2 * time.Minute
	}
	if s.SchemaEvery <= 0 {
		s.SchemaEvery = 30 * time.Second
	}
	if s.Notice == nil {
		s.Notice = func(string) {}
	}
	if s.Applied == nil {
		s.Applied = func(Applied) {}
	}
	return s, nil
}

// withoutMasks is what a follower has on production, for who follows nothing.
func (s Spec) withoutMasks() (Spec, error) {
	return Spec{
		Source: s.Source, Name: s.Name, MaxRetained: s.MaxRetained,
		Masks: func(string, []understudy.Column) (understudy.TableMasks, error) { return understudy.TableMasks{}, nil },
	}.complete()
}

// slotPrefix begins the names of all slots and publications that followers make.
const slotPrefix = "understudy_"

// slot names the slot and, where it is ours, the publication.
func (s Spec) slot() string { return slotPrefix + s.Name }

// application is the application_name of all of a follower's sessions.
func (s Spec) application() string { return "understudy follow " + s.Name }
