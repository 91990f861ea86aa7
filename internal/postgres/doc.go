// Package postgres reads PostgreSQL: sessions that disturb nobody, one consistent view of
// a database for several of them, its schema, columns, sizes and fingerprints, and what
// its errors say without the values in them. What acts on PostgreSQL stands in the
// packages below it, which share this one and nothing else.
package postgres
