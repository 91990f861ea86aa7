package rehearsal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func pay(path, body string) Call {
	return Call{Of: "integration pay", Does: "POST pay.example", Path: path, Type: "application/json", Body: []byte(body)}
}

func TestDifferingCalls_TellWhatIsOtherwiseAndNotWhatVariesByItself(t *testing.T) {
	mail := func(to, subject, text string) Call {
		return Call{Of: "integration mail", Does: "mail", From: "shop@example.org", To: []string{to}, Path: subject, Body: []byte("Date: today\r\n\r\n" + text)}
	}
	form := func(body string) Call {
		return Call{Of: "http to hook.example", Does: "PUT", Path: "/in", Type: "application/x-www-form-urlencoded", Body: []byte(body)}
	}
	for _, c := range []struct {
		claim               string
		a, again, candidate []Call
		want                []string
	}{
		{"the same calls are the same", []Call{pay("/c", `{"n":1}`)}, []Call{pay("/c", `{"n":1}`)}, []Call{pay("/c", `{"n":1}`)}, nil},
		{"another value is named by its place", []Call{pay("/c", `{"n":1,"k":"x"}`)}, []Call{pay("/c", `{"n":1,"k":"y"}`)}, []Call{pay("/c", `{"k":"z","n":2}`)},
			[]string{"integration pay POST pay.example/c: call 1 of 1 differs at $.n (1 of 6 places)"}},
		{"ids and times that vary by themselves are no difference", []Call{pay("/c", `{"id":"a1","at":1}`)}, []Call{pay("/c", `{"id":"b2","at":2}`)}, []Call{pay("/c", `{"id":"c3","at":9}`)}, nil},
		{"a path that varies by itself is compared by its parts", []Call{pay("/c/ax/void", "")}, []Call{pay("/c/by/void", "")}, []Call{pay("/c/cz/refund", "")},
			[]string{"integration pay POST pay.example: call 1 of 1 differs at part 3 of the path (1 of 6 places)"}},
		{"an id in a path is one kind of call", []Call{pay("/c/a1/void", "")}, []Call{pay("/c/b2/void", "")}, []Call{pay("/c/c3/void", ""), pay("/c/d4/void", "")},
			[]string{"integration pay POST pay.example/c/…/void: 2, and 1 on production's release; added: call 2"}},
		{"another path of the same host is another call", []Call{pay("/c", "")}, []Call{pay("/c", "")}, []Call{pay("/d", "")},
			[]string{"integration pay POST pay.example/c: 0, and 1 on production's release", "integration pay POST pay.example/d: 1, and 0 on production's release"}},
		{"another type of the same content", []Call{pay("/c", "")}, []Call{pay("/c", "")}, []Call{{Of: "integration pay", Does: "POST pay.example", Path: "/c", Type: "text/plain; charset=utf-8"}},
			[]string{"integration pay POST pay.example/c: call 1 of 1 differs at the content's type (1 of 4 places)"}},
		{"what is a value in a path is compared and not shown", []Call{pay("/v2/bot71:AAe-x/users/ann@example.org", "")}, []Call{pay("/v2/bot71:AAe-x/users/ann@example.org", "")}, []Call{pay("/v2/bot71:AAe-x/users/ben@example.org", "")},
			[]string{"integration pay POST pay.example/v2/…/users/…: call 1 of 1 differs at part 4 of the path (1 of 7 places)"}},
		{"a query that cannot be read is compared too", []Call{{Does: "GET", Query: "a=1;b"}}, []Call{{Does: "GET", Query: "a=1;b"}}, []Call{{Does: "GET", Query: "a=2;b"}},
			[]string{"GET: call 1 of 1 differs at the query (1 of 3 places)"}},
		{"one call more is told by its number", []Call{pay("/c", "")}, []Call{pay("/c", "")}, []Call{pay("/c", ""), pay("/c", "")},
			[]string{"integration pay POST pay.example/c: 2, and 1 on production's release; added: call 2"}},
		{"how often varies by itself", []Call{pay("/c", "")}, []Call{pay("/c", ""), pay("/c", "")}, []Call{pay("/c", "x")}, nil},
		{"a mail to somebody else, with another text", []Call{mail("a", "Hello", "one\r\ntwo")}, []Call{mail("a", "Hello", "one\r\ntwo")}, []Call{mail("b", "Hello", "one\r\n2")},
			[]string{"integration mail mail: call 1 of 1 differs at the envelope, line 2 (2 of 6 places)"}},
		{"another subject", []Call{mail("a", "Hello Ann", "one")}, []Call{mail("a", "Hello Ann", "one")}, []Call{mail("a", "Bye Ann", "one")},
			[]string{"integration mail mail: call 1 of 1 differs at the subject (1 of 5 places)"}},
		{"a form by its fields", []Call{form("key=1&n=1")}, []Call{form("key=2&n=1")}, []Call{form("key=3&n=2")},
			[]string{"http to hook.example PUT /in: call 1 of 1 differs at field n (1 of 6 places)"}},
		{"JSON that is sent as a form", []Call{form(`{"to":"ann@example.org","n":1}`)}, []Call{form(`{"to":"ann@example.org","n":1}`)}, []Call{form(`{"to":"ben@example.org","n":1}`)},
			[]string{"http to hook.example PUT /in: call 1 of 1 differs at $.to (1 of 6 places)"}},
		{"a form without names", []Call{form("ann@example.org")}, []Call{form("ann@example.org")}, []Call{form("ben@example.org")},
			[]string{"http to hook.example PUT /in: call 1 of 1 differs at line 1 (1 of 5 places)"}},
		{"a table by address", []Call{pay("/c", `{"ann@example.org":{"n":1}}`)}, []Call{pay("/c", `{"ann@example.org":{"n":1}}`)}, []Call{pay("/c", `{"ben@example.org":{"n":2}}`)},
			[]string{"integration pay POST pay.example/c: call 1 of 1 differs at $.…, $.….n (2 of 6 places)"}},
		{"a field that is added is one place", []Call{pay("/c", `{"b":1,"c":2}`)}, []Call{pay("/c", `{"b":1,"c":2}`)}, []Call{pay("/c", `{"a":0,"b":1,"c":2}`)},
			[]string{"integration pay POST pay.example/c: call 1 of 1 differs at $.a (1 of 7 places)"}},
		{"a field that comes under another name each time", []Call{pay("/c", `{"n":1,"x":1}`)}, []Call{pay("/c", `{"n":1,"y":1}`)}, []Call{pay("/c", `{"n":1,"y":1}`)}, nil},
		{"a query by its fields", []Call{{Does: "GET", Query: "a=1&t=1"}}, []Call{{Does: "GET", Query: "a=1&t=2"}}, []Call{{Does: "GET", Query: "t=3&a=2"}},
			[]string{"GET: call 1 of 1 differs at query a (1 of 4 places)"}},
	} {
		var got []string
		for _, d := range differingCalls(c.a, c.again, c.candidate) {
			got = append(got, d.subject+": "+d.seen)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.claim, got, c.want)
		}
	}
}

