package rehearsal

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
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
type difference struct {
	subject, seen string
	of            string // what it is a part of, by which it can be accepted too
	note          bool   // it is worth telling, and no more
}

// differ lists in what the candidate is otherwise than the baseline, where the baseline
// agrees with itself. Values are not told, only where they are.
func differ(a, again, candidate side) []difference {
	out := append(differingAnswers(a.answers, again.answers, candidate.answers),
		differingCounts(a.effects.Rows, again.effects.Rows, candidate.effects.Rows)...)
	out = append(out, differingCalls(a.effects.Calls, again.effects.Calls, candidate.effects.Calls)...)
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
			out = append(out, difference{subject: was.Step, seen: seen})
		}
	}
	if len(candidate) < len(a) && len(a) == len(again) && len(out) == 0 {
		out = append(out, difference{subject: "requests", seen: fmt.Sprintf("%d of %d could be made", len(candidate), len(a))})
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
	if at := differingPieces(pieces(a), pieces(again), pieces(candidate)); at != "" {
		return "the body differs at " + at
	}
	return ""
}

// differingPieces is where one of three has something else, and how often, where the other two
// have the same: what differs between those varies by itself.
func differingPieces(was, varies, is []piece) string {
	places := differingPlaces(was, varies, is)
	if len(places) == 0 {
		return ""
	}
	return fmt.Sprintf("%s (%d of %d places)", strings.Join(places[:min(3, len(places))], ", "), len(places), max(len(was), len(is)))
}

// differingPlaces are compared by their names, so that one that is added says nothing of those behind it.
func differingPlaces(was, varies, is []piece) []string {
	if len(was) != len(varies) {
		return nil
	}
	again, now := byPlace(varies), byPlace(is)
	known := byPlace(was)
	var places []string
	for i, k := range keyed(was) {
		if text, there := again[k]; !there || text != was[i].text {
			continue
		}
		if text, there := now[k]; !there || text != was[i].text {
			places = append(places, k.place)
		}
	}
	for _, k := range keyed(is) {
		_, had := known[k]
		if _, hadAgain := again[k]; !had && !hadAgain {
			places = append(places, k.place)
		}
	}
	return places
}

// placed is a place and the how manieth of its name it is: a field may come several times.
type placed struct {
	place string
	nth   int
}

func keyed(pieces []piece) []placed {
	out, seen := make([]placed, len(pieces)), map[string]int{}
	for i, p := range pieces {
		out[i] = placed{p.place, seen[p.place]}
		seen[p.place]++
	}
	return out
}

func byPlace(pieces []piece) map[placed]string {
	out := map[placed]string{}
	for i, k := range keyed(pieces) {
		out[k] = pieces[i].text
	}
	return out
}

// piece is one place of a body with what stands there.
type piece struct{ place, text string }

// pieces takes an answer apart: into the type of its content, and its body.
func pieces(a Answered) []piece {
	kind, _, _ := strings.Cut(a.Type, ";")
	if kind = strings.ToLower(strings.TrimSpace(kind)); kind == "" {
		return body(a)
	}
	return append([]piece{{"the content's type", kind}}, body(a)...)
}

// fieldName is a name that may be shown; what is none of them may be a value, as where JSON is sent
// as a form, or where an object is a table by address.
var fieldName = regexp.MustCompile(`^[A-Za-z_$@][\w$.:\[\]-]{0,59}$`)

// body takes a body apart: a form into its fields, JSON into its leaves, anything else into lines.
func body(a Answered) []piece {
	isForm := strings.Contains(a.Type, "x-www-form-urlencoded")
	if form, err := url.ParseQuery(string(a.Body)); err == nil && isForm && shownNames(form) {
		return fields("field ", form)
	}
	var decoded any
	if (isForm || strings.Contains(a.Type, "json")) && json.Unmarshal(a.Body, &decoded) == nil {
		var out []piece
		leaves("$", decoded, deepestPlace, &out)
		return out
	}
	return lines("", string(a.Body))
}

// lines are those of a text that hold something; at says of what.
func lines(at, text string) []piece {
	var out []piece
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, piece{at + "line " + strconv.Itoa(n), line})
		}
	}
	return out
}

// shownNames tells whether the names of all fields may be shown.
func shownNames(form url.Values) bool {
	for name := range form {
		if !fieldName.MatchString(name) {
			return false
		}
	}
	return true
}

func fields(kind string, form url.Values) []piece {
	var out []piece
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			out = append(out, piece{kind + name, value})
		}
	}
	return out
}

// deepestPlace is how many names a place of JSON has; what is deeper is compared as it is. Else the names
// of a body that is nested without end would take more than the body, by far.
const deepestPlace = 32

func leaves(path string, v any, deep int, out *[]piece) {
	if deep == 0 {
		text, _ := json.Marshal(v) //nolint:errcheck // it was read from JSON
		v = string(text)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			shown := name
			if !fieldName.MatchString(name) {
				shown = "…"
				*out = append(*out, piece{path + ".…", name})
			}
			leaves(path+"."+shown, v[name], deep-1, out)
		}
	case []any:
		for i, each := range v {
			leaves(path+"["+strconv.Itoa(i)+"]", each, deep-1, out)
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
			out = append(out, difference{subject: name, seen: counts(candidate[name], a[name])})
		}
	}
	return out
}

func counts(here, there int64) string {
	return fmt.Sprintf("%d, and %d on production's release", here, there)
}

// grown is what was added between two looks.
func (e Effects) grown(now Effects) Effects {
	return Effects{Rows: grownBy(e.Rows, now.Rows), Calls: now.Calls[min(len(e.Calls), len(now.Calls)):], Statements: grownBy(e.Statements, now.Statements)}
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
