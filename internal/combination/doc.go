// Package combination finds the combinations of flags that are worth a run, and of one that
// fails the flags that make it fail. It is pure, and knows of a flag its levels, and which
// others it requires and excludes.
//
//	factors ─▶ Space ─▶ Cover, Alone ─▶ rows ─▶ … a row failed ─▶ Guilty
//
// Cover is a covering array of strength two: every two levels of two flags come together in
// a row, if they legally can. Guilty halves the suspects with each run, flags and pairs first,
// and falls back to delta debugging.
package combination
