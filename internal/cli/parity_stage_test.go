package cli_test

import (
	"time"

	"understudy"
	"understudy/internal/api"
)

// likeness is how alike production and its twin are, what is seen while one watches, and how
// it went before.
func likeness() (understudy.Parity, []api.Likeness, understudy.ParityHistory) {
	memory := understudy.Gap{Kind: "setting", Name: "main work_mem", A: "4MB", B: "64MB", Weight: 2}
	orders := understudy.Gap{Kind: "volume", Name: "main public.orders", A: "1,300,000 rows", B: "130,000 rows", Weight: 2.7}
	now := understudy.Parity{A: "production", B: "staging", Compared: 121, MeasuredAt: at("12:00:00"), Gaps: []understudy.Gap{
		memory, {Kind: "configuration", Name: "PAGE_SIZE", A: "a1", B: "b2", Weight: 1}, orders,
		{Kind: "configuration", Name: "MAIL_HOST", A: "mail:25", B: "the seal", Because: "a twin's mail is caught"},
	}, Measured: []string{"servers and settings: by asking them"}}
	accepted := []understudy.Acceptance{
		{Kind: "volume", Name: "main public.*", Owner: "ann", Reason: "a tenth is enough", Until: "2026-12-31"},
		{Kind: "setting", Name: "main fsync", Owner: "bob", Reason: "the disk is slow", Until: "2026-02-28"},
		{Kind: "index", Name: "*", Owner: "bob", Reason: "built by night", Until: "2026-12-31"},
	}
	better := now
	better.Gaps, better.Compared, better.MeasuredAt = []understudy.Gap{now.Gaps[3], memory}, 120, at("12:30:00")
	better.Gaps[1].B = "32MB"
	now = now.Accept(accepted)
	watched := []api.Likeness{{At: at("12:00:00"), Parity: now}, {At: at("12:15:00"), Parity: now}, {At: at("12:20:00"), Failed: "staging is in use by rehearsal r-3"}, {At: at("12:30:00"), Parity: better.Accept(nil)}}
	before := now.Stretch("m2", digest("list"), &understudy.ParityOccasion{At: at("12:00:00"), What: understudy.OccasionRehearsal, ID: "r-2", Label: "v3"})
	before.Changes = understudy.ParityChanges(nil, now.Gaps[:3])
	sound := understudy.ParityStretch{ID: "m1", A: "production", B: "staging", From: at("09:00:00"), Until: at("11:15:00"), Times: 10, Figure: 100, Compared: 121, List: digest("other")}
	past := understudy.ParityHistory{A: "production", B: "staging", Stretches: []understudy.ParityStretch{sound, before}, Promoted: []understudy.Promoted{
		{At: at("11:30:00"), To: "production", Label: "v1"}, {At: at("12:10:00").Add(time.Second), To: "production", Label: "v2"}}}
	return now, watched, past
}

// attestedLikeness is what a verdict says of it.
func attestedLikeness() *understudy.ParitySummary {
	now, _, _ := likeness()
	s := now.Summarised()
	s.Digest = digest("parity.json")
	return &s
}
