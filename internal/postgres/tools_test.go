package postgres

import (
	"strings"
	"testing"

	"understudy"
)

func TestToolError_AFullDiskIsCalledThat(t *testing.T) {
	err := toolError("pg_restore", []byte("pg_restore: error: could not execute query: ERROR:  could not extend file: No space left on device\nDETAIL: x\n"))
	if understudy.KindOf(err) != understudy.KindUnavailable || !strings.Contains(understudy.HintOf(err), "disk") {
		t.Errorf("%v (hint: %s)", err, understudy.HintOf(err))
	}
}

func TestToolError_HoldsNoValue(t *testing.T) {
	for _, err := range []error{
		toolError("pg_restore", []byte("pg_restore: error: could not execute query: ERROR:  could not create unique index \"k\"\nDETAIL:  Key (email)=(Ann) is duplicated.\n")),
		toolError("psql", []byte(`psql:<stdin>:5: ERROR:  invalid input syntax for type integer: "Ann"`)),
	} {
		if strings.Contains(err.Error()+understudy.HintOf(err), "Ann") {
			t.Errorf("the error shows a value: %v", err)
		}
	}
}

func TestWithoutValue_TakesOutWhatTheServerQuotesOfTheData(t *testing.T) {
	for message, want := range map[string]string{
		`invalid input syntax for type integer: "anna"`:                    `invalid input syntax for type integer`,
		`value "49170123456789" is out of range for type integer`:          `value is out of range for type integer`,
		`time zone "anna "moser"" not recognized`:                          `time zone not recognized`,
		`null value in column "email" violates not-null constraint`:        `null value in column "email" violates not-null constraint`,
		`duplicate key value violates unique constraint "users_email_key"`: `duplicate key value violates unique constraint "users_email_key"`,
	} {
		if got := WithoutValue(message); got != want {
			t.Errorf("%s became %q", message, got)
		}
	}
}
