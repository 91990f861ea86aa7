package daemon

import (
	"net"
	"strings"
)

// freePort asks the system for a loopback port that nobody has now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := 0
	if address, is := l.Addr().(*net.TCPAddr); is {
		port = address.Port
	}
	return port, l.Close()
}

// scrub takes a URL with its password out of an error's words.
func scrub(err error, address string) string {
	return strings.ReplaceAll(err.Error(), address, "its url")
}
