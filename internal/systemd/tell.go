package systemd

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// Ready tells systemd, where it started this service, that it answers, and that this process
// is the main one. Everywhere else it does nothing. keep leaves the way to tell it to what
// this process starts: a copy of itself that takes over.
func Ready(keep bool) error {
	const variable = "NOTIFY_SOCKET"
	address := os.Getenv(variable)
	if address == "" {
		return nil
	}
	if !keep {
		if err := os.Unsetenv(variable); err != nil {
			return fmt.Errorf("telling systemd that the service is ready: %w", err)
		}
	}
	if name, abstract := strings.CutPrefix(address, "@"); abstract {
		address = "\x00" + name
	}
	conn, err := net.Dial("unixgram", address)
	if err != nil {
		return fmt.Errorf("telling systemd that the service is ready: %w", err)
	}
	_, err = fmt.Fprintf(conn, "READY=1\nMAINPID=%d\n", os.Getpid())
	if closed := conn.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("telling systemd that the service is ready: %w", err)
	}
	return nil
}
