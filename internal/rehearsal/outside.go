package rehearsal

import (
	"fmt"
	"hash/maphash"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Call is one thing that a part tried to do to the outside, as the seal caught it.
type Call struct {
	Of    string // "integration payments"; nobody's: "http to api.example"
	Does  string // "POST api.example", "mail"
	Path  string // of HTTP, without the query; the subject of a mail
	Query string
	From  string // of a mail's envelope
	To    []string
	Type  string // of its content
	Body  []byte // what was kept of it
	Size  int64  // of all of it
}

// kind is what a call is where its path means nothing.
func (c Call) kind() string { return strings.TrimSpace(c.Of + " " + c.Does) }

// word is a part of a path that may be shown: a name of the interface and no value. Some
// interfaces have one's token there.
var word = regexp.MustCompile(`^([A-Za-z][A-Za-z_.-]{0,29}|v\d{1,3})?$`)

// named is a call with its path, without values: "integration payments POST api.example/charges/…".
func (c Call) named() string {
	if c.Does == mail {
		return c.kind()
	}
	parts := strings.Split(c.Path, "/")
	for i, part := range parts {
		if !word.MatchString(part) {
			parts[i] = "…"
		}
	}
	path := strings.Join(parts, "/")
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(c.Of, "http to ") {
		return c.kind() + path
	}
	return strings.TrimSpace(c.kind() + " " + path)
}

// mail is what a call does that is none of HTTP.
const mail = "mail"

// pieces takes a call apart as an answer is taken apart.
func (c Call) pieces() []piece {
	out := []piece{{"the subject", c.Path}}
	if c.Does != mail {
		out = nil
		for i, part := range strings.Split(c.Path, "/") {
			out = append(out, piece{"part " + strconv.Itoa(i) + " of the path", part})
		}
	}
	if query, err := url.ParseQuery(c.Query); err == nil && shownNames(query) {
		out = append(out, fields("query ", query)...)
	} else {
		out = append(out, piece{"the query", c.Query})
	}
	for _, part := range append([]string{c.From}, slices.Sorted(slices.Values(c.To))...) {
		out = append(out, piece{"the envelope", part})
	}
	if c.Size > int64(len(c.Body)) {
		out = append(out, piece{"the body's size", strconv.FormatInt(c.Size, 10)})
	}
	if c.Does == mail {
		return append(out, mailPieces(c.Body)...)
	}
	return append(out, pieces(Answered{Type: c.Type, Body: c.Body})...)
}

// differingCalls lists the calls that the candidate makes otherwise, more or less often than
// the baseline, where that agrees with itself. They are told apart by whom they go to, what they
// do, and their path, but for its values and where the baseline's own paths vary; those of a kind are paired by content.
func differingCalls(a, again, candidate []Call) []difference {
	named := callNames(a, again)
	was, varies, is := grouped(a, named), grouped(again, named), grouped(candidate, named)
	names := maps.Clone(was)
	maps.Copy(names, is)
	var out []difference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		x, y, z := was[name], varies[name], is[name]
		if len(x) != len(y) {
			continue // it varies by itself
		}
		if seen := differingKind(x, y, z); seen != "" {
			out = append(out, difference{subject: name, of: append(slices.Clone(z), x...)[0].Of, seen: seen})
		}
	}
	return out
}

// differingKind tells what the candidate does otherwise with calls of one kind: how often it makes
// them, and where the first that is otherwise differs.
func differingKind(a, again, candidate []Call) string {
	seed := maphash.MakeSeed()
	first, second, there := takenApart(seed, a), takenApart(seed, again), takenApart(seed, candidate)
	varies := pairByContent(seed, first, second, nil)
	noise := noises(first, second, varies)
	partners := pairByContent(seed, first, there, noise)
	var said []string
	if len(a) != len(candidate) {
		said = append(said, counts(int64(len(candidate)), int64(len(a))))
		if len(a) > 0 && len(candidate) > 0 {
			said = append(said, leftOver(partners, len(candidate)))
		}
	}
	others := 0
	for i, j := range partners {
		if j < 0 || noise[i][everything] || first[i].differing(there[j], noise[i]) == 0 {
			continue
		}
		if others++; others == 1 {
			at := differingPieces(a[i].pieces(), again[varies[i]].pieces(), candidate[j].pieces())
			said = append(said, fmt.Sprintf("call %d of %d differs at %s", i+1, len(a), at))
		}
	}
	if others > 1 {
		said = append(said, fmt.Sprintf("%d more of them differ", others-1))
	}
	return strings.Join(said, "; ")
}

// leftOver names the calls that have no partner, by their number on the side that has more of them.
func leftOver(partners []int, candidates int) string {
	var alone []string
	paired := make([]bool, candidates)
	for i, j := range partners {
		if j < 0 {
			alone = append(alone, strconv.Itoa(i+1))
		} else {
			paired[j] = true
		}
	}
	what := "removed: call "
	if candidates > len(partners) {
		what = "added: call "
		for j, has := range paired {
			if !has {
				alone = append(alone, strconv.Itoa(j+1))
			}
		}
	}
	const shown = 3
	if len(alone) > shown {
		return what + strings.Join(alone[:shown], ", ") + fmt.Sprintf(" and %d more", len(alone)-shown)
	}
	return what + strings.Join(alone, ", ")
}

func grouped(calls []Call, named func(Call) string) map[string][]Call {
	out := map[string][]Call{}
	for _, c := range calls {
		out[named(c)] = append(out[named(c)], c)
	}
	return out
}

// callNames tells what calls are called: with their path, but where the baseline has others
// each time, as paths with random parts are.
func callNames(a, again []Call) func(Call) string {
	withPath := Call.named
	first, second := grouped(a, withPath), grouped(again, withPath)
	loose := map[string]bool{}
	for _, one := range [][]Call{a, again} {
		for _, c := range one {
			if name := withPath(c); len(first[name]) == 0 || len(second[name]) == 0 {
				loose[c.kind()] = true
			}
		}
	}
	return func(c Call) string {
		if name := withPath(c); !loose[c.kind()] || len(first[name]) > 0 && len(second[name]) > 0 {
			return name
		}
		return c.kind()
	}
}
