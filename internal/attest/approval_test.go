package attest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
)

func exampleApproval() understudy.Approval {
	return understudy.Approval{
		ID: "a-1", By: "ann", Release: understudy.DigestOf([]byte("release")), Label: "v2", To: "production", Verdict: "r-7",
		Evidence: understudy.DigestOf([]byte("envelope")), Policy: understudy.DigestOf([]byte("policy")),
		Production: understudy.Fingerprint{Environment: "production", Schemas: map[string]understudy.Digest{"main": "sha256:x"}},
		Reason:     "tried it", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
}

func TestSignApproval_ComesBackAsItWasSigned(t *testing.T) {
	keyring := keys(t, t.TempDir())
	envelope, err := keyring.SignApproval(exampleApproval())
	if err != nil {
		t.Fatal(err)
	}
	got, err := keyring.VerifyApproval(envelope)
	if diff := cmp.Diff(exampleApproval(), got); err != nil || diff != "" {
		t.Errorf("%v, -signed +read:\n%s", err, diff)
	}
}

func TestVerifyApproval_TakesNoVerdictForAnApprovalNorTheOtherWayRound(t *testing.T) {
	keyring := keys(t, t.TempDir())
	if a, err := keyring.VerifyApproval(sign(t, keyring, exampleStatement())); understudy.KindOf(err) != understudy.KindRefused || a.ID != "" {
		t.Errorf("a verdict passes for an approval: %+v, %v", a, err)
	}
	envelope, err := keyring.SignApproval(exampleApproval())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := keyring.Verify(envelope); understudy.KindOf(err) != understudy.KindRefused || s.Rehearsal != "" {
		t.Errorf("an approval passes for a verdict: %+v, %v", s, err)
	}
	if _, err := keys(t, t.TempDir()).VerifyApproval(envelope); understudy.KindOf(err) != understudy.KindRefused {
		t.Errorf("an approval of another installation: %v", err)
	}
}

func TestSignApproval_RefusesOneThatBindsNothing(t *testing.T) {
	keyring := keys(t, t.TempDir())
	for _, spoil := range []func(*understudy.Approval){
		func(a *understudy.Approval) { a.Release = "" }, func(a *understudy.Approval) { a.Evidence = "" },
	} {
		a := exampleApproval()
		spoil(&a)
		if _, err := keyring.SignApproval(a); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("found %v", err)
		}
	}
}
