// Package sqltraffic is an application that talks to its database, as a traffic of
// statements: what an old release does while and after its schema is migrated.
//
// Connections are opened and statements prepared before anything is changed, and both are
// kept, as a pool keeps them: so a plan that was cached, a column that is gone and a lock
// that is waited for show here as they would in the application. A connection that breaks
// is opened anew, as a pool does.
//
// Statements come from a file that people write ([Parse]) or from the schema ([Usual]). It
// works over database/sql, so one player serves every engine.
package sqltraffic
