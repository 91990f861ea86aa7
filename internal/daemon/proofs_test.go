package daemon_test

import (
	"os"
	"strings"
	"testing"

	"understudy"
)

func TestReset_RefusesACopyThatHoldsAnOriginalUntilItsPlaceIsAccepted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	first, err := h.reset(t)
	check(t, err)

	h.sql(t, `ALTER TABLE accounts ADD COLUMN memo text`, `UPDATE accounts SET memo = 'write to ' || email || ' first' WHERE id = (SELECT max(id) FROM accounts)`)
	h.write(t, "mask.yaml", masks+"  public.accounts.memo: keep\n")
	_, err = h.reset(t)
	refused(t, err, understudy.KindRefused, "public.accounts.memo holds 1 originals of public.accounts.email")
	if strings.Contains(err.Error(), "@") {
		t.Errorf("the refusal tells a value: %v", err)
	}
	page, err := os.ReadFile(h.state.Below("proofs", "staging-refused.html"))
	if err != nil || !strings.Contains(string(page), "This copy may not be used") || strings.Contains(string(page), "@example") {
		t.Errorf("the page of the refused copy (%v): %s", err, page)
	}
	if now := h.snapshot(t); now == nil || now.ID != first.ID {
		t.Errorf("the last snapshot %s became %v", first.ID, now)
	}

	h.write(t, "mask.yaml", masks+"  public.accounts.memo: keep\nleaks:\n  accepted:\n    - public.accounts.memo # told to\n")
	taken, err := h.reset(t)
	check(t, err)
	proof := taken.Databases[0].Proof
	if proof == nil || proof.Leaked != 0 || proof.Accepted != 1 || proof.TablesEqual != proof.TablesCompared {
		t.Fatalf("proof: %+v", proof)
	}
	whole, err := h.Proof(limited(t), "staging")
	check(t, err)
	if got := whole.Databases[0].Proof; got.Digest != proof.Digest || len(got.Tables) == 0 {
		t.Errorf("the proof that was kept is %+v", got)
	}
	if short := h.snapshot(t).Databases[0].Proof; short.Digest != proof.Digest || len(short.Tables) > 0 {
		t.Errorf("a status carries %+v; expected the summary", short)
	}
	if page, err := os.ReadFile(h.state.Below("proofs", "staging.html")); err != nil || !strings.Contains(string(page), string(proof.Digest)) {
		t.Errorf("the page beside the record (%v)", err)
	}
}
