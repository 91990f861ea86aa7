package config

import (
	"net/url"
	"regexp"
	"strings"

	"understudy"
)

var (
	secretName = regexp.MustCompile(`(?i)(SECRET|PASSWORD|PASSWD|PASSPHRASE|(^|_)PASS($|_)|(^|_)PWD$|TOKEN|CREDENTIAL|(^|_)PRIVATE$|PRIVATE_?(KEY|PEM|CERT)|APIKEY|(^|_)(API|ACCESS|SESSION|SIGNING|ENCRYPTION|MASTER|LICENSE|SERVICE|ACCOUNT|APP|AUTH|COOKIE|JWT|HMAC|CRYPT)_?KEY|(^|_)KEY$|(^|_)SALT$|(^|_)PEPPER$|(^|_)DSN$|WEBHOOK)`)
	publicName = regexp.MustCompile(`(?i)(PUBLIC|PUBLISHABLE|_(TTL|TIMEOUT|EXPIRY|EXPIRES|LENGTH|SIZE|FILE|PATH|HEADER|NAME|ENABLED|ISSUER|AUDIENCE)$)`)
	secretText = regexp.MustCompile(`-----BEGIN|^eyJ[A-Za-z0-9_-]{10,}|^(sk|rk|pk|ghp|gho|xox[a-z]|AKIA|glpat)[-_A-Z0-9][A-Za-z0-9_-]{10,}|^SG\.`)
	denseText  = regexp.MustCompile(`^[A-Za-z0-9+/=_-]{24,}$`)
)

// looksSecret tells whether a key's name is one that people give to secrets.
func looksSecret(key string) bool { return secretName.MatchString(key) && !publicName.MatchString(key) }

// holdsPassword tells whether a value is a URL with a password in it.
func holdsPassword(value string) bool {
	address, err := url.Parse(value)
	if err != nil { // a password may well be what makes it unreadable
		return strings.Contains(value, "://") && strings.Contains(value, "@") && len(understudy.References(value)) == 0
	}
	password, found := address.User.Password()
	return found && password != "" && !onlyReference(password)
}

// valueLooksSecret tells whether a value is made like a key or a token, whatever its
// name: for what is carried over by a program, where leaving out is the safe side.
func valueLooksSecret(value string) bool {
	if holdsPassword(value) || secretText.MatchString(value) {
		return true
	}
	return denseText.MatchString(value) && strings.ContainsAny(value, "0123456789") && strings.ContainsFunc(value, isLetter)
}

func isLetter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' }

// onlyReference tells whether a value is one reference without a default, and nothing else.
func onlyReference(value string) bool {
	references := understudy.References(value)
	return len(references) == 1 && strings.HasPrefix(value, "${") && strings.HasSuffix(value, "}") &&
		strings.Count(value, "}") == 1 && references[0].Default == ""
}
