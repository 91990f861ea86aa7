package leak

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"understudy"
)

// Finds is what a check has found, as counts.
type Finds []understudy.Leak

// find is a kind of finds: at a place, of a column.
type find struct {
	place uint32
	of    uint16
	flags uint32
	kind  string
}

// judging decides about every candidate, partition by partition.
type judging struct {
	set    *Set
	counts map[find]int64
	doubt  *spill // finds in masked places: the leaf's fingerprint, place and flags, column
}

// Judge compares every candidate with what was noted, and says by the rule of the package
// what each find is. It comes once, after the last Flush.
func (s *Set) Judge(ctx context.Context) (Finds, error) {
	file, err := s.watch.room()
	if err != nil {
		return nil, spillError("making room for the leak check", err)
	}
	j := &judging{set: s, counts: map[find]int64{}, doubt: newSpill(file, 3)}
	for _, step := range []func(int) error{j.compare, j.settle} {
		for at := range partitions {
			if err := errors.Join(ctx.Err(), step(at)); err != nil {
				return nil, errors.Join(err, file.Close())
			}
		}
	}
	return j.finds(), file.Close()
}

// compare finds out which candidates of a partition are originals.
func (j *judging) compare(at int) error {
	wanted := map[uint64][]candidate{}
	err := j.set.candidates.each(at, func(r []uint64) {
		wanted[r[0]] = append(wanted[r[0]], candidate{r[0], r[1], uint32(r[2] >> 32), uint32(r[2])})
	})
	if err != nil || len(wanted) == 0 {
		return err
	}
	of := map[uint64]uint16{} // the first column that has it; one that means somebody before one that does not
	err = j.set.watch.originals.each(at, func(r []uint64) {
		print := whole(at, r[0])
		if _, asked := wanted[print]; !asked {
			return
		}
		column := uint16(r[0])
		if first, found := of[print]; !found || j.vague(first) && !j.vague(column) {
			of[print] = column
		}
	})
	for print, column := range of {
		for _, c := range wanted[print] {
			err = errors.Join(err, j.decide(c, column))
		}
	}
	return err
}

func (j *judging) vague(column uint16) bool { return j.set.watch.columns[column].vague }

// decide says what a find is, or leaves it for when the results are compared.
func (j *judging) decide(c candidate, of uint16) error {
	where := find{place: c.place, of: of, flags: c.flags & flagWhole}
	switch {
	case c.flags&flagWeak != 0, j.vague(of), j.set.watch.frequent[c.print]:
		where.kind = understudy.LeakCommon
	case j.set.places[c.place].mask == "":
		where.kind = understudy.LeakFound
	default:
		return j.doubt.add(partition(c.leaf), c.leaf, uint64(c.place)<<32|uint64(where.flags), uint64(of))
	}
	j.counts[where]++
	return nil
}

// settle finds out which finds in masked places stand in a result of the same mask.
func (j *judging) settle(at int) error {
	made := map[uint64][]uint16{} // by leaf, the columns whose masks made it
	err := j.doubt.each(at, func(r []uint64) { made[r[0]] = nil })
	if err != nil || len(made) == 0 {
		return err
	}
	err = j.set.watch.results.each(at, func(r []uint64) {
		print := whole(at, r[0])
		if by, asked := made[print]; asked {
			made[print] = append(by, uint16(r[0]))
		}
	})
	if err != nil {
		return err
	}
	return j.doubt.each(at, func(r []uint64) {
		where := find{place: uint32(r[1] >> 32), of: uint16(r[2]), flags: uint32(r[1]), kind: understudy.LeakFound}
		if j.made(where, made[r[0]]) {
			where.kind = understudy.LeakCoincidence
		}
		j.counts[where]++
	})
}

// made tells whether the mask of a place made a leaf: in a column its own mask, in a file
// that of the column whose original it would be.
func (j *judging) made(where find, by []uint16) bool {
	place, columns := j.set.places[where.place], j.set.watch.columns
	mask := place.mask
	if place.raw {
		mask = columns[where.of].maskName()
	}
	return slices.ContainsFunc(by, func(c uint16) bool { return columns[c].maskName() == mask })
}

// finds lists the counts, leaks first.
func (j *judging) finds() Finds {
	var out Finds
	for where, count := range j.counts {
		leak := understudy.Leak{
			Place: j.set.places[where.place].name, Of: j.set.watch.columns[where.of].name,
			Kind: where.kind, Where: "inside a value", Count: count,
		}
		if where.flags&flagWhole != 0 {
			leak.Where = "whole value"
		}
		out = append(out, leak)
	}
	slices.SortFunc(out, func(a, b understudy.Leak) int {
		return cmp.Or(cmp.Compare(rank(a.Kind), rank(b.Kind)), cmp.Compare(b.Count, a.Count),
			cmp.Compare(a.Place, b.Place), cmp.Compare(a.Of, b.Of), cmp.Compare(a.Where, b.Where))
	})
	return out
}

func rank(kind string) int {
	return slices.Index([]string{understudy.LeakFound, understudy.LeakCommon, understudy.LeakCoincidence}, kind)
}
