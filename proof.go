package understudy

import (
	"fmt"
	"slices"
	"time"
)

// CopyProof is what was found when a finished copy was held against its source, at the
// moment that the copy is consistent at. It holds counts and shares, never a value.
type CopyProof struct {
	ProofSummary
	Took     time.Duration    `json:"took,omitempty"`
	Tables   []TableProof     `json:"tables,omitempty"`
	Objects  ObjectProof      `json:"objects,omitzero"`
	Columns  []ColumnLikeness `json:"columns,omitempty"`
	Plans    []PlanLikeness   `json:"plans,omitempty"`
	Groups   []GroupProof     `json:"groups,omitempty"`
	Leaks    []Leak           `json:"leaks,omitempty"`
	NotShown []string         `json:"notShown,omitempty"` // what could not be looked at, and why, as sentences
}

// ProofSummary is the part of a proof that an attestation carries.
type ProofSummary struct {
	// Digest is of the whole proof, with this field empty.
	Digest Digest    `json:"digest,omitempty"`
	At     time.Time `json:"at,omitzero"`
	// TablesEqual of TablesCompared tables hold the rows that the source held; of
	// TablesPrinted the unmasked columns were compared by fingerprint as well.
	TablesCompared int `json:"tablesCompared"`
	TablesPrinted  int `json:"tablesPrinted"`
	TablesEqual    int `json:"tablesEqual"`
	// Invalid counts constraints and indexes that are missing or not valid in the twin only.
	Invalid int `json:"invalid"`
	// Values is how many values of the twin were searched for originals of masked columns,
	// among Originals of them that passed the masks.
	Values    int64 `json:"values"`
	Originals int64 `json:"originals"`
	// Leaked counts finds that mean a person, Accepted those among places that the team
	// accepted, Common values that say little of anybody, Coincidences results of a mask
	// that happen to be somebody else's original.
	Leaked       int64 `json:"leaked"`
	Accepted     int64 `json:"accepted"`
	Common       int64 `json:"common"`
	Coincidences int64 `json:"coincidences"`
	// Likeness is the mean over the columns, 1 for the same; 0 if none could be compared.
	Likeness float64 `json:"likeness"`
	// PlansSame of PlansCompared statements are planned as on the source.
	PlansCompared int `json:"plansCompared"`
	PlansSame     int `json:"plansSame"`
	// SmallGroups counts groups of fewer rows than the k of k-anonymity.
	SmallGroups int64 `json:"smallGroups"`
}

// TableProof is how one table of the copy compares with its source.
type TableProof struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"` // in the source
	Found int64  `json:"found"`
	// Compared is "fingerprint" where all unmasked columns were, "rows" where only the
	// number of rows was, "earlier" where rows came from the copy before, and were held
	// against that, all columns of them.
	Compared string   `json:"compared"`
	Columns  int      `json:"columns"`           // whose fingerprints were compared
	Differs  []string `json:"differs,omitempty"` // columns whose fingerprints differ
}

// Equal tells whether nothing that was compared differs.
func (t TableProof) Equal() bool { return t.Rows == t.Found && len(t.Differs) == 0 }

// ObjectProof is how constraints and indexes of the copy compare with the source's.
type ObjectProof struct {
	Constraints int      `json:"constraints"` // of the source
	Indexes     int      `json:"indexes"`
	Wrong       []string `json:"wrong,omitempty"` // sentences: missing, or not valid here only
}

// Leak is a kind of find: originals of one masked column at one place of the twin.
type Leak struct {
	Place string `json:"place"` // schema.table.column, or a file
	Of    string `json:"of"`    // the masked column whose originals they are
	// Kind is "leak", "accepted", "common" or "coincidence".
	Kind  string `json:"kind"`
	Where string `json:"where"` // "whole value" or "inside a value"
	Count int64  `json:"count"`
}

// The kinds of finds.
const (
	LeakFound       = "leak"
	LeakAccepted    = "accepted"
	LeakCommon      = "common"
	LeakCoincidence = "coincidence"
)

// ColumnLikeness compares one column's statistics. Shares are of all rows.
type ColumnLikeness struct {
	Column    string     `json:"column"`
	Masked    bool       `json:"masked,omitempty"`
	NullShare [2]float64 `json:"nullShare"` // source, twin
	Distinct  [2]float64 `json:"distinct"`  // as the servers estimate
	// DistinctExact tells that Distinct was counted, and has to be equal.
	DistinctExact bool       `json:"distinctExact,omitempty"`
	Width         [2]float64 `json:"width"` // bytes, mean
	Correlation   [2]float64 `json:"correlation"`
	// Top are the shares of the most common values, by rank, as far as either has any.
	Top [2][]float64 `json:"top"`
	// Spread is the Kolmogorov–Smirnov distance of the histograms' bounds, of a masked
	// column that of their lengths; 0 is alike, -1 is not known.
	Spread float64 `json:"spread"`
	Score  float64 `json:"score"` // 1 is the same
}

