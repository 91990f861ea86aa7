package seal

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"understudy"
)

func TestRead_ToleratesAndCountsADamagedLastLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "captures.jsonl")
	if err := os.WriteFile(path, []byte(`{"at":"2026-01-01T00:00:00Z","kind":"http","size":1}`+"\n"+`{"at":"2026-01-0`), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := openLedger(path) // a new life after the crash
	if err != nil {
		t.Fatal(err)
	}
	if err := l.add(Capture{Kind: KindSMTP}); err != nil {
		t.Fatal(err)
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	found, err := Read(path, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 3 || found[0].Kind != KindHTTP || found[1].Kind != KindDamaged || found[2].Kind != KindSMTP {
		t.Fatalf("found %+v", found)
	}
	late, err := Read(path, time.Now().Add(-time.Hour))
	if err != nil || len(late) != 2 {
		t.Fatalf("since an hour ago: %+v, %v", late, err)
	}
}

func TestRead_AFileThatIsNotThereHoldsNothing(t *testing.T) {
	found, err := Read(filepath.Join(t.TempDir(), "none"), time.Time{})
	if err != nil || found != nil {
		t.Fatalf("found %v, %v", found, err)
	}
}

func TestWithoutCredentials_KeepsOrdinaryHeadersOnly(t *testing.T) {
	found := withoutCredentials(http.Header{"Authorization": {"a"}, "X-Api-Key": {"b"}, "Cookie": {"c"}, "Stripe-Signature": {"d"}, "Accept": {"e"}})
	for key, values := range found {
		if (key == "Accept") != (values[0] != "[redacted]") {
			t.Errorf("%s is %v", key, values)
		}
	}
}

func TestMatch_PrefersHostAndPortThenHostThenAPortOfItsOwn(t *testing.T) {
	spec := Spec{Addresses: map[string]string{"a": "http://pay.example/v1", "b": "https://pay.example/v2/", "c": "http://127.0.0.1:9099", "d": "mail.example:2526"}}
	for _, name := range []string{"a", "b", "c"} {
		spec.Integrations = append(spec.Integrations, understudy.Integration{Name: name, Kind: "http"})
	}
	spec.Integrations = append(spec.Integrations, understudy.Integration{Name: "d", Kind: "smtp"}, understudy.Integration{Name: "unset", Kind: "http"})
	places, err := spec.places()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind, host string
		port       int
		path, want string
	}{
		{"http", "pay.example", 80, "/v1/charge", "a"},
		{"http", "pay.example", 443, "/v2/charge", "b"},
		{"http", "pay.example", 80, "/v2/charge", "b"},
		{"http", "pay.example", 80, "/v3", ""},
		{"http", "elsewhere.example", 9099, "/", "c"},
		{"http", "elsewhere.example", 80, "/", ""},
		{"smtp", "mail.example", 2526, "", "d"},
		{"http", "mail.example", 2526, "", ""},
	} {
		got := ""
		if p := match(places, c.kind, c.host, c.port, c.path); p != nil {
			got = p.Name
		}
		if got != c.want {
			t.Errorf("%s %s:%d%s: found %q, expected %q", c.kind, c.host, c.port, c.path, got, c.want)
		}
	}
}

func TestPlaces_ABadAddressIsNamedByItsIntegrationAndNotShown(t *testing.T) {
	spec := Spec{Integrations: []understudy.Integration{{Name: "pay", Kind: "http", Env: "PAY_URL"}},
		Addresses: map[string]string{"pay": "http://user:hunter22@pay.example:none/"}}
	_, err := spec.places()
	if err == nil || !strings.Contains(err.Error(), "integration pay") || strings.Contains(err.Error(), "hunter22") {
		t.Fatalf("found %v", err)
	}
}

func TestPrepare_ManyCallersMakeOneAuthority(t *testing.T) {
	folder := t.TempDir()
	results := make(chan error, 4)
	for range cap(results) {
		go func() { _, err := Prepare(t.Context(), folder); results <- err }()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
	a, err := openAuthority(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := a.leaf("api.example")
	if err != nil || len(leaf.Certificate) != 2 {
		t.Fatalf("found %v, %v", leaf, err)
	}
	if info, err := os.Stat(filepath.Join(folder, "ca-key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the authority's key: %v, %v", info, err)
	}
	if err := os.Truncate(filepath.Join(folder, "ca-key.pem"), 20); err != nil {
		t.Fatal(err)
	}
	if _, err := Prepare(t.Context(), folder); !strings.Contains(understudy.HintOf(err), "remove ca.pem and ca-key.pem there") {
		t.Errorf("of a damaged one it says %v, with the hint %q", err, understudy.HintOf(err))
	}
}
