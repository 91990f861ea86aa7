// Package proof holds a finished copy of a PostgreSQL database against its source while
// the copy's snapshot is still held, and says what it found: understudy.CopyProof.
//
//	p := New(Spec{Masks: …})        logical.Spec{Masks: p.Masks, While: p.Check}
//	   │ Masks: the rules, watched          │
//	   ▼                                    ▼
//	 notes originals and results   Check: what needs the source at the copy's moment: rows and
//	 while the copy streams        fingerprints; its objects, statistics and plans are read
//	                                        │ the snapshot is let go
//	                                        ▼
//	                               Finish: the twin's objects, statistics, plans, groups;
//	                               every value of it is searched ─▶ understudy.CopyProof
//
// What it costs the source is said in Compare. Nothing is written on either side, and no
// value stays in what it finds. When a part could not be looked at, because the source has
// no statistics or lets nobody see its statements, the proof says so in a sentence and goes on;
// what it is for (rows, fingerprints, objects, leaks) is an error if it cannot be done.
package proof