func TestPieces_OfANestedBodyTakeNotMuchMoreThanIt(t *testing.T) {
	nested := func(last string) Call {
		return pay("/c", strings.Repeat(`{"a":[`, 3000)+strings.Repeat("0,", 10000)+last+strings.Repeat("]}", 3000))
	}
	bytes := 0
	for _, p := range nested("0").pieces() {
		bytes += len(p.place) + len(p.text)
	}
	if bytes > 1<<20 {
		t.Errorf("a body of %d bytes is taken apart into %d", len(nested("0").Body), bytes)
	}
	if got := differingCalls([]Call{nested("0")}, []Call{nested("0")}, []Call{nested("1")}); len(got) != 1 {
		t.Errorf("another value deep within is told as %v", got)
	}
}

func TestDifferingStatements_NameTheOneThatRunsMoreOftenAndThoseThatComeAndGo(t *testing.T) {
	for _, c := range []struct {
		claim               string
		a, again, candidate map[string]int64
		want                string
	}{
		{"one for each row", map[string]int64{"q": 2, "p": 40}, map[string]int64{"q": 2, "p": 47}, map[string]int64{"q": 102, "p": 51}, "[statement q: 102, and 2 on production's release]"},
		{"one fewer", map[string]int64{"q": 90}, map[string]int64{"q": 96}, map[string]int64{"q": 20}, "[statement q: 20, and 90 to 96 on production's release]"},
		{"what comes and goes is a note", map[string]int64{"q": 3}, map[string]int64{"q": 3}, map[string]int64{"r": 3},
			"[note statement q: 0, and 3 on production's release note statement r: 3, and 0 on production's release]"},
		{"one that asks for another column is a note, however often it runs", map[string]int64{"q": 60}, map[string]int64{"q": 60}, map[string]int64{"r": 60},
			"[note statement q: 0, and 60 on production's release note statement r: 60, and 0 on production's release]"},
		{"a new one for each row", map[string]int64{"q": 2}, map[string]int64{"q": 2}, map[string]int64{"q": 2, "r": 100},
			"[statements: 102, and 2 on production's release note statement r: 100, and 0 on production's release]"},
		{"many that are a little more each", map[string]int64{"a": 9, "b": 9, "c": 9}, map[string]int64{"a": 9, "b": 9, "c": 9}, map[string]int64{"a": 23, "b": 23, "c": 23},
			"[statements: 69, and 27 on production's release]"},
		{"nobody counts", nil, nil, map[string]int64{"q": 3}, "[]"},
	} {
		got := []string{}
		for _, d := range differingStatements(c.a, c.again, c.candidate) {
			text := d.subject + ": " + d.seen
			if d.note {
				text = "note " + text
			}
			got = append(got, text)
		}
		if text := fmt.Sprint(got); text != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.claim, text, c.want)
		}
	}
}

