package attest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"understudy"
)

// The test vector of the DSSE specification, protocol.md: an ECDSA P-256 key, whose
// signature is r and s side by side.
const (
	vectorType      = "http://example.com/HelloWorld"
	vectorEnvelope  = `{"payload":"aGVsbG8gd29ybGQ=","payloadType":"http://example.com/HelloWorld","signatures":[{"sig":"A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}`
	vectorX         = "46950820868899156662930047687818585632848591499744589407958293238635476079160"
	vectorY         = "5640078356564379163099075877009565129882514886557779369047442380624545832820"
	vectorPAE       = "DSSEv1 29 http://example.com/HelloWorld 11 hello world"
	vectorURLSafely = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F-FnZ-O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
)

func TestOpenEnvelope_AgreesWithTheSpecificationsVector(t *testing.T) {
	if got := string(dsse.PAE(vectorType, []byte("hello world"))); got != vectorPAE {
		t.Fatalf("the message signed is %q", got)
	}
	payload, _, err := openEnvelope([]byte(vectorEnvelope), vectorType, []key{vectorKey(t)})
	if err != nil || string(payload) != "hello world" {
		t.Fatalf("found %q, %v", payload, err)
	}
}

func TestOpenEnvelope_AcceptsURLSafeBase64(t *testing.T) {
	std := vectorEnvelope[strings.Index(vectorEnvelope, `"sig":"`)+7 : strings.Index(vectorEnvelope, `"}]}`)]
	safe := strings.Replace(vectorEnvelope, std, vectorURLSafely, 1)
	if safe == vectorEnvelope {
		t.Fatal("the vector was not changed")
	}
	if _, _, err := openEnvelope([]byte(safe), vectorType, []key{vectorKey(t)}); err != nil {
		t.Fatal(err)
	}
}

func TestOpenEnvelope_TakesAKeyIDForAHintOnly(t *testing.T) {
	hinted := strings.Replace(vectorEnvelope, `{"sig"`, `{"keyid":"of somebody else","sig"`, 1)
	if _, _, err := openEnvelope([]byte(hinted), vectorType, []key{vectorKey(t)}); err != nil {
		t.Fatalf("a wrong hint decided: %v", err)
	}
	deaf := key{id: "trusted", verifies: func(_, _ []byte) bool { return false }}
	claimed := strings.Replace(vectorEnvelope, `{"sig"`, `{"keyid":"trusted","sig"`, 1)
	if _, _, err := openEnvelope([]byte(claimed), vectorType, []key{deaf}); err == nil {
		t.Fatal("a right hint was enough")
	}
}

func TestOpenEnvelope_LooksPastSignaturesItCannotJudge(t *testing.T) {
	several := strings.Replace(vectorEnvelope, `[{"sig"`, `[{"sig":"AAAA"},{"sig"`, 1)
	if _, _, err := openEnvelope([]byte(several), vectorType, []key{vectorKey(t)}); err != nil {
		t.Fatal(err)
	}
}

func TestOpenEnvelope_RefusesWhatIsNotAnEnvelope(t *testing.T) {
	for name, raw := range map[string]string{
		"nothing":            ``,
		"a list":             `[]`,
		"text after its end": vectorEnvelope + `{}`,
		"another case":       strings.Replace(vectorEnvelope, `"payload"`, `"Payload"`, 1),
		"no signatures":      `{"payload":"aGVsbG8gd29ybGQ=","payloadType":"` + vectorType + `","signatures":[]}`,
		"null signatures":    `{"payload":"aGVsbG8gd29ybGQ=","payloadType":"` + vectorType + `","signatures":null}`,
		"a null signature":   `{"payload":"aGVsbG8gd29ybGQ=","payloadType":"` + vectorType + `","signatures":[null]}`,
		"loose base64":       strings.Replace(vectorEnvelope, `ZA=="`, `ZB=="`, 1),
		"another type":       strings.Replace(vectorEnvelope, "HelloWorld", "HelloMoon", 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := openEnvelope([]byte(raw), vectorType, []key{vectorKey(t)})
			if understudy.KindOf(err) != understudy.KindRefused {
				t.Fatalf("found %v", err)
			}
		})
	}
}

func TestSign_IsReadByTheReferenceLibrary(t *testing.T) {
	keyring, err := Keys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := keyring.Sign(understudy.Statement{
		Artifact: understudy.DigestOf([]byte("artifact")), Release: understudy.DigestOf([]byte("release")),
	})
	if err != nil {
		t.Fatal(err)
	}
	var envelope dsse.Envelope
	if err := json.Unmarshal(raw, &envelope); err != nil {
		t.Fatal(err)
	}
	payload, err := envelope.DecodeB64Payload()
	if err != nil || envelope.PayloadType != "application/vnd.in-toto+json" || len(envelope.Signatures) != 1 {
		t.Fatalf("found %+v, %v", envelope, err)
	}
	var of map[string]any
	if err := json.Unmarshal(payload, &of); err != nil || of["_type"] != "https://in-toto.io/Statement/v1" {
		t.Fatalf("found %v, %v", of["_type"], err)
	}
}

func vectorKey(t *testing.T) key {
	t.Helper()
	x, okX := new(big.Int).SetString(vectorX, 10)
	y, okY := new(big.Int).SetString(vectorY, 10)
	if !okX || !okY {
		t.Fatal("the vector's key is not a number")
	}
	public := &ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y}
	return key{id: "vector", verifies: func(message, signature []byte) bool {
		if len(signature) != 64 {
			return false
		}
		sum := sha256.Sum256(message)
		return ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	}}
}
