package rehearsal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// side is what one part answered and did when the declared traffic was played to it.
type side struct {
	answers []Answered
	effects Effects // what was added
}

// difference is one thing that is otherwise than on production's release.
type difference struct{ subject, seen string }

// differ lists in what the candidate is otherwise than the baseline, where the baseline
// agrees with itself. Values are not told, only where they are.
func differ(a, again, candidate side) []difference {
	out := append(differingAnswers(a.answers, again.answers, candidate.answers),
		differingCounts(a.effects.Rows, again.effects.Rows, candidate.effects.Rows)...)
	out = append(out, differingCounts(a.effects.Calls, again.effects.Calls, candidate.effects.Calls)...)
	return append(out, differingStatements(a.effects.Statements, again.effects.Statements, candidate.effects.Statements)...)
}

// lasting are the differences that came back when all was done once more.
func lasting(first, second []difference) []difference {
	return slices.DeleteFunc(slices.Clone(first), func(d difference) bool {
		return !slices.ContainsFunc(second, func(other difference) bool { return other.subject == d.subject })
	})
}

func differingAnswers(a, again, candidate []Answered) []difference {
	var out []difference
	told := map[string]bool{}
	for i, was := range a {
		if i >= len(again) || i >= len(candidate) || again[i].Step != was.Step || candidate[i].Step != was.Step {
			break // a step failed before: what follows was not the same request
		}
		if seen := differingAnswer(was, again[i], candidate[i]); seen != "" && !told[was.Step] {
			told[was.Step] = true
			out = append(out, difference{was.Step, seen})
		}
	}
	if len(candidate) < len(a) && len(a) == len(again) && len(out) == 0 {
		out = append(out, difference{"requests", fmt.Sprintf("%d of %d could be made", len(candidate), len(a))})
	}
	return out
}

// incomparable counts the answers of which production's release gives another one each time:
// nothing can be told by them.
func incomparable(a, again []Answered) int {
	n := max(len(a), len(again)) - min(len(a), len(again))
	for i := range min(len(a), len(again)) {
		if a[i].Status != again[i].Status || len(pieces(a[i])) != len(pieces(again[i])) {
			n++
		}
	}
	return n
}

func differingAnswer(a, again, candidate Answered) string {
	switch {
	case a.Status != again.Status:
		return "" // it varies by itself
	case a.Status != candidate.Status:
		return fmt.Sprintf("status %d, and %d on production's release", candidate.Status, a.Status)
	}
	was, varies, is := pieces(a), pieces(again), pieces(candidate)
	if len(was) != len(varies) {
		return ""
	}
	var places []string
	for i, piece := range was {
		if piece != varies[i] {
			continue
		}
		if i >= len(is) || is[i].place != piece.place || is[i].text != piece.text {
			places = append(places, piece.place)
		}
	}
	if len(is) > len(was) {
		places = append(places, is[len(was)].place)
	}
	if len(places) == 0 {
		return ""
	}
	return fmt.Sprintf("the body differs at %s (%d of %d places)", strings.Join(places[:min(3, len(places))], ", "), len(places), max(len(was), len(is)))
}

// piece is one place of a body with what stands there.
type piece struct{ place, text string }

// pieces takes a body apart: JSON into its leaves, anything else into lines.
func pieces(a Answered) []piece {
	var decoded any
	if strings.Contains(a.Type, "json") && json.Unmarshal(a.Body, &decoded) == nil {
		var out []piece
		leaves("$", decoded, &out)
		return out
	}
	var out []piece
	for i, line := range strings.Split(string(a.Body), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, piece{"line " + strconv.Itoa(i+1), line})
		}
	}
	return out
}

func leaves(path string, v any, out *[]piece) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			leaves(path+"."+name, v[name], out)
		}
	case []any:
		for i, each := range v {
			leaves(path+"["+strconv.Itoa(i)+"]", each, out)
		}
	default:
		*out = append(*out, piece{path, fmt.Sprint(v)})
	}
}

func differingCounts(a, again, candidate map[string]int64) []difference {
	var out []difference
	names := maps.Clone(a)
	if names == nil {
		names = map[string]int64{}
	}
	maps.Copy(names, candidate)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if a[name] == again[name] && a[name] != candidate[name] {
			out = append(out, difference{name, fmt.Sprintf("%d, and %d on production's release", candidate[name], a[name])})
		}
	}
	return out
}

// differingStatements tells of statements that are plainly more or fewer: services also make
// some by themselves, as time goes by.
func differingStatements(a, again, candidate int64) []difference {
	const some = 20
	least, most := min(a, again), max(a, again)
	if cmp.Or(a, again) == 0 || candidate == 0 || candidate <= most+most/2+some && candidate >= least/2-some {
		return nil
	}
	return []difference{{"statements", fmt.Sprintf("%d, and %d to %d on production's release", candidate, least, most)}}
}

// grown is what was added between two looks.
func (e Effects) grown(now Effects) Effects {
	return Effects{Rows: grownBy(e.Rows, now.Rows), Calls: grownBy(e.Calls, now.Calls), Statements: max(0, now.Statements-e.Statements)}
}

func grownBy(before, now map[string]int64) map[string]int64 {
	out := map[string]int64{}
	for name, n := range now {
		if n > before[name] {
			out[name] = n - before[name]
		}
	}
	return out
}
