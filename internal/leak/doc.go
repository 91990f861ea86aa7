// Package leak finds originals of masked columns in a finished copy. It knows no engine
// and opens nothing: values, files and room on disk are handed to it.
//
// # The story
//
//	masks ─▶ Watch ─ notes every original and every result while the copy streams
//	           │ Seal
//	           ▼
//	          Set ─▶ Scanner ─ one per goroutine, is shown every value of the twin
//	           │        │ Raw ─ is shown files, byte by byte
//	           │ Judge  ▼
//	           └─▶ finds: leak, common, coincidence
//
// No original is kept, in memory or on disk: what is noted is a fingerprint of 58 bits,
// SipHash-2-4 under a random key that exists only in the Watch and is forgotten with it.
// Fingerprints are spilled to files that the caller hands in (unlinked ones, so that a
// crash leaves nothing); memory stays flat, about 60 MB, whatever the size.
//
// # What is compared
//
// Of every value the skeleton: its letters and digits, case folded, everything else left
// out, the first 64 bytes of it. "+49 (151) 23-45" and "+491512345" are the same, and so
// are "DE89 3704 …" and "DE893704…", "Schmidt, Anna" and "schmidt anna". A value of the
// twin is searched for skeletons that begin and end at the edges of words; of JSON, arrays
// and the like each leaf is a value. Bytes are searched at every position.
// Not found are originals that were transformed: compressed, encrypted, in base64, in
// another order, without a country code that they had.
//
// # The rule
//
// A find is common, and no leak, if the value says little of anybody: it carries less than
// 26.5 bits by a rough measure (3.3 for a digit, 2.9 for a letter, 8 for a sign of Chinese,
// less for repetitions: so eight digits or nine letters are not enough), it is of a column
// of dates, or it is a single word without digits that many rows share. Common values are
// only looked up as whole values, and not in columns of numbers.
//
// A find in a masked column is a coincidence, and no leak, if the whole value (or leaf)
// there is a result of the same mask, seen to come out of it with nothing of its own
// original left in it. Every other find is a leak.
//
// # How it stays fast
//
// A table by the first eight bytes of a skeleton says which lengths exist; of what passes,
// a blocked Bloom filter lets through about one wrong in a hundred; what passes that is
// spilled as a candidate, and compared with the spilled fingerprints at the end. A filter
// too small for its content costs time, never a find.
package leak
