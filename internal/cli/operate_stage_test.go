package cli_test

import (
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/api/apitest"
)

// operate is what a stage knows of deliveries: six deployments in four weeks, and two channels.
func operate(s *apitest.Stage) {
	week := func(n, deployed, failed int, lead time.Duration) understudy.Week {
		return understudy.Week{Begins: at("00:00:00").AddDate(0, 0, 1+7*n), Deployed: deployed, Failed: failed, LeadTime: lead}
	}
	hours := func(n int) time.Duration { return time.Duration(n) * time.Hour }
	s.Figures = understudy.Metrics{
		Since: at("12:00:00"), Until: at("12:00:00").AddDate(0, 0, 28), Entries: 1204, Least: 5, Refused: 2,
		Frequency:  understudy.Frequency{Count: 6, Days: 28, OnDays: 5, PerWeek: 1.5},
		LeadTime:   understudy.LeadTime{Spread: understudy.Spread{Count: 6, Enough: true, Median: hours(3), P90: hours(60), Longest: hours(60)}, FromCommit: 4, FromRelease: 2},
		Recovery:   understudy.Spread{Count: 1, Median: 2 * time.Minute, P90: 2 * time.Minute, Longest: 2 * time.Minute},
		FailRate:   understudy.Share{Count: 1, Of: 6, Rate: 1.0 / 6, Enough: true},
		Rework:     understudy.Share{Count: 1, Of: 6, Rate: 1.0 / 6, Enough: true},
		Rehearsals: understudy.RehearsalFigures{Ended: map[understudy.RehearsalState]int{"passed": 7, "failed": 3}, Releases: 9, Caught: 2, Took: understudy.Spread{Count: 10, Enough: true, Median: time.Minute, P90: 90 * time.Second, Longest: 2 * time.Minute}},
		Rollbacks:  understudy.RollbackFigures{Count: 1, ByItself: 1, Answered: understudy.Spread{Count: 1, Longest: 12 * time.Millisecond}},
		Weeks:      []understudy.Week{week(0, 1, 0, hours(2)), week(1, 0, 0, 0), week(2, 4, 1, hours(3)), week(3, 1, 0, hours(60))},
		Changes:    []understudy.Change{{Promotion: "p4", Release: "v4", At: at("12:00:00").AddDate(0, 0, 15), Failed: "it was rolled back by itself", Recovered: 2 * time.Minute}},
		Notes:      []string{"where a release does not know the time of its commit, the lead time begins when the release was created, which is later"},
	}
	s.Told = api.Told{
		Channels: []api.ChannelStatus{
			{Name: "chat", Kind: "slack", Events: []string{"promotion", "hold.placed"}, Delivered: 4, GivenUp: 1, Failed: "the server answered 500"},
			{Name: "audit", Kind: "webhook", Events: understudy.Events(), Delivered: 9},
		},
		Notifications: []understudy.Notification{
			{ID: "812-chat", Channel: "chat", State: understudy.NotificationGivenUp, EndedAt: at("12:00:00"), Message: understudy.Message{Event: "promotion.settled"},
				Attempts: []understudy.Attempt{{}, {Why: "the server answered 500"}}},
			{ID: "813-audit", Channel: "audit", State: understudy.NotificationDelivered, EndedAt: at("12:01:00"), Message: understudy.Message{Event: "hold.placed"}, Attempts: []understudy.Attempt{{}}},
		},
	}
}
