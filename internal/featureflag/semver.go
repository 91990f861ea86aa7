package featureflag

import (
	"cmp"
	"strconv"
	"strings"
)

// version is a semantic version. Build metadata does not count.
type version struct {
	core       [3]uint64 // major, minor, patch
	prerelease []string
}

// parseVersion reads a version, with a v before it or not; "1" and "1.2", also as numbers,
// are filled up with zeros.
func parseVersion(v any) (version, bool) {
	written := text(v)
	if len(written) > 0 && (written[0] == 'v' || written[0] == 'V') {
		written = written[1:]
	}
	if written = strings.TrimSpace(written); len(written) > 256 {
		return version{}, false
	}
	if parsed, isVersion := parseStrict(written); isVersion {
		return parsed, true
	}
	return parsePartial(written)
}

// parseStrict reads a version as semver.org writes it.
func parseStrict(written string) (parsed version, sound bool) {
	rest, build, hasBuild := strings.Cut(written, "+")
	core, prerelease, hasPrerelease := strings.Cut(rest, "-")
	for i := range parsed.core {
		part, after, more := strings.Cut(core, ".")
		n, isNumber := parsePart(part)
		if !isNumber || len(part) > 1 && part[0] == '0' || more != (i < 2) {
			return version{}, false
		}
		parsed.core[i], core = n, after
	}
	if hasBuild && !areIdentifiers(build, true) || hasPrerelease && !areIdentifiers(prerelease, false) {
		return version{}, false
	}
	if hasPrerelease {
		parsed.prerelease = strings.Split(prerelease, ".")
	}
	return parsed, true
}

// parsePartial reads "1" and "1.2".
func parsePartial(written string) (parsed version, sound bool) {
	major, minor, hasMinor := strings.Cut(written, ".")
	if parsed.core[0], sound = parsePart(major); sound && hasMinor {
		parsed.core[1], sound = parsePart(minor)
	}
	return parsed, sound
}

// parsePart reads digits, as many as a number of JavaScript tells apart.
func parsePart(digits string) (uint64, bool) {
	n, err := strconv.ParseUint(digits, 10, 53)
	return n, err == nil && digits[0] != '+'
}

// areIdentifiers says that a text is identifiers with dots between. In a pre-release, numbers
// have no zeros before them.
func areIdentifiers(written string, zeros bool) bool {
	for identifier := range strings.SplitSeq(written, ".") {
		strange := strings.ContainsFunc(identifier, func(c rune) bool {
			return c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
		})
		if identifier == "" || strange || !zeros && len(identifier) > 1 && identifier[0] == '0' && isDigits(identifier) {
			return false
		}
	}
	return true
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// compareVersions is {"sem_ver": [version, operator, version]}. Anything wrong says null,
// which stands for the default variant.
func compareVersions(_ scope, v []any) (any, error) {
	if len(v) != 3 {
		return nil, nil
	}
	a, isVersion := parseVersion(v[0])
	b, areVersions := parseVersion(v[2])
	if !isVersion || !areVersions {
		return nil, nil
	}
	order := a.compare(b)
	switch v[1] {
	case "=":
		return order == 0, nil
	case "!=":
		return order != 0, nil
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	case ">=":
		return order >= 0, nil
	case "^":
		return a.core[0] == b.core[0], nil
	case "~":
		return a.core[0] == b.core[0] && a.core[1] == b.core[1], nil
	}
	return nil, nil
}

// compare is the precedence of semver.org: a pre-release comes before its release.
func (v version) compare(w version) int {
	for i := range v.core {
		if order := cmp.Compare(v.core[i], w.core[i]); order != 0 {
			return order
		}
	}
	if len(v.prerelease) == 0 || len(w.prerelease) == 0 {
		return cmp.Compare(min(len(w.prerelease), 1), min(len(v.prerelease), 1))
	}
	for i := range min(len(v.prerelease), len(w.prerelease)) {
		if order := compareIdentifiers(v.prerelease[i], w.prerelease[i]); order != 0 {
			return order
		}
	}
	return cmp.Compare(len(v.prerelease), len(w.prerelease))
}

// compareIdentifiers puts numbers before words, and longer numbers after shorter ones.
func compareIdentifiers(a, b string) int {
	switch {
	case isDigits(a) && isDigits(b):
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	case isDigits(a):
		return -1
	case isDigits(b):
		return 1
	}
	return cmp.Compare(a, b)
}
