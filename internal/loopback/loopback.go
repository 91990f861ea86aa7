// Package loopback finds ports for servers that only this machine reaches.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"

	"understudy"
)

// Loopback ports are chosen below those that systems give to outgoing connections (from
// 32768 on Linux, 49152 on macOS): one of those could be anybody's by the time that a
// server is started again on it.
const (
	lowestPort  = 20000
	highestPort = 32000
)

// reserved is for how long a port that was found is found by no other Understudy of the
// machine: what it is for may have to be made first, such as a database's directory.
const reserved = 2 * time.Minute

// FreePort finds a loopback port that nobody has now, and that no other call finds for two
// minutes, whichever process of this machine makes it. (Between processes that holds on Linux only.)
func FreePort() (int, error) {
	for range 200 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		free, err := take(port)
		if err != nil {
			return 0, err
		}
		if free {
			return port, nil
		}
	}
	return 0, understudy.Errorf(understudy.KindUnavailable, "no free loopback port was found from %d to %d", lowestPort, highestPort)
}

// take reserves a port, and tells whether it was neither reserved nor listened on.
func take(port int) (bool, error) {
	release, err := reserve(port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	taken, err := Taken(port)
	if err != nil || taken {
		release()
		return false, err
	}
	time.AfterFunc(reserved, release)
	return true, nil
}

// Taken tells whether somebody listens on a loopback port. It tries to, and nothing is left of
// that when it returns: a program that this process starts meanwhile would otherwise have the
// attempt's socket until it is executed, and whoever listens next would be told that somebody does.
func Taken(port int) (bool, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return false, os.NewSyscallError("socket", err)
	}
	defer syscall.Close(socket) //nolint:errcheck // nothing was written
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return false, os.NewSyscallError("setsockopt", err)
	}
	err = syscall.Bind(socket, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	if err == nil {
		err = syscall.Listen(socket, 1)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return true, nil
	}
	return false, os.NewSyscallError("bind", err)
}

// reserve holds a name of the port that only one process of the machine can have: an abstract
// socket, which is of the same network as the port, and ends with its process.
func reserve(port int) (release func(), err error) {
	if runtime.GOOS != "linux" {
		return func() {}, nil
	}
	held, err := net.ListenPacket("unixgram", fmt.Sprintf("@understudy/loopback/%d", port))
	if err != nil {
		return nil, err
	}
	return func() { held.Close() }, nil //nolint:errcheck // nothing was written
}
