package process

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var secretKey = regexp.MustCompile(`(?i)(secret|token|passw|passphrase|pwd|key|credential|auth|dsn|salt|cookie)`)

// redactor takes the values that may be secret out of text that leaves the
// deployment. Which values are secret is not declared here, so the rule is wary: a
// value goes unless it plainly is a number, a truth value, a duration or an address
// without credentials.
func redactor(env []string) *strings.Replacer {
	secrets := map[string]bool{}
	for _, entry := range env {
		key, value, _ := strings.Cut(entry, "=")
		if secretKey.MatchString(key) && len(value) >= 4 || len(value) >= 8 && !harmless(value) {
			secrets[value] = true
			for line := range strings.SplitSeq(value, "\n") { // keys in PEM are logged line by line
				secrets[line] = secrets[line] || len(line) >= 8
			}
		}
		if password := passwordIn(value); password != "" {
			secrets[password] = true
		}
		if _, token, borne := strings.Cut(value, "Bearer "); borne && len(token) >= 8 {
			secrets[token] = true
		}
	}
	var longest []string
	for value, is := range secrets {
		if is {
			longest = append(longest, value)
		}
	}
	slices.SortFunc(longest, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, value := range longest {
		pairs = append(pairs, value, "[redacted]")
	}
	return strings.NewReplacer(pairs...)
}

func passwordIn(value string) string {
	address, err := url.Parse(value)
	if err != nil || address.User == nil {
		return ""
	}
	password, _ := address.User.Password()
	return password
}

func harmless(value string) bool {
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		return true
	}
	if _, err := strconv.ParseBool(value); err == nil {
		return true
	}
	if _, err := time.ParseDuration(value); err == nil {
		return true
	}
	if _, _, err := net.SplitHostPort(value); err == nil && !strings.Contains(value, "@") {
		return true
	}
	address, err := url.Parse(value)
	return err == nil && address.Scheme != "" && address.Host != "" && address.User == nil && address.RawQuery == ""
}
