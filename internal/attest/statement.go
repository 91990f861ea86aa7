package attest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"understudy"
)

// PredicateType names the predicate that an understudy.Statement is.
const PredicateType = "https://understudy.dev/rehearsal/v1"

const statementType = "https://in-toto.io/Statement/v1"

// statement is the in-toto Statement v1 around the predicate.
type statement struct {
	Type          string               `json:"_type"`
	Subject       []subject            `json:"subject"`
	PredicateType string               `json:"predicateType"`
	Predicate     understudy.Statement `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// payloadOf is the statement about what a predicate binds, as it will be signed.
func payloadOf(predicate understudy.Statement) ([]byte, error) {
	for _, of := range subjectDigests(predicate) {
		if _, err := understudy.ParseDigest(string(of.digest)); err != nil {
			return nil, fmt.Errorf("attesting rehearsal %s: its %s: %w", predicate.Rehearsal, of.name, err)
		}
	}
	payload, err := json.Marshal(statement{
		Type: statementType, Subject: subjectsOf(predicate), PredicateType: PredicateType, Predicate: predicate,
	})
	if err != nil {
		return nil, fmt.Errorf("attesting rehearsal %s: %w", predicate.Rehearsal, err)
	}
	return payload, nil
}

// predicateIn reads a verified payload: the types have to be these, and the subjects
// exactly those that the predicate names itself.
func predicateIn(payload []byte) (understudy.Statement, error) {
	var of struct {
		Type          string `json:"_type"`
		PredicateType string `json:"predicateType"`
	}
	if err := json.Unmarshal(payload, &of); err != nil {
		return understudy.Statement{}, refused("its payload is not JSON: %w", err)
	}
	if of.Type != statementType {
		return understudy.Statement{}, refused("its payload is of type %q, expected %q", of.Type, statementType)
	}
	if of.PredicateType != PredicateType {
		return understudy.Statement{}, refused("its predicate is of type %q, expected %q", of.PredicateType, PredicateType)
	}
	var whole statement
	if err := decodeStrictly(payload, &whole); err != nil {
		return understudy.Statement{}, refused("its statement is not understood: %w", err).
			WithHint("a newer version of understudy may have signed it: rehearse again with this one, or update this one")
	}
	return whole.Predicate, matches(whole.Subject, subjectsOf(whole.Predicate))
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

func subjectsOf(s understudy.Statement) []subject {
	var subjects []subject
	for _, of := range subjectDigests(s) {
		subjects = append(subjects, subject{Name: of.name, Digest: map[string]string{"sha256": of.digest.Hex()}})
	}
	return subjects
}

type named struct {
	name   string
	digest understudy.Digest
}

func subjectDigests(s understudy.Statement) []named {
	return []named{{"artifact", s.Artifact}, {"release", s.Release}}
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
