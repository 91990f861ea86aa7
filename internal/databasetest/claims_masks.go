package databasetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"understudy"
)

// masking are claims about masks.
func masking() []claim {
	return []claim{
		{"masked values are replaced alike everywhere, and nothing else", nil, replacedAlike},
		{"a mask may answer NULL, and is never asked about it", nil, maskAnswersNull},
		{"a mask of many rows gets them in batches, in order", []Ability{BatchMasks}, batchesInOrder},
	}
}

func replacedAlike(t *testing.T, s Subject) {
	from := s.filled(t, shop())
	masks := func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		one, err := on("mail", prefixed)(table, columns)
		two, _ := on("buyer", prefixed)(table, columns)
		for name, mask := range two.Columns {
			one.Columns[name] = mask
		}
		return one, err
	}
	to, made := s.copied(t, from, masks)
	if got := s.rows(t, to, "SELECT p.name, sum(o.total) FROM people p JOIN orders o ON o.buyer = p.mail GROUP BY p.id, p.name ORDER BY p.id"); got != "Ann|21.75\nNULL|300.00" && got != "Ann|21.75\nNULL|300" && got != "Ann|21.75\nNULL|300.0" {
		t.Errorf("the copy joins to %q", got)
	}
	if got := s.rows(t, to, "SELECT mail FROM people ORDER BY id"); got != "m-ann@example.org\nm-bob@example.org\nm-cid@example.org" {
		t.Errorf("found %q", got)
	}
	for _, table := range made.Tables {
		if len(table.Masked) != 1 || table.Rows != 3 {
			t.Errorf("told %+v", table)
		}
	}
	if made.Server == "" || made.Database == "" || made.Rows() != 6 {
		t.Errorf("told %+v", made)
	}
}

func maskAnswersNull(t *testing.T, s Subject) {
	from := s.filled(t, shop())
	to, _ := s.copied(t, from, on("name", func(value []byte) ([]byte, error) {
		if value == nil {
			return nil, errors.New("asked about NULL")
		}
		if len(value) == 0 {
			return []byte{}, nil
		}
		return nil, nil
	}))
	if got := s.rows(t, to, "SELECT name FROM people ORDER BY id"); got != "NULL\nNULL\n" {
		t.Errorf("found %q", got)
	}
}

func batchesInOrder(t *testing.T, s Subject) {
	from := s.filled(t, numbered(1000))
	var sizes []int
	masks := func(string, []understudy.Column) (understudy.TableMasks, error) {
		return understudy.TableMasks{Batches: []understudy.BatchMask{{
			Name: "backwards", Columns: []string{"word"}, Rows: 300,
			Apply: func(_ context.Context, rows [][][]byte) error {
				sizes = append(sizes, len(rows))
				for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
					rows[i], rows[j] = rows[j], rows[i]
				}
				return nil
			},
		}}}, nil
	}
	to, made := s.copied(t, from, masks)
	if n := len(sizes); n < 4 || sizes[n-4] != 300 || sizes[n-1] != 100 { // an engine may have tried the mask before
		t.Errorf("the batches had %v rows", sizes)
	}
	if got := s.rows(t, to, "SELECT word FROM many WHERE id IN (0, 299, 900, 999) ORDER BY id"); got != "word 299\nword 0\nword 999\nword 900" {
		t.Errorf("found %q", got)
	}
	if len(made.Tables[0].Masked) != 1 {
		t.Errorf("told %+v", made.Tables)
	}
}

// refusing are claims about what is not copied at all.
func refusing() []claim {
	return []claim{
		{"a target that is not empty is refused and left alone", nil, fullTargetRefused},
		{"what masks refuse is not copied, and all of it is named", nil, refusalNamesAll},
		{"a mask for a column that is not there is refused", nil, unknownColumnRefused},
		{"a wrong address shows no password", []Ability{Passwords}, addressIsSilent},
		{"a missing right names its GRANT", []Ability{RefusesReaders}, rightIsNamed},
	}
}

func fullTargetRefused(t *testing.T, s Subject) {
	from, to := s.filled(t, shop()), s.filled(t, numbered(2))
	if _, err := s.Acts.Copy(t.Context(), from, to, unmasked); err == nil {
		t.Fatal("it was copied into")
	}
	if got := s.rows(t, to, "SELECT count(*) FROM many"); got != "2" {
		t.Errorf("the target has %s rows", got)
	}
}

func refusalNamesAll(t *testing.T, s Subject) {
	from := s.filled(t, shop())
	s.notCopied(t, t.Context(), from, func(table string, columns []understudy.Column) (understudy.TableMasks, error) {
		for _, c := range columns {
			if c.Name == "mail" || c.Name == "buyer" {
				return understudy.TableMasks{}, understudy.Errorf(understudy.KindRefused, "column %s has no rule", c)
			}
		}
		return understudy.TableMasks{}, nil
	}, understudy.KindRefused, "people.mail", "orders.buyer")
}