// PlanLikeness compares how one of the source's busiest statements is planned.
type PlanLikeness struct {
	Statement string  `json:"statement"` // its number in pg_stat_statements
	Calls     int64   `json:"calls"`
	Share     float64 `json:"share"` // of the time of all statements compared
	Same      bool    `json:"same"`
	Source    string  `json:"source"` // the plan's shape, without values
	Twin      string  `json:"twin,omitempty"`
	CostRatio float64 `json:"costRatio"` // twin / source
}

// GroupProof counts the people that columns together single out, k-anonymity: groups of
// fewer than K rows that are equal in all of the columns.
type GroupProof struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
	Masked  []string `json:"masked,omitempty"` // of these columns
	K       int      `json:"k"`
	Groups  int64    `json:"groups"`
	Small   int64    `json:"small"` // groups of fewer than K rows
	Rows    int64    `json:"rows"`  // in small groups
	Guessed bool     `json:"guessed,omitempty"`
}

// Refusals lists every reason why the copy may not become a golden copy; none means that
// it may.
func (p CopyProof) Refusals() []string {
	var why []string
	for _, leak := range p.Leaks {
		if leak.Kind == LeakFound {
			why = append(why, fmt.Sprintf("%s holds %d originals of %s (%s)", leak.Place, leak.Count, leak.Of, leak.Where))
		}
	}
	for _, table := range p.Tables {
		switch {
		case table.Rows != table.Found:
			why = append(why, fmt.Sprintf("%s has %d rows, and its source %d", table.Table, table.Found, table.Rows))
		case !table.Equal():
			why = append(why, fmt.Sprintf("unmasked columns of %s differ from the source: %q", table.Table, table.Differs))
		}
	}
	for _, column := range p.Columns {
		if column.DistinctExact && column.Distinct[0] != column.Distinct[1] {
			why = append(why, fmt.Sprintf("%s has %.0f distinct values, and its source %.0f, though its mask keeps them apart", column.Column, column.Distinct[1], column.Distinct[0]))
		}
	}
	return append(why, p.Objects.Wrong...)
}

// Sealed is the proof with its summary and its digest worked out.
func (p CopyProof) Sealed() (CopyProof, error) {
	s := &p.ProofSummary
	s.Digest, s.Invalid, s.TablesCompared = "", len(p.Objects.Wrong), len(p.Tables)
	s.TablesPrinted, s.TablesEqual, s.PlansCompared, s.PlansSame, s.SmallGroups = 0, 0, len(p.Plans), 0, 0
	for _, t := range p.Tables {
		s.TablesPrinted += oneIf(t.Compared == "fingerprint")
		s.TablesEqual += oneIf(t.Equal())
	}
	for _, plan := range p.Plans {
		s.PlansSame += oneIf(plan.Same)
	}
	for _, group := range p.Groups {
		s.SmallGroups += group.Small
	}
	p.countLeaks()
	s.Likeness = p.meanLikeness()
	digest, err := DigestOfValue(p)
	s.Digest = digest
	return p, err
}

func oneIf(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (p *CopyProof) countLeaks() {
	counts := map[string]int64{}
	for _, leak := range p.Leaks {
		counts[leak.Kind] += leak.Count
	}
	p.Leaked = counts[LeakFound]
	p.Accepted, p.Common, p.Coincidences = counts[LeakAccepted], counts[LeakCommon], counts[LeakCoincidence]
}

func (p *CopyProof) meanLikeness() float64 {
	var sum float64
	for _, c := range p.Columns {
		sum += c.Score
	}
	return sum / float64(max(len(p.Columns), 1))
}

// Accept marks the finds at places that the team accepts: schema.table.column.
func (p *CopyProof) Accept(places []string) {
	for i := range p.Leaks {
		if p.Leaks[i].Kind == LeakFound && slices.Contains(places, p.Leaks[i].Place) {
			p.Leaks[i].Kind = LeakAccepted
		}
	}
}

// Summarised is the snapshot with no more of its proofs than their summaries: the form in
// which records and attestations carry it.
func (s Snapshot) Summarised() Snapshot {
	s.Databases = slices.Clone(s.Databases)
	for i, database := range s.Databases {
		if database.Proof != nil {
			s.Databases[i].Proof = &CopyProof{ProofSummary: database.Proof.ProofSummary}
		}
	}
	return s
}
