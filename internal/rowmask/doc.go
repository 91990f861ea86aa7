// Package rowmask puts the masks of one table on rows that stream by, for engines whose
// drivers hand over rows value by value. It holds no more rows than the widest batch asks for.
package rowmask