func unknownColumnRefused(t *testing.T, s Subject) {
	from := s.filled(t, shop())
	s.notCopied(t, t.Context(), from, func(string, []understudy.Column) (understudy.TableMasks, error) {
		return understudy.TableMasks{Columns: map[string]understudy.Mask{"nowhere": {Name: "test", Apply: prefixed}}}, nil
	}, understudy.KindInvalid, "nowhere")
}

func addressIsSilent(t *testing.T, s Subject) {
	good := s.Acts.Empty(t)
	for _, wrong := range []string{s.Dialect.Wrong, s.Dialect.Wrong + "%zz", strings.Replace(s.Dialect.Wrong, "://", ":/", 1)} {
		_, err := s.Acts.Copy(t.Context(), wrong, good, unmasked)
		silent(t, err, "hunter2")
		_, err = s.Acts.Copy(t.Context(), good, wrong, unmasked)
		silent(t, err, "hunter2")
	}
}

func rightIsNamed(t *testing.T, s Subject) {
	from := s.filled(t, shop())
	stranger, grant := s.Acts.Stranger(t, from)
	s.notCopied(t, t.Context(), stranger, unmasked, understudy.KindRefused, grant)
}

// failing are claims about copies that stop on their way.
func failing() []claim {
	return []claim{
		{"a mask that breaks uniqueness is told without the value", nil, uniquenessTold},
		{"a mask that breaks a check is told without the value", nil, checkTold},
		{"a mask that makes no number is told without the value", []Ability{TypedColumns}, typeTold},
		{"a mask that breaks a foreign key is told", nil, foreignKeyTold},
		{"an error of a mask stops the copy and names the column", nil, maskErrorStops},
		{"a cancelled copy ends and leaves nothing", nil, cancelledEnds},
		{"a cut connection ends the copy and leaves nothing", []Ability{Connections}, cutEnds},
		{"a schema change in production goes first", []Ability{Guards}, schemaChangeFirst},
	}
}

func uniquenessTold(t *testing.T, s Subject) {
	from := s.filled(t, shop())
	s.run(t, from, "DELETE FROM orders")
	err := s.notCopied(t, t.Context(), from, on("mail", func([]byte) ([]byte, error) { return []byte("constant-value"), nil }), understudy.KindInvalid, "people", "mail")
	silent(t, err, "constant-value")
}

func checkTold(t *testing.T, s Subject) {
	from := s.filled(t, shop())
	err := s.notCopied(t, t.Context(), from, on("age", func([]byte) ([]byte, error) { return []byte("31337"), nil }), understudy.KindInvalid, "people", "age")
	silent(t, err, "31337")
}

func typeTold(t *testing.T, s Subject) {
	from := s.filled(t, shop())
	err := s.notCopied(t, t.Context(), from, on("age", func([]byte) ([]byte, error) { return []byte("thirty-ish"), nil }), understudy.KindInvalid, "people", "age")
	silent(t, err, "thirty-ish")
}

func foreignKeyTold(t *testing.T, s Subject) {
	from := s.filled(t, shop())
	err := s.notCopied(t, t.Context(), from, on("buyer", prefixed), understudy.KindInvalid, "orders")
	silent(t, err, "ann@")
}

func maskErrorStops(t *testing.T, s Subject) {
	from := s.filled(t, numbered(2000))
	err := s.notCopied(t, t.Context(), from, on("word", func(value []byte) ([]byte, error) {
		if string(value) == "word 1500" {
			return nil, understudy.Errorf(understudy.KindInvalid, "no such form")
		}
		return value, nil
	}), understudy.KindInvalid, "many.word", "no such form")
	silent(t, err, "word 1500")
}

// at calls act once, when the first value of the words is masked.
func at(act func()) understudy.Masks {
	var once sync.Once
	return on("word", func(value []byte) ([]byte, error) {
		once.Do(act)
		return value, nil
	})
}

func cancelledEnds(t *testing.T, s Subject) {
	from := s.filled(t, numbered(5000))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := s.notCopied(t, ctx, from, at(cancel), understudy.KindUnavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error does not hold its cause: %v", err)
	}
}

func cutEnds(t *testing.T, s Subject) {
	from := s.filled(t, numbered(200_000))
	var cut error
	s.notCopied(t, t.Context(), from, at(func() { cut = s.Acts.Cut(t.Context(), from) }), understudy.KindUnavailable)
	if cut != nil {
		t.Errorf("cutting: %v", cut)
	}
}

func schemaChangeFirst(t *testing.T, s Subject) {
	from := s.filled(t, numbered(5000))
	var change errgroup.Group
	changed := make(chan struct{})
	var once sync.Once
	slow := on("word", func(value []byte) ([]byte, error) {
		once.Do(func() {
			change.Go(func() error {
				defer close(changed)
				return s.Acts.Run(context.WithoutCancel(t.Context()), from, "ALTER TABLE many ADD COLUMN later integer")
			})
		})
		pace := time.NewTimer(2 * time.Millisecond) // so that the copy takes long if nobody ends it
		defer pace.Stop()
		select {
		case <-changed:
		case <-pace.C:
		}
		return value, nil
	})
	s.notCopied(t, t.Context(), from, slow, understudy.KindConflict)
	if err := change.Wait(); err != nil {
		t.Errorf("the change did not go through: %v", err)
	}
}
