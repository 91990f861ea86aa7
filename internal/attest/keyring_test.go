package attest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"understudy"
)

func TestVerify_ReturnsWhatWasSigned(t *testing.T) {
	keyring := keys(t, t.TempDir())
	said := exampleStatement()
	envelope := sign(t, keyring, said)
	heard, err := keyring.Verify(envelope)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(said, heard); diff != "" {
		t.Fatal(diff)
	}
}

func TestVerify_RefusesAnEnvelopeChangedAtAnyByte(t *testing.T) {
	keyring := keys(t, t.TempDir())
	said := exampleStatement()
	envelope := sign(t, keyring, said)
	from := bytes.Index(envelope, []byte(`"keyid":"`)) // a hint: its bytes decide nothing
	to := from + len(`"keyid":"`) + len(keyring.KeyID()) + 1
	for at := range envelope {
		for _, flip := range []byte{0x01, 0x20} {
			changed := bytes.Clone(envelope)
			changed[at] ^= flip
			heard, err := keyring.Verify(changed)
			switch {
			case err != nil && understudy.KindOf(err) != understudy.KindRefused:
				t.Fatalf("byte %d: %v", at, err)
			case err == nil && (at < from || at >= to):
				t.Fatalf("byte %d was changed from %q to %q without being noticed", at, envelope[at], changed[at])
			case err == nil && !cmp.Equal(said, heard):
				t.Fatalf("byte %d of the hint changed what was said", at)
			}
		}
	}
	for size := range len(envelope) {
		if _, err := keyring.Verify(envelope[:size]); err == nil {
			t.Fatalf("the first %d bytes were enough", size)
		}
	}
}

func TestVerify_RefusesAKeyThatIsNotTrustedUntilItIs(t *testing.T) {
	here, there := t.TempDir(), t.TempDir()
	envelope := sign(t, keys(t, there), exampleStatement())
	_, err := keys(t, here).Verify(envelope)
	if understudy.KindOf(err) != understudy.KindRefused || !strings.Contains(understudy.HintOf(err), "trusted/") {
		t.Fatalf("found %v, hint %q", err, understudy.HintOf(err))
	}
	trust(t, here, filepath.Join(there, "public.pem"))
	if _, err := keys(t, here).Verify(envelope); err != nil {
		t.Fatal(err)
	}
}

func TestVerify_HoldsTheSubjectsAgainstThePredicate(t *testing.T) {
	keyring := keys(t, t.TempDir())
	other := understudy.DigestOf([]byte("another artifact")).Hex()
	for name, change := range map[string]func(*statement[understudy.Statement]){
		"another artifact":  func(s *statement[understudy.Statement]) { s.Subject[0].Digest = map[string]string{"sha256": other} },
		"another algorithm": func(s *statement[understudy.Statement]) { s.Subject[0].Digest = map[string]string{"sha1": other} },
		"a second digest":   func(s *statement[understudy.Statement]) { s.Subject[0].Digest["sha512"] = other },
		"subjects swapped":  func(s *statement[understudy.Statement]) { s.Subject[0], s.Subject[1] = s.Subject[1], s.Subject[0] },
		"one more subject":  func(s *statement[understudy.Statement]) { s.Subject = append(s.Subject, s.Subject[0]) },
		"no subject":        func(s *statement[understudy.Statement]) { s.Subject = nil },
		"another predicate": func(s *statement[understudy.Statement]) { s.PredicateType = "https://slsa.dev/verification_summary/v1" },
		"another statement": func(s *statement[understudy.Statement]) { s.Type = "https://in-toto.io/Statement/v0.1" },
	} {
		t.Run(name, func(t *testing.T) {
			said := statementOf(t, exampleStatement())
			change(&said)
			payload, err := json.Marshal(said)
			if err != nil {
				t.Fatal(err)
			}
			refusedPayload(t, keyring, payload)
		})
	}
}

func TestVerify_RefusesAStatementItDoesNotWhollyUnderstand(t *testing.T) {
	keyring := keys(t, t.TempDir())
	payload, err := json.Marshal(statementOf(t, exampleStatement()))
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Replace(payload, []byte(`"predicate":{`), []byte(`"predicate":{"onlyOn":"tuesdays",`), 1)
	refusedPayload(t, keyring, newer)
	refusedPayload(t, keyring, append(payload, ' ', '{', '}'))
}

