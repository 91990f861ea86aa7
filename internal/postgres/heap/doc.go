// Package heap reads and rewrites the pages of PostgreSQL's tables: the bytes of
// versions 12 to 18, page layout 4, little-endian. It knows no files and no server; what
// it is given is a page, and what it changes keeps every length.
//
//	page   header 24 | line pointers 4 each | hole | tuples | (special)
//	tuple  header 23, null bitmap | fields, aligned, each as its type stores it
//
// A tuple is rewritten whole or not at all. It is left as it is when one of its masked
// fields is stored where it cannot be written over: compressed, in the TOAST table, or
// when the masked value needs another size. Whoever calls is told where it stands, and
// masks that row by other means. Versions that no query sees any more are treated as the
// living ones: their bytes exist.
//
// What lies between the tuples, where others used to be, is filled with zeros, and so are
// the fields of dropped columns. A page that does not parse is an error, never a guess.
//
// Sources: src/include/storage/bufpage.h, itemid.h, checksum_impl.h, access/htup_details.h,
// varatt.h, utils/jsonb.h and src/backend/utils/adt/numeric.c of PostgreSQL.
package heap
