package attest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"understudy"
)

// Keyring signs with this installation's key and verifies with that one and every
// other it trusts. It never changes after Keys made it, so its methods may be called
// at the same time.
type Keyring struct {
	private ed25519.PrivateKey
	id      string
	trusted []key // this installation's own first
}

// Keys opens the keys in a folder, and makes them on first use:
//
//	private.pem   ed25519, PKCS #8, readable by the owner alone
//	public.pem    its public half, to be given to whoever verifies
//	trusted/*.pem public keys of other installations whose verdicts count here
//
// The folder is read once. Two processes may make the keys at the same moment: one
// key wins and both use it. A private key that others can read, a public key without
// its private one and a file that is no key are refused.
func Keys(dir string) (*Keyring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the signing keys: %w", err)
	}
	private, err := ownKey(dir)
	if err != nil {
		return nil, err
	}
	own, err := keyOf(private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	others, err := trustedKeys(filepath.Join(dir, "trusted"))
	if err != nil {
		return nil, err
	}
	return &Keyring{private: private, id: own.id, trusted: append([]key{own}, others...)}, nil
}

// KeyID names the key that Sign uses: the SHA-256, in hexadecimal digits, of its
// public half in DER form. (openssl pkey -pubin -in public.pem -outform DER | sha256sum)
func (k *Keyring) KeyID() string { return k.id }

// Sign returns the envelope, as JSON, that attests a statement. KindInvalid when the
// statement names no artifact or no release, for it would bind nothing.
func (k *Keyring) Sign(s understudy.Statement) ([]byte, error) { return signAs(k, rehearsals(), s) }

// SignApproval does the same for an approval, which binds a release and a verdict.
func (k *Keyring) SignApproval(a understudy.Approval) ([]byte, error) {
	return signAs(k, approvals(), a)
}

func signAs[P any](k *Keyring, f form[P], predicate P) ([]byte, error) {
	payload, err := f.payload(predicate)
	if err != nil {
		return nil, err
	}
	envelope := dsse.Envelope{
		PayloadType: payloadType,
		Payload:     base64.StdEncoding.EncodeToString(payload),
		Signatures: []dsse.Signature{{
			KeyID: k.id,
			Sig:   base64.StdEncoding.EncodeToString(ed25519.Sign(k.private, dsse.PAE(payloadType, payload))),
		}},
	}
	return json.Marshal(envelope)
}

// Verify returns the statement that a trusted key signed. Every error is of
// KindRefused and says what is wrong with the envelope. A statement returned is
// authentic, no more: whether it permits something is for understudy.Gate.
func (k *Keyring) Verify(envelope []byte) (understudy.Statement, error) {
	return verifyAs(k, rehearsals(), envelope)
}

// VerifyApproval returns the approval that a trusted key signed, the same way.
func (k *Keyring) VerifyApproval(envelope []byte) (understudy.Approval, error) {
	return verifyAs(k, approvals(), envelope)
}

func verifyAs[P any](k *Keyring, f form[P], envelope []byte) (none P, err error) {
	payload, _, err := openEnvelope(envelope, payloadType, k.trusted)
	if err != nil {
		return none, err
	}
	predicate, err := f.predicateIn(payload)
	if err != nil {
		return none, err
	}
	return predicate, nil
}

// keyOf is the verifying form of a public key, with its ID.
func keyOf(public ed25519.PublicKey) (key, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return key{}, fmt.Errorf("naming a public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return key{id: hex.EncodeToString(sum[:]), verifies: func(message, signature []byte) bool {
		return ed25519.Verify(public, message, signature)
	}}, nil
}