func TestSign_RefusesAStatementThatBindsNothing(t *testing.T) {
	keyring := keys(t, t.TempDir())
	for _, s := range []understudy.Statement{{}, {Release: exampleStatement().Release}, {Artifact: exampleStatement().Artifact}} {
		if _, err := keyring.Sign(s); understudy.KindOf(err) != understudy.KindInvalid {
			t.Fatalf("found %v", err)
		}
	}
}

func TestKeys_AreMadeOnceAndReadableByTheOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	var together sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		together.Go(func() {
			keyring, err := Keys(dir)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = keyring.KeyID()
		})
	}
	together.Wait()
	for _, id := range ids {
		if id != ids[0] || len(id) != 64 {
			t.Fatalf("found keys %v", ids)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "private.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("found %v, %v", info.Mode(), err)
	}
	if litter, err := filepath.Glob(filepath.Join(dir, ".new-key-*")); err != nil || len(litter) != 0 {
		t.Fatalf("found %v, %v", litter, err)
	}
}

func TestKeys_MendsACrashBetweenTheTwoHalves(t *testing.T) {
	dir := t.TempDir()
	before := keys(t, dir)
	remove(t, filepath.Join(dir, "public.pem"))
	if after := keys(t, dir); after.KeyID() != before.KeyID() {
		t.Fatal("the key is another one")
	}
	if _, err := os.Stat(filepath.Join(dir, "public.pem")); err != nil {
		t.Fatal(err)
	}
}

func TestKeys_RefusesWhatWouldWeakenThem(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"others can read the private key": func(t *testing.T, dir string) { chmod(t, filepath.Join(dir, "private.pem"), 0o640) },
		"the private key was lost":        func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "private.pem")) },
		"the halves do not belong together": func(t *testing.T, dir string) {
			other := t.TempDir()
			keys(t, other)
			copyFile(t, filepath.Join(other, "public.pem"), filepath.Join(dir, "public.pem"))
		},
		"the private key is cut short": func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "private.pem"), 40); err != nil {
				t.Fatal(err)
			}
		},
		"a trusted key is a private one": func(t *testing.T, dir string) { trust(t, dir, filepath.Join(dir, "private.pem")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			keys(t, dir)
			spoil(t, dir)
			if _, err := Keys(dir); understudy.KindOf(err) != understudy.KindInvalid {
				t.Fatalf("found %v", err)
			}
		})
	}
}

func exampleStatement() understudy.Statement {
	digest := func(of string) understudy.Digest { return understudy.DigestOf([]byte(of)) }
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return understudy.Statement{
		Rehearsal: "r-7", Outcome: understudy.OutcomePassed, Label: "v2",
		Release: digest("release"), Artifact: digest("artifact"), Config: digest("config"), Migrations: digest("migrations"),
		Policy: digest("policy"), LockTimeout: 2 * time.Second, OldRunsOnNew: true, StartedAt: at, EndedAt: at.Add(time.Minute),
		Checks: []understudy.StatementCheck{{Name: "migration", Outcome: understudy.OutcomePassed, Evidence: []understudy.Digest{digest("e")}}},
	}
}

func statementOf(t *testing.T, predicate understudy.Statement) statement[understudy.Statement] {
	t.Helper()
	return statement[understudy.Statement]{Type: statementType, Subject: subjectsOf(rehearsals().binds(predicate)), PredicateType: PredicateType, Predicate: predicate}
}

// refusedPayload signs a payload with the keyring's own key and wants it refused.
func refusedPayload(t *testing.T, k *Keyring, payload []byte) {
	t.Helper()
	envelope, err := json.Marshal(dsse.Envelope{
		PayloadType: payloadType, Payload: base64.URLEncoding.EncodeToString(payload),
		Signatures: []dsse.Signature{{Sig: base64.URLEncoding.EncodeToString(ed25519.Sign(k.private, dsse.PAE(payloadType, payload)))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := k.Verify(envelope); understudy.KindOf(err) != understudy.KindRefused {
		t.Fatalf("found %v, %v", s, err)
	}
}

func keys(t *testing.T, dir string) *Keyring {
	t.Helper()
	keyring, err := Keys(dir)
	if err != nil {
		t.Fatal(err)
	}
	return keyring
}

func sign(t *testing.T, k *Keyring, s understudy.Statement) []byte {
	t.Helper()
	envelope, err := k.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

func trust(t *testing.T, dir, public string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "trusted"), 0o700); err != nil {
		t.Fatal(err)
	}
	copyFile(t, public, filepath.Join(dir, "trusted", "other.pem"))
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
