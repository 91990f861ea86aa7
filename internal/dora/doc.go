// Package dora computes delivery metrics from the journal: DORA's five, by the definitions
// that dora.dev gives, and Understudy's own. Everything here is a rule over entries, in their
// order; nothing is asked and nothing is written down.
//
// # What an entry says
//
//	release.created                    a change exists; its commit's time where git knew it
//	promotion.switching                the first traffic goes to it: from here it is a deployment
//	promotion.baking                   all of the traffic goes to it: the lead time ends
//	promotion.rolling-back, answered,  it goes back: it has failed, and production has recovered
//	          rolled-back
//	glass.broken                       somebody brought it past the gate: it is a hotfix
//	hold.placed by a person            somebody stopped what follows
//	rehearsal.started … its end        what happened before production
//
// # What counts
//
// A deployment has failed when somebody or something had to step in at once: it was rolled
// back, whenever that was; or within Soon after it a hotfix was brought past the gate, or a
// person placed a hold. It has recovered when the old release had all of the traffic again,
// else when the hotfix had, else when the hold was lifted. A deployment is rework when it is
// a hotfix, or the first one after a failed one.
//
// A promotion that turns back before its first traffic reached nobody and is no deployment.
// What is switched by other means leaves no trace here, which a note says.
package dora
