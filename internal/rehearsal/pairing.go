package rehearsal

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// pairing finds for each call of one side the one of the other that is most like it: those
// that are equal first, then the most similar. The same calls in the same order give the same
// pairs. What it costs grows with the calls, not with their square: see mostPairs.
type pairing struct {
	seed    maphash.Seed
	a, b    []taken
	noise   []noise // of each of a; nil: none
	partner []int   // of each of a; -1: none
	used    []bool  // of b
}

const (
	// mostPairs of calls that are equal to none are held against each other, and mostPlaces of
	// their places: where there are more, each only against those nearest to it in order.
	mostPairs  = 1 << 16
	mostPlaces = 1 << 25
	// mostNoises are the sets of varying places for which equal calls are looked for.
	mostNoises = 32
)

// pairByContent gives for each of a its partner in b, -1 where there is none. noise is what
// does not count of each of a.
func pairByContent(seed maphash.Seed, a, b []taken, noise []noise) []int {
	p := &pairing{seed: seed, a: a, b: b, noise: noise, partner: make([]int, len(a)), used: make([]bool, len(b))}
	for i := range p.partner {
		p.partner[i] = -1
	}
	p.equal(p.left(), nil)
	for _, alike := range p.byNoise() {
		p.equal(alike, noise[alike[0]])
	}
	p.similar()
	p.inOrder()
	return p.partner
}

// noise are the places of a call that do not count, as they vary by themselves; with everything
// among them nothing counts.
type noise map[uint64]bool

const everything = 0

func (p *pairing) noiseOf(i int) noise {
	if p.noise == nil {
		return nil
	}
	return p.noise[i]
}

// left are those of a that have no partner, and of which something counts.
func (p *pairing) left() []int {
	var out []int
	for i, j := range p.partner {
		if j < 0 && !p.noiseOf(i)[everything] {
			out = append(out, i)
		}
	}
	return out
}

func (p *pairing) free() []int {
	var out []int
	for j, used := range p.used {
		if !used {
			out = append(out, j)
		}
	}
	return out
}

func (p *pairing) join(i, j int) { p.partner[i], p.used[j] = j, true }

// equal pairs calls with those that are equal but for noise, the first with the first.
func (p *pairing) equal(of []int, but noise) {
	if len(of) == 0 {
		return
	}
	there := map[uint64][]int{}
	for _, j := range p.free() {
		sum := p.b[j].sum(p.seed, but)
		there[sum] = append(there[sum], j)
	}
	for _, i := range of {
		sum := p.a[i].sum(p.seed, but)
		if same := there[sum]; len(same) > 0 {
			p.join(i, same[0])
			there[sum] = same[1:]
		}
	}
}

// byNoise are the calls without a partner, together where the same places of them vary.
func (p *pairing) byNoise() [][]int {
	var out [][]int
	at := map[uint64]int{}
	for _, i := range p.left() {
		if len(p.noiseOf(i)) == 0 {
			continue
		}
		var sum uint64
		for place := range p.noise[i] {
			sum += maphash.Comparable(p.seed, place)
		}
		n, known := at[sum]
		switch {
		case known:
			out[n] = append(out[n], i)
		case len(out) < mostNoises:
			at[sum] = len(out)
			out = append(out, []int{i})
		}
	}
	return out
}

// similar pairs those that are left by how many places differ, the fewest first, and among
// them those that are nearest in order.
func (p *pairing) similar() {
	left, free := p.left(), p.free()
	if len(left) == 0 || len(free) == 0 {
		return
	}
	type edge struct{ cost, apart, i, j int }
	var edges []edge
	width := p.width(left, free)
	for n, i := range left {
		from := min(max(n*len(free)/len(left)-width/2, 0), len(free)-width)
		for _, j := range free[from : from+width] {
			edges = append(edges, edge{p.a[i].differing(p.b[j], p.noiseOf(i)), max(i-j, j-i), i, j})
		}
	}
	slices.SortFunc(edges, func(x, y edge) int {
		switch {
		case x.cost != y.cost:
			return cmp.Compare(x.cost, y.cost)
		case x.apart != y.apart:
			return cmp.Compare(x.apart, y.apart)
		}
		return cmp.Or(cmp.Compare(x.i, y.i), cmp.Compare(x.j, y.j))
	})
	for _, e := range edges {
		if p.partner[e.i] < 0 && !p.used[e.j] {
			p.join(e.i, e.j)
		}
	}
}

// width is with how many each call is compared.
func (p *pairing) width(left, free []int) int {
	places := 0
	for _, i := range left {
		places += len(p.a[i])
	}
	each := places/len(left) + 1
	places = 0
	for _, j := range free {
		places += len(p.b[j])
	}
	each += places / len(free)
	return max(1, min(len(free), mostPairs/len(left), mostPlaces/len(left)/each))
}

// inOrder pairs whatever is left, the first with the first: of some nothing counts, some are
// too far from all that they are like.
func (p *pairing) inOrder() {
	free := p.free()
	for i, j := range p.partner {
		if j < 0 && len(free) > 0 {
			p.join(i, free[0])
			free = free[1:]
		}
	}
}

// taken is a call as it is paired: hashes of its places and of what stands there, by place. Of
// thousands of calls that is less than their bodies.
type taken []hashed

type hashed struct{ place, text uint64 }

// takenApart takes calls apart. Only with the same seed can they be compared.
func takenApart(seed maphash.Seed, calls []Call) []taken {
	out := make([]taken, len(calls))
	for i, c := range calls {
		pieces := c.pieces()
		out[i] = make(taken, len(pieces))
		for k, place := range keyed(pieces) {
			out[i][k] = hashed{maphash.Comparable(seed, place) | 1, maphash.String(seed, pieces[k].text)}
		}
		slices.SortFunc(out[i], func(x, y hashed) int { return cmp.Compare(x.place, y.place) })
	}
	return out
}

// sum is equal for calls that are equal but for noise.
func (t taken) sum(seed maphash.Seed, but noise) (sum uint64) {
	for _, h := range t {
		if !but[h.place] {
			sum += maphash.Comparable(seed, h)
		}
	}
	return sum
}

// differing is how many places of two calls differ, but for noise.
func (t taken) differing(other taken, but noise) (n int) {
	count := func(place uint64) {
		if !but[place] {
			n++
		}
	}
	i, j := 0, 0
	for i < len(t) && j < len(other) {
		switch x, y := t[i], other[j]; {
		case x.place < y.place:
			count(x.place)
			i++
		case x.place > y.place:
			count(y.place)
			j++
		default:
			if x.text != y.text {
				count(x.place)
			}
			i, j = i+1, j+1
		}
	}
	for _, h := range t[i:] {
		count(h.place)
	}
	for _, h := range other[j:] {
		count(h.place)
	}
	return n
}

// noises are the places in which each call differs from its partner, whichever of them has them;
// everything, where one has more of them than the other, as what stands where cannot be told then.
func noises(a, again []taken, partners []int) []noise {
	out := make([]noise, len(a))
	for i, x := range a {
		y := again[partners[i]]
		if len(x) != len(y) {
			out[i] = noise{everything: true}
			continue
		}
		theirs := map[uint64]uint64{}
		for _, h := range y {
			theirs[h.place] = h.text
		}
		varies := noise{}
		for _, h := range x {
			if text, there := theirs[h.place]; !there || text != h.text {
				varies[h.place] = true
			}
			delete(theirs, h.place)
		}
		for place := range theirs {
			varies[place] = true
		}
		if len(varies) > 0 {
			out[i] = varies
		}
	}
	return out
}
