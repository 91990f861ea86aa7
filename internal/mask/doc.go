// Package mask decides which columns hold personal data, and makes their values safe
// before they leave production. It is pure: no network, no clock, no store.
//
// # The model
//
// A Policy (mask.yaml) gives columns a Rule. Policy.Masks turns it, with the project's
// key, into the understudy.Masks that a copy asks for every table. It fails closed: a
// column without a rule made for its type refuses the whole table.
//
//	columns ─▶ Classify ─▶ Plan ─▶ mask.yaml ─▶ Load ─▶ Policy ─▶ Masks ─▶ MaskFunc per column
//
// # What holds for a masked value
//
// Almost every mask is a keyed bijection over strings of the same structure: letters
// become letters (upper case stays upper), digits become digits, everything else stays,
// and so does the length. It follows that
//
//   - equal values are masked equally, in every table and in every run under one key;
//   - different values stay different: unique keys hold, foreign keys still join, and
//     the planner's statistics (distinct values, frequencies, widths) stay true;
//   - values that differ in case only stay so: lower(mask(v)) = mask(lower(v));
//   - no value is its own mask if it has a letter or a digit to change: the permutation
//     is one cycle through all strings of the structure (see cipher.go).
//
// The permutation is FF1 of NIST SP 800-38G Rev. 1 where all characters are of one alphabet,
// and FF1's network over several alphabets elsewhere (cipher.go, ff1.go, longstring.go). It
// works on machine words and allocates nothing for a value; short words that come again
// are remembered (memo.go).
//
// Exceptions are said where they are: the top-level domain of an e-mail address or a URL
// changes so that nothing can be delivered to it, one to one for all that can exist
// (hosts.go); dates move by one constant distance; numbers under rank grow by less than
// twice; hash, constant, null, password, generalise and names of a locale keep no
// difference that matters. What a mask keeps, it says: see understudy.Mask.
//
// Shuffle and program need several rows at once (batch.go). Programs are run by whoever
// calls Masks: see WithProgram.
//
// # What does not hold
//
// Frequencies are kept, so the most common surname stays the most common string. Who has
// the key can undo most masks: it belongs where production's secrets are. A telephone
// number or an IP address may by chance become somebody else's; the seal around the twin
// is what keeps calls in, not the mask.
package mask
