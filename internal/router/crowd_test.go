package router

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestCrowd_CountsAgreeWithWhoIsThere walks through lives of connections and holds the
// counts against a plain list.
func TestCrowd_CountsAgreeWithWhoIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, there := newCrowd(), []*life{}
		clients := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}
		most, each := rapid.IntRange(1, 5).Draw(t, "most"), rapid.IntRange(1, 3).Draw(t, "each")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			there = step(t, c, there, clients, most, each)
			there = slices.DeleteFunc(there, func(l *life) bool { return l.gone })
			all, idle, upgraded, by := len(there), 0, 0, map[netip.Addr]int{}
			for _, l := range there {
				by[l.client]++
				if l.state == http.StateIdle {
					idle++
				}
				if l.state == http.StateHijacked {
					upgraded++
				}
			}
			gotAll, gotIdle := c.size()
			if gotAll != all || gotIdle != idle || c.count != all-upgraded || all > most || c.by[clients[0]] != by[clients[0]] || c.by[clients[1]] != by[clients[1]] {
				t.Fatalf("counted %d, %d idle, %d not upgraded, %v; there are %d, %d idle, %d upgraded, %v of %d", gotAll, gotIdle, c.count, c.by, all, idle, upgraded, by, most)
			}
			if by[clients[0]] > each || by[clients[1]] > each {
				t.Fatalf("clients have %v, at most %d each", by, each)
			}
		}
	})
}

// life is a connection and where its server has it.
type life struct {
	*guest
	state http.ConnState
}

func step(t *rapid.T, c *crowd, there []*life, clients []netip.Addr, most, each int) []*life {
	if len(there) == 0 || rapid.Bool().Draw(t, "comes") {
		mine, theirs := net.Pipe()
		_ = theirs.Close() // nobody speaks
		g := &guest{Conn: mine, crowd: c}
		if !c.enter(g, most) {
			return there
		}
		if client := rapid.SampledFrom(clients).Draw(t, "client"); !c.name(g, client, each) {
			c.bye(g)
			return there
		}
		return append(there, &life{g, http.StateNew})
	}
	l := rapid.SampledFrom(there).Draw(t, "one")
	state := rapid.SampledFrom([]http.ConnState{http.StateIdle, http.StateActive, http.StateHijacked, http.StateClosed}).Draw(t, "state")
	switch {
	case state == http.StateClosed:
		_ = l.Close() // a pipe's end
	case l.state == http.StateHijacked:
		return there
	default:
		c.note(l.guest, state)
	}
	l.state = state
	return there
}
