package featureflag

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// version is a semantic version. Build metadata does not count.
type version struct {
	core       [3]uint64 // major, minor, patch
	prerelease []string
}

var (
	semanticVersion = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)` +
		`(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?` +
		`(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$`)
	partialVersion = regexp.MustCompile(`^\d+(\.\d+)?$`)
)

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
	if partialVersion.MatchString(written) {
		parts := strings.Split(written, ".")
		for i := range parts {
			parts[i] = strings.TrimLeft(parts[i][:len(parts[i])-1], "0") + parts[i][len(parts[i])-1:]
		}
		written = strings.Join(append(parts, []string{"0", "0"}[:3-len(parts)]...), ".")
	}
	found := semanticVersion.FindStringSubmatch(written)
	if found == nil {
		return version{}, false
	}
	var parsed version
	for i := range parsed.core {
		n, err := strconv.ParseUint(found[i+1], 10, 53)
		if err != nil {
			return version{}, false
		}
		parsed.core[i] = n
	}
	if found[4] != "" {
		parsed.prerelease = strings.Split(found[4], ".")
	}
	return parsed, true
}

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
	isNumber := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	switch {
	case isNumber(a) && isNumber(b):
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	case isNumber(a):
		return -1
	case isNumber(b):
		return 1
	}
	return cmp.Compare(a, b)
}
