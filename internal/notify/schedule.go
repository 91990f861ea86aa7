package notify

import (
	"errors"
	"time"

	"understudy"
)

const (
	// TriedFor is how long a notification is tried before it is given up.
	TriedFor = 24 * time.Hour
	// Within bounds one attempt.
	Within = 15 * time.Second
	// Most is how many may wait for one channel; what comes then is given up at once.
	Most = 500

	firstPause = 5 * time.Second
	mostPause  = time.Hour
)

// errGone is an answer after which it is of no use to ask again.
var errGone = errors.New("the server says that it takes no more messages (410 Gone)")

// errNoChannel is why nothing can be delivered to a channel that was taken out of the file.
var errNoChannel = errors.New("there is no such channel in understudy.yaml any more")

// New is the notification of a message to a channel, due at once. It has the same ID whenever
// it is made.
func New(m understudy.Message, channel string, now time.Time) understudy.Notification {
	return understudy.Notification{
		ID: ID(m.Entry, channel), Channel: channel, Message: m, State: understudy.NotificationWaiting,
		MadeAt: now, NextAt: now, Until: now.Add(TriedFor),
	}
}

// pause is the time after so many failed attempts; chance is from 0 to 1.
func pause(failed int, chance float64) time.Duration {
	base := mostPause
	if failed < 12 {
		base = min(firstPause<<max(0, failed-1), mostPause)
	}
	return time.Duration(float64(base) * (0.8 + 0.4*chance))
}

// After is a notification once an attempt was made.
func After(n understudy.Notification, a understudy.Attempt, err error, chance float64) understudy.Notification {
	ended := a.At.Add(a.Took)
	if err != nil {
		a.Why = err.Error()
	}
	n.Attempts = append(n.Attempts, a)
	switch {
	case err == nil:
		n.State, n.NextAt, n.EndedAt = understudy.NotificationDelivered, time.Time{}, ended
	case errors.Is(err, errGone), errors.Is(err, errNoChannel), !ended.Before(n.Until):
		n.State, n.NextAt, n.EndedAt = understudy.NotificationGivenUp, time.Time{}, ended
	default:
		n.NextAt = ended.Add(pause(len(n.Attempts), chance))
		if n.NextAt.After(n.Until) {
			n.NextAt = n.Until
		}
	}
	return n
}

// Refuse is a notification for which there is no room.
func Refuse(n understudy.Notification) understudy.Notification {
	n.State, n.NextAt, n.EndedAt = understudy.NotificationGivenUp, time.Time{}, n.MadeAt
	n.Attempts = append(n.Attempts, understudy.Attempt{At: n.MadeAt, Why: "too many wait for this channel already"})
	return n
}

// Again is a notification that somebody wants to be tried once more, for another day.
func Again(n understudy.Notification, now time.Time) understudy.Notification {
	n.State, n.NextAt, n.Until, n.EndedAt = understudy.NotificationWaiting, now, now.Add(TriedFor), time.Time{}
	return n
}
