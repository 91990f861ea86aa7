// Package meter measures what teams judge their releases by: a query that a Prometheus
// server answers over its HTTP API. It says what it was told, and never passes what it was
// not: a server that does not answer, or answers something else than one value, is no value.
package meter
