package rehearsal

import (
	"fmt"
	"maps"
	"slices"
)

// differingStatements lists the statements that the candidate makes plainly more or less often,
// those that it makes and the baseline does not, and the other way round. Services also make some
// by themselves, as time goes by: what a few more or less are is nobody's business.
func differingStatements(a, again, candidate map[string]int64) []difference {
	if len(a) == 0 || len(again) == 0 || len(candidate) == 0 {
		return nil // nobody counted them
	}
	all := maps.Clone(a)
	maps.Copy(all, again)
	maps.Copy(all, candidate)
	var plain, notes []difference
	for _, text := range slices.Sorted(maps.Keys(all)) {
		x, y, z := a[text], again[text], candidate[text]
		d := difference{subject: "statement " + text, of: "statements", seen: times(z, x, y)}
		switch {
		case x == 0 && y == 0, x > 0 && y > 0 && z == 0: // written otherwise, mostly; of what it costs the sum tells
			d.note = true
			notes = append(notes, d)
		case !alike(x, y, z, 10):
			plain = append(plain, d)
		}
	}
	if x, y, z := sum(a), sum(again), sum(candidate); len(plain) == 0 && !alike(x, y, z, 20) {
		plain = append(plain, difference{subject: "statements", seen: times(z, x, y)})
	}
	return append(plain, notes...)
}

// comparedStatements is how many statements could be compared; 0: on one of the sides nobody counted them.
func comparedStatements(sides []side) int {
	texts := map[string]int64{}
	for _, s := range sides {
		if len(s.effects.Statements) == 0 {
			return 0
		}
		maps.Copy(texts, s.effects.Statements)
	}
	return len(texts)
}

// alike tells whether a number is within what two others, and some more or less, let expect.
func alike(a, again, candidate, some int64) bool {
	least, most := min(a, again), max(a, again)
	return candidate <= most+most/2+some && candidate >= least/2-some
}

func times(here, a, again int64) string {
	if a == again {
		return counts(here, a)
	}
	return fmt.Sprintf("%d, and %d to %d on production's release", here, min(a, again), max(a, again))
}

func sum(of map[string]int64) (all int64) {
	for _, n := range of {
		all += n
	}
	return all
}
