// Package policy holds a promotion against what a policy asks: approvals, windows of time,
// soak, and how far a release reaches. Everything here is a rule without effects: facts go in,
// and what is met, what is missing and when it will be comes out.
//
// Windows are recurrence rules of RFC 5545 (RRULE), read by the clock on the wall of their
// time zone, with three rules for the nights on which that clock is changed:
//
//   - A beginning in the hour that is skipped is at the moment that the clock shows the hour
//     after it (02:30 that does not exist is 03:30). RFC 5545 reads a single date so and drops
//     it from a recurrence; a freeze that is dropped for a night would be no freeze.
//   - A beginning in the hour that comes twice is the first of the two.
//   - Days of a length are days of the calendar and keep the time of day; hours are hours.
//
// Time zones come with the program, so that a machine without zone files reads them alike.
package policy
