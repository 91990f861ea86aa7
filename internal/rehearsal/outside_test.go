package rehearsal

import (
	"fmt"
	"slices"
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
			[]string{"integration pay POST pay.example/c/…/void: 2, and 1 on production's release"}},
		{"another path of the same host is another call", []Call{pay("/c", "")}, []Call{pay("/c", "")}, []Call{pay("/d", "")},
			[]string{"integration pay POST pay.example/c: 0, and 1 on production's release", "integration pay POST pay.example/d: 1, and 0 on production's release"}},
		{"another type of the same content", []Call{pay("/c", "")}, []Call{pay("/c", "")}, []Call{{Of: "integration pay", Does: "POST pay.example", Path: "/c", Type: "text/plain; charset=utf-8"}},
			[]string{"integration pay POST pay.example/c: call 1 of 1 differs at the content's type (1 of 4 places)"}},
		{"what is a value in a path is compared and not shown", []Call{pay("/v2/bot71:AAe-x/users/ann@example.org", "")}, []Call{pay("/v2/bot71:AAe-x/users/ann@example.org", "")}, []Call{pay("/v2/bot71:AAe-x/users/ben@example.org", "")},
			[]string{"integration pay POST pay.example/v2/…/users/…: call 1 of 1 differs at part 4 of the path (1 of 7 places)"}},
		{"a query that cannot be read is compared too", []Call{{Does: "GET", Query: "a=1;b"}}, []Call{{Does: "GET", Query: "a=1;b"}}, []Call{{Does: "GET", Query: "a=2;b"}},
			[]string{"GET: call 1 of 1 differs at the query (1 of 3 places)"}},
		{"one call more is told by its number", []Call{pay("/c", "")}, []Call{pay("/c", "")}, []Call{pay("/c", ""), pay("/c", "")},
			[]string{"integration pay POST pay.example/c: 2, and 1 on production's release"}},
		{"how often varies by itself", []Call{pay("/c", "")}, []Call{pay("/c", ""), pay("/c", "")}, []Call{pay("/c", "x")}, nil},
		{"a mail to somebody else, with another text", []Call{mail("a", "Hello", "one\r\ntwo")}, []Call{mail("a", "Hello", "one\r\ntwo")}, []Call{mail("b", "Hello", "one\r\n2")},
			[]string{"integration mail mail: call 1 of 1 differs at the envelope, line 4 (2 of 6 places)"}},
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
