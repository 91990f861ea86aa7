package attest

import (
	"encoding/base64"
	"encoding/json"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"understudy"
)

// payloadType is what DSSE signs along with the payload, so that it can be taken for
// nothing else.
const payloadType = "application/vnd.in-toto+json"

// key is one that may have signed: its ID, for people, and the test of a signature.
type key struct {
	id       string
	verifies func(message, signature []byte) bool
}

// openEnvelope returns the payload of an envelope that at least one of the keys
// signed, and that key. The bytes returned are the ones whose signature was verified.
func openEnvelope(raw []byte, wantType string, keys []key) ([]byte, key, error) {
	envelope, err := decodeEnvelope(raw)
	if err != nil {
		return nil, key{}, err
	}
	if envelope.PayloadType != wantType {
		return nil, key{}, refused("the envelope carries %q, expected %q", envelope.PayloadType, wantType)
	}
	payload, err := decodeBase64(envelope.Payload)
	if err != nil {
		return nil, key{}, refused("the envelope's payload is not base64: %w", err)
	}
	message := dsse.PAE(envelope.PayloadType, payload)
	for _, s := range envelope.Signatures {
		signature, err := decodeBase64(s.Sig)
		if err != nil {
			return nil, key{}, refused("a signature of the envelope is not base64: %w", err)
		}
		for _, k := range keys {
			if k.verifies(message, signature) {
				return payload, k, nil
			}
		}
	}
	return nil, key{}, refused("none of the envelope's %d signatures was made by one of the %d keys trusted here",
		len(envelope.Signatures), len(keys)).
		WithHint("it was changed after it was signed, or another installation signed it: to trust that one, put its public.pem into the folder trusted/ beside the keys of this one")
}

// decodeEnvelope reads the members that DSSE defines, by their exact names, and
// ignores the others, as DSSE demands. (encoding/json into a struct would also take
// "PAYLOAD" for "payload".)
func decodeEnvelope(raw []byte) (dsse.Envelope, error) {
	members, err := exactMembers(raw)
	if err != nil {
		return dsse.Envelope{}, refused("the envelope is not a JSON object: %w", err)
	}
	var envelope dsse.Envelope
	if json.Unmarshal(members["payload"], &envelope.Payload) != nil || json.Unmarshal(members["payloadType"], &envelope.PayloadType) != nil {
		return dsse.Envelope{}, refused("the envelope has no payload or no payloadType that is a text")
	}
	var signatures []json.RawMessage
	if json.Unmarshal(members["signatures"], &signatures) != nil || len(signatures) == 0 {
		return dsse.Envelope{}, refused("the envelope has no list of signatures")
	}
	for _, one := range signatures {
		signature, err := decodeSignature(one)
		if err != nil {
			return dsse.Envelope{}, err
		}
		envelope.Signatures = append(envelope.Signatures, signature)
	}
	return envelope, nil
}

func decodeSignature(raw json.RawMessage) (dsse.Signature, error) {
	members, err := exactMembers(raw)
	if err != nil {
		return dsse.Signature{}, refused("a signature of the envelope is not a JSON object: %w", err)
	}
	var signature dsse.Signature
	if json.Unmarshal(members["sig"], &signature.Sig) != nil {
		return dsse.Signature{}, refused("a signature of the envelope has no sig that is a text")
	}
	return signature, nil
}

// exactMembers decodes one JSON object and nothing after it, its names as they are.
func exactMembers(raw []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	return members, nil
}

// decodeBase64 takes the standard and the URL-safe alphabet. It is strict: spare bits
// at the end have to be zero, so that no two texts stand for the same bytes.
func decodeBase64(s string) ([]byte, error) {
	decoded, err := base64.StdEncoding.Strict().DecodeString(s)
	if err == nil {
		return decoded, nil
	}
	if decoded, safeErr := base64.URLEncoding.Strict().DecodeString(s); safeErr == nil {
		return decoded, nil
	}
	return nil, err
}

// refused is the error of an attestation that cannot be relied on.
func refused(format string, args ...any) *understudy.Error {
	return understudy.Errorf(understudy.KindRefused, "the attestation cannot be relied on: "+format, args...)
}
