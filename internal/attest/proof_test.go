package attest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
)

func TestPayload_CarriesTheSummaryOfACopysProofAndNothingElseOfIt(t *testing.T) {
	proof, err := understudy.CopyProof{
		ProofSummary: understudy.ProofSummary{At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Values: 9, Originals: 4},
		Tables:       []understudy.TableProof{{Table: "public.a", Rows: 2, Found: 2, Compared: "rows"}},
	}.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	whole := understudy.Snapshot{ID: "s1", Databases: []understudy.DatabaseCopy{{Database: "main", Proof: &proof}}}
	predicate := understudy.Statement{
		Rehearsal: "r1", Outcome: understudy.OutcomePassed, Release: understudy.DigestOf([]byte("release")), Artifact: understudy.DigestOf([]byte("artifact")), Snapshot: whole.Summarised(),
	}
	payload, err := rehearsals().payload(predicate)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(payload), string(proof.Digest)) || strings.Contains(string(payload), "public.a") {
		t.Errorf("signed is %s", payload)
	}
	read, err := rehearsals().predicateIn(payload)
	if diff := cmp.Diff(predicate, read); err != nil || diff != "" {
		t.Errorf("read again (%v): %s", err, diff)
	}
}
