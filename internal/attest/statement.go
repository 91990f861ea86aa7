package attest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"understudy"
)

// The types of predicates: an understudy.Statement, and an understudy.Approval.
const (
	PredicateType = "https://understudy.dev/rehearsal/v1"
	ApprovalType  = "https://understudy.dev/approval/v1"
)

const statementType = "https://in-toto.io/Statement/v1"

// statement is the in-toto Statement v1 around a predicate.
type statement[P any] struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     P         `json:"predicate"`
}

// form is what a kind of predicate is called, and what it binds.
type form[P any] struct {
	predicateType string
	about         func(P) string
	binds         func(P) []named
}

func rehearsals() form[understudy.Statement] {
	return form[understudy.Statement]{
		PredicateType, func(s understudy.Statement) string { return "rehearsal " + s.Rehearsal },
		func(s understudy.Statement) []named { return []named{{"artifact", s.Artifact}, {"release", s.Release}} },
	}
}

func approvals() form[understudy.Approval] {
	return form[understudy.Approval]{
		ApprovalType, func(a understudy.Approval) string { return "approval " + a.ID },
		func(a understudy.Approval) []named { return []named{{"release", a.Release}, {"verdict", a.Evidence}} },
	}
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// payload is the statement about what a predicate binds, as it will be signed.
func (f form[P]) payload(predicate P) ([]byte, error) {
	for _, of := range f.binds(predicate) {
		if _, err := understudy.ParseDigest(string(of.digest)); err != nil {
			return nil, fmt.Errorf("attesting %s: its %s: %w", f.about(predicate), of.name, err)
		}
	}
	payload, err := json.Marshal(statement[P]{
		Type: statementType, Subject: subjectsOf(f.binds(predicate)), PredicateType: f.predicateType, Predicate: predicate,
	})
	if err != nil {
		return nil, fmt.Errorf("attesting %s: %w", f.about(predicate), err)
	}
	return payload, nil
}

// predicateIn reads a verified payload: the types have to be these, and the subjects
// exactly those that the predicate names itself.
func (f form[P]) predicateIn(payload []byte) (none P, err error) {
	var of struct {
		Type          string `json:"_type"`
		PredicateType string `json:"predicateType"`
	}
	if err := json.Unmarshal(payload, &of); err != nil {
		return none, refused("its payload is not JSON: %w", err)
	}
	if of.Type != statementType {
		return none, refused("its payload is of type %q, expected %q", of.Type, statementType)
	}
	if of.PredicateType != f.predicateType {
		return none, refused("its predicate is of type %q, expected %q", of.PredicateType, f.predicateType)
	}
	var whole statement[P]
	if err := decodeStrictly(payload, &whole); err != nil {
		return none, refused("its statement is not understood: %w", err).
			WithHint("a newer version of understudy may have signed it: rehearse again with this one, or update this one")
	}
	return whole.Predicate, matches(whole.Subject, subjectsOf(f.binds(whole.Predicate)))
}

// matches compares what a statement says it is about with what its predicate binds.
func matches(found, expected []subject) error {
	if len(found) != len(expected) {
		return refused("it names %d subjects, expected %d", len(found), len(expected))
	}
	for i, want := range expected {
		got := found[i]
		if got.Name != want.Name || len(got.Digest) != 1 || got.Digest["sha256"] != want.Digest["sha256"] {
			return refused("its subject %d is %s %.12s…, but its predicate binds %s %.12s…",
				i+1, got.Name, got.Digest["sha256"], want.Name, want.Digest["sha256"])
		}
	}
	return nil
}

func subjectsOf(binds []named) []subject {
	var subjects []subject
	for _, of := range binds {
		subjects = append(subjects, subject{Name: of.name, Digest: map[string]string{"sha256": of.digest.Hex()}})
	}
	return subjects
}

type named struct {
	name   string
	digest understudy.Digest
}

// decodeStrictly refuses members that are not known and text after the end.
func decodeStrictly(raw []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("there is text after its end")
	}
	return nil
}
