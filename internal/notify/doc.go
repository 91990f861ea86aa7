// Package notify tells people and programs what the journal says: a message is made of an
// entry, and taken to every channel that wants it.
//
//	journal ── entry ──▶ MessageOf ──▶ outbox (durable) ──▶ Postman ──▶ webhook, Slack, mail
//	                                       ▲                  │
//	                                       └── next attempt ──┘
//
// # What holds
//
// Whoever fills the outbox does so before it moves on in the journal, so a message is never
// lost; the outbox knows a message by its entry and channel, so it is there once. A delivery
// is written down after it was made: a crash between the two makes it twice, with the same
// ID, by which a receiver tells.
//
// Each channel has a worker of its own while something is due, and each attempt a deadline: a
// server that hangs delays its own channel and nothing else. Nobody who acts waits for any of
// this.
//
// # When a delivery fails
//
// It is tried again after 5 s, then twice that, and so on up to an hour, each a fifth shorter
// or longer by chance; after a day it is given up. So is one whose channel is no longer there,
// and one that the server answers with 410 Gone.
//
// Addresses and secrets may hold tokens: no error, log or record has them.
package notify
