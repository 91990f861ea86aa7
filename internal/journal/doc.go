// Package journal keeps the append-only, hash-chained record of who did what, when
// and why. It is whole without the store: files of JSON lines in one folder.
//
//	journal/
//	  00000000000000000001.jsonl   segment, named by the first entry in it
//	  00000000000000041213.jsonl   … the next one; the chain runs on over segments
//	  head.json                    the last entry that was acknowledged
//	  torn-<time>                  what a crash left of a line nobody was told about
//	  lock                         held by the one process that appends
//
// The rule of the chain is understudy.Entry.Seal and Follows. On top of it a line has
// to be exactly the JSON that this program writes for its entry, and time never goes
// backwards: when the clock does, an entry takes the time of the one before it.
//
// # When things fail
//
// Append writes one line, flushes it to disk, moves the head, and only then returns.
//
//	crash while the line is written    the part is set aside to torn-<time> at the next
//	                                   Open and named by Torn; nobody was told it stands
//	crash before the head moved        the entry is whole and stays; the head catches up
//	no room for the line               the part is cut off again; the journal goes on
//	the disk does not flush            nothing is known of the line: the journal takes
//	                                   no more until it is opened again
//	a line changed, taken out, put in  Open (last segment), Read and Verify (all) name it
//	lines taken off the end            the chain ends before the head: Open refuses
//
// Whoever can write to the folder can replace the whole of it, head included. Keep
// Verified.Head elsewhere from time to time to notice that too.
package journal
