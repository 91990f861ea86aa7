// Package settings reads the shop's configuration from the environment.
package settings

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Settings is everything that the shop is told from outside.
type Settings struct {
	Port        string // where web listens on loopback
	DatabaseURL string
	PaymentURL  string // base address of the payment provider
	PaymentKey  string // what the provider knows us by
	SMTPAddr    string // host:port of the mail relay
	SessionKey  string // signs session cookies
	PageSize    int    // products on a page
}

// Read takes the settings from the environment; all that is missing or wrong is in one
// error. Need names the keys that this program cannot do without.
func Read(need ...string) (Settings, error) {
	var problems []string
	for _, key := range need {
		if os.Getenv(key) == "" {
			problems = append(problems, key+" is not set")
		}
	}
	size, err := strconv.Atoi(first(os.Getenv("PAGE_SIZE"), "20"))
	if err != nil || size < 1 || size > 200 {
		problems = append(problems, fmt.Sprintf("PAGE_SIZE is %q, expected a number from 1 to 200", os.Getenv("PAGE_SIZE")))
	}
	if len(problems) > 0 {
		return Settings{}, fmt.Errorf("reading the configuration: %s", strings.Join(problems, "; "))
	}
	return Settings{
		Port:        first(os.Getenv("PORT"), "8080"),
		DatabaseURL: os.Getenv("DATABASE_URL"),
		PaymentURL:  strings.TrimSuffix(os.Getenv("PAYMENT_URL"), "/"),
		PaymentKey:  os.Getenv("PAYMENT_KEY"),
		SMTPAddr:    os.Getenv("SMTP_ADDR"),
		SessionKey:  os.Getenv("SESSION_KEY"),
		PageSize:    size,
	}, nil
}

func first(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
