package subset

import (
	"container/heap"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"
)

// Sampler decides by a keyed hash. It is not safe for several goroutines.
type Sampler struct {
	mac   hash.Hash
	share float64
}

// NewSampler is a sampler for one table, of all its rows for a share of 0. Its name goes into the hash, so that equal keys of two tables
// do not stand or fall together.
func NewSampler(key []byte, table string, share float64) *Sampler {
	if share == 0 {
		share = 1
	}
	own := hmac.New(sha256.New, key)
	own.Write([]byte("understudy subset " + table)) //nolint:errcheck // a hash takes everything
	return &Sampler{mac: hmac.New(sha256.New, own.Sum(nil)), share: share}
}

// Rank is where a row's key falls, evenly over all numbers.
func (s *Sampler) Rank(key []byte) uint64 {
	s.mac.Reset()
	s.mac.Write(key) //nolint:errcheck // a hash takes everything
	return binary.BigEndian.Uint64(s.mac.Sum(nil))
}

// Takes tells whether the row of a key is in the share.
func (s *Sampler) Takes(key []byte) bool { return s.below(s.Rank(key)) }

func (s *Sampler) below(rank uint64) bool {
	return s.share >= 1 || float64(rank) < s.share*math.MaxUint64
}

// Place is where a row lies.
type Place struct {
	Table string
	Row   int64
}

// Strata take the same share of the rows of every value of a column: those whose keys
// rank lowest, as many as its share is, rounded up or down by the value's own rank.
type Strata struct {
	sampler *Sampler
	quota   map[string]int
	chosen  map[string]*ranking
}

// NewStrata takes the share of the sampler. Counts are how many rows each value has.
func NewStrata(s *Sampler, counts map[string]int64) *Strata {
	t := &Strata{sampler: s, quota: map[string]int{}, chosen: map[string]*ranking{}}
	for value, count := range counts {
		exact := s.share * float64(count)
		whole := math.Floor(exact)
		if rest := exact - whole; float64(s.Rank([]byte("value "+value))) < rest*math.MaxUint64 {
			whole++
		}
		t.quota[value] = int(whole)
	}
	return t
}

// Offer shows a row with its value and key.
func (t *Strata) Offer(value string, key []byte, at Place) {
	quota := t.quota[value]
	if quota == 0 {
		return
	}
	best := t.chosen[value]
	if best == nil {
		best = &ranking{}
		t.chosen[value] = best
	}
	one := ranked{t.sampler.Rank(key), at}
	switch {
	case best.Len() < quota:
		heap.Push(best, one)
	case one.rank < (*best)[0].rank:
		(*best)[0] = one
		heap.Fix(best, 0)
	}
}

// Each calls found with every row that was chosen of those offered.
func (t *Strata) Each(found func(Place)) {
	for _, best := range t.chosen {
		for _, one := range *best {
			found(one.at)
		}
	}
}

type ranked struct {
	rank uint64
	at   Place
}

// ranking is a heap with the highest rank on top.
type ranking []ranked

func (r ranking) Len() int           { return len(r) }
func (r ranking) Less(i, j int) bool { return r[i].rank > r[j].rank }
func (r ranking) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *ranking) Push(x any)        { *r = append(*r, x.(ranked)) }
func (r *ranking) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}
