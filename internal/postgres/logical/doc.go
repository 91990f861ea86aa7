// Package logical copies a PostgreSQL database through its rows: one exported snapshot,
// read by COPY, masked in the stream and loaded into an empty database, with no file
// between.
package logical
