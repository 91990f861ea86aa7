//go:build !linux

package seal

import (
	"context"
	"os/exec"
	"runtime"
	"syscall"

	"understudy"
)

func unsupported() error {
	return understudy.Errorf(understudy.KindUnavailable, "sealing needs the network namespaces of Linux; this is %s", runtime.GOOS).
		WithHint("run staging on a Linux machine, or in a Linux virtual machine on this one")
}

// Supported tells that this system cannot seal.
func Supported() error { return unsupported() }

// Isolate refuses: this system has no network namespaces.
func Isolate(*exec.Cmd) error { return unsupported() }

// Enter refuses: this system has no network namespaces.
func Enter(context.Context, Spec) (*Inside, error) { return nil, unsupported() }

func answerFromAnyAddress(_, _ string, _ syscall.RawConn) error { return nil }
