// Package attest signs what a rehearsal concluded and verifies it before a promotion.
//
// An attestation is a DSSE envelope around an in-toto Statement v1 whose predicate,
// of type PredicateType, is an understudy.Statement, or, of type ApprovalType, an
// understudy.Approval, whose subjects are the release and the verdict's envelope:
//
//	envelope ── signature (ed25519) over PAE(type, payload)
//	   └ payload: statement ── subject: artifact digest, release digest
//	                        └─ predicate: the understudy.Statement
//
// What is easily got wrong here, and how it stands:
//   - A key ID in an envelope is a hint and decides nothing: every key is tried.
//   - The bytes whose signature was verified are the bytes that are decoded.
//   - A subject is matched by its digest alone, so a verifier that accepts any one of
//     several would accept a mixture. Verify wants exactly the two subjects that the
//     predicate itself names; what binds a promotion is the predicate, field by field.
//   - JSON and base64 have spare room: letter case of names, members nobody knows, text
//     after the end, unused bits. None of it is allowed where a meaning could hide.
//
// Nothing here knows of revocation or age: that is for the gate.
package attest
