// Package e2e is the shop's end-to-end tests: what visitors do, done against a running
// shop at BASE_URL, told in the Test Anything Protocol.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"understudy/examples/shop/internal/visitor"
)

// Case is one thing that must work.
type Case struct {
	Name string
	Run  func(ctx context.Context, v *visitor.Visitor) error
}

// Main runs the cases that every release has to pass and those of this one, for
// program.Main.
func Main(more ...Case) func(context.Context) error {
	return func(ctx context.Context) error {
		base := os.Getenv("BASE_URL")
		if base == "" {
			return errors.New("BASE_URL is not set: the address of the shop to test")
		}
		return Run(ctx, base, os.Stdout, append(Always(), more...))
	}
}

// Run runs the cases against the shop at base. The error counts those that failed.
func Run(ctx context.Context, base string, out io.Writer, cases []Case) error {
	report := fmt.Sprintf("TAP version 13\n1..%d\n", len(cases))
	failed := 0
	for i, c := range cases {
		limited, cancel := context.WithTimeout(ctx, 30*time.Second)
		err := c.Run(limited, visitor.New(base, http.DefaultTransport, func(visitor.Answer) {}))
		cancel()
		if err != nil {
			failed++
			report += fmt.Sprintf("not ok %d - %s\n# %v\n", i+1, c.Name, err)
			continue
		}
		report += fmt.Sprintf("ok %d - %s\n", i+1, c.Name)
	}
	if _, err := io.WriteString(out, report); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d end-to-end tests failed", failed, len(cases))
	}
	return nil
}

// Holds tells whether a page holds a text, as an error when not.
func Holds(page, text string) error {
	if !strings.Contains(page, text) {
		return fmt.Errorf("the page does not say %q", text)
	}
	return nil
}

// Address is a mail address that nobody has used before.
func Address() string { return fmt.Sprintf("test%d@example.com", time.Now().UnixNano()) }
