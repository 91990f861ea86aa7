package understudy

import (
	"net/url"
	"strings"
	"unicode"
)

// IsOrigin tells whether a text is an origin as browsers send it: scheme, host and, where it is
// not the scheme's, port, in lower case and ASCII (xn--…), without a path.
func IsOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Scheme+"://"+u.Host != text {
		return false
	}
	for _, r := range text {
		if r > unicode.MaxASCII {
			return false
		}
	}
	ordinary := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	return text == strings.ToLower(text) && u.Port() != ordinary && !strings.HasSuffix(u.Host, ":") && !strings.Contains(text, "*")
}