func TestComparedStatements_AreNoneWhereOneSideHasNotCountedThem(t *testing.T) {
	counted := func(texts ...string) side {
		s := side{effects: Effects{Statements: map[string]int64{}}}
		for _, text := range texts {
			s.effects.Statements[text]++
		}
		return s
	}
	for want, sides := range map[int][]side{2: {counted("q"), counted("q"), counted("r")}, 0: {counted("q"), counted("q"), {}}} {
		if got := comparedStatements(sides); got != want {
			t.Errorf("%d were compared; expected %d", got, want)
		}
	}
}

// pays are payments of amounts, each with an id of its own.
func pays(run string, amounts ...int) []Call {
	var out []Call
	for i, amount := range amounts {
		out = append(out, pay("/c", fmt.Sprintf(`{"id":"%s-%d","amount":%d,"for":"order %d"}`, run, i, amount, amount/10)))
	}
	return out
}

func TestDifferingCalls_PairThemByContentHoweverTheyAreOrdered(t *testing.T) {
	const name = "integration pay POST pay.example/c: "
	for _, c := range []struct {
		claim               string
		a, again, candidate []Call
		want                string
	}{
		{"one that is inserted moves nobody's partner", pays("a", 10, 20, 30), pays("b", 10, 20, 30), pays("c", 10, 70, 20, 30),
			name + "4, and 3 on production's release; added: call 2"},
		{"one that is left out neither", pays("a", 10, 20, 30), pays("b", 10, 20, 30), pays("c", 10, 30), name + "2, and 3 on production's release; removed: call 2"},
		{"workers that race", pays("a", 10, 20, 30), pays("b", 20, 10, 30), pays("c", 30, 20, 10), ""},
		{"workers that race, and one that pays otherwise", pays("a", 10, 20, 30), pays("b", 20, 10, 30), pays("c", 31, 20, 10),
			name + "call 3 of 3 differs at $.amount (1 of 7 places)"},
		{"one is inserted and another one is otherwise", pays("a", 10, 20, 30), pays("b", 10, 20, 30), pays("c", 70, 10, 21, 30),
			name + "4, and 3 on production's release; added: call 1; call 2 of 3 differs at $.amount (1 of 7 places)"},
		{"several are otherwise", pays("a", 10, 20, 30), pays("b", 10, 20, 30), pays("c", 11, 21, 31),
			name + "call 1 of 3 differs at $.amount (1 of 7 places); 2 more of them differ"},
		{"many are added", pays("a", 10), pays("b", 10), pays("c", 70, 80, 10, 90, 100, 110), name + "6, and 1 on production's release; added: call 1, 2, 4 and 2 more"},
		{"the nearest among those that are as like", []Call{pay("/c", "1"), pay("/c", "2")}, []Call{pay("/c", "1"), pay("/c", "2")}, []Call{pay("/c", "3"), pay("/c", "2")},
			name + "call 1 of 2 differs at $ (1 of 5 places)"},
	} {
		got := ""
		for _, d := range differingCalls(c.a, c.again, c.candidate) {
			got += d.subject + ": " + d.seen
		}
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.claim, got, c.want)
		}
	}
}

func TestDifferingCalls_OfThousandsAreComparedByWorkThatIsBounded(t *testing.T) {
	const n = 1000
	var amounts, otherwise []int
	for i := range n {
		amounts, otherwise = append(amounts, i*10), append(otherwise, i*10+1)
	}
	shuffled := slices.Clone(amounts)
	slices.Reverse(shuffled)
	if found := differingCalls(pays("a", amounts...), pays("b", amounts...), pays("c", shuffled...)); len(found) != 0 {
		t.Errorf("the same calls in another order: %+v", found)
	}
	found := differingCalls(pays("a", amounts...), pays("b", amounts...), pays("c", append([]int{99_999_999}, otherwise...)...))
	want := "1001, and 1000 on production's release; added: call 1; call 1 of 1000 differs at $.amount (1 of 7 places); 999 more of them differ"
	if len(found) != 1 || found[0].seen != want {
		t.Errorf("found %+v", found)
	}
	large := make(taken, 2000)
	p := pairing{a: slices.Repeat([]taken{large}, n), b: slices.Repeat([]taken{large}, n)}
	if width := p.width(make([]int, n), make([]int, n)); width*n > mostPairs || width*n*2*len(large) > mostPlaces {
		t.Errorf("each is held against %d", width)
	}
}
