// Package loopback finds ports for servers that only this machine reaches.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"

	"understudy"
)

// Loopback ports are chosen below those that systems give to outgoing connections (from
// 32768 on Linux, 49152 on macOS): one of those could be anybody's by the time that a
// server is started again on it.
const (
	lowestPort  = 20000
	highestPort = 32000
)

// FreePort finds a loopback port that nobody has now.
func FreePort() (int, error) {
	for range 200 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return 0, err
		}
		return port, l.Close()
	}
	return 0, understudy.Errorf(understudy.KindUnavailable, "no free loopback port was found from %d to %d", lowestPort, highestPort)
}
