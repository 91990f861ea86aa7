package router

import "strings"

// hostOf is the name that a request asks for: without a port, without the dot at the end,
// in lower case.
func hostOf(host string) string {
	if at := strings.LastIndexByte(host, ':'); at >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:at]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// meets tells whether a route's host is met by the name of a request. A wildcard stands
// for one part of a name, as in certificates.
func meets(pattern, name string) bool {
	suffix, wildcard := strings.CutPrefix(pattern, "*")
	if !wildcard {
		return pattern == "" || pattern == name
	}
	first, found := strings.CutSuffix(name, suffix)
	return found && first != "" && !strings.Contains(first, ".")
}

// rank is the order in which routes are tried: a host, then wildcards, then none.
func rank(pattern string) int {
	switch {
	case pattern == "":
		return 2
	case strings.HasPrefix(pattern, "*."):
		return 1
	}
	return 0
}
