package seal

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"time"

	"understudy"
)

// What the first message of a session of PostgreSQL asks for, where a version of the protocol stands else.
const (
	asksCancel = 80877102
	asksTLS    = 80877103
	asksGSS    = 80877104
)

const (
	longestStartup  = 10000 // bytes; the server takes no longer one either
	startupPatience = time.Minute
)

// startup reads how a session of PostgreSQL begins, which is passed on where nobody wants to sign
// in as one of the roles that are refused; there the program is told so. The socket behind a forward
// knows the machine's user, and trusts whoever comes through it.
func startup(near net.Conn, refused []string) ([]byte, error) {
	if err := near.SetReadDeadline(time.Now().Add(startupPatience)); err != nil {
		return nil, err
	}
	for {
		message := make([]byte, 8)
		if _, err := io.ReadFull(near, message); err != nil {
			return nil, err
		}
		length, asks := binary.BigEndian.Uint32(message), binary.BigEndian.Uint32(message[4:])
		if length == 8 && (asks == asksTLS || asks == asksGSS) {
			if _, err := near.Write([]byte("N")); err != nil { // as a socket of the file system answers
				return nil, err
			}
			continue
		}
		if length < 8 || length > longestStartup || asks != asksCancel && asks>>16 != 3 {
			return nil, understudy.Errorf(understudy.KindInvalid, "this is no session of PostgreSQL")
		}
		message = append(message, make([]byte, length-8)...)
		if _, err := io.ReadFull(near, message[8:]); err != nil {
			return nil, err
		}
		if asks != asksCancel && slices.ContainsFunc(rolesIn(message[8:]), func(role string) bool { return slices.Contains(refused, role) }) {
			_, err := near.Write(fatal("28000", "nobody signs in as the server's own superuser on a twin"))
			return nil, understudy.Errorf(understudy.KindRefused, "a program wants to sign in as the server's own superuser: %v", err)
		}
		return message, near.SetReadDeadline(time.Time{})
	}
}

// rolesIn are all roles that a startup names; the server takes the last.
func rolesIn(parameters []byte) (roles []string) {
	for {
		name, rest, _ := bytes.Cut(parameters, []byte{0})
		value, rest, found := bytes.Cut(rest, []byte{0})
		if len(name) == 0 || !found {
			return roles
		}
		if string(name) == "user" {
			roles = append(roles, string(value))
		}
		parameters = rest
	}
}

// fatal is an error as the server says it.
func fatal(code, text string) []byte {
	fields := "SFATAL\x00VFATAL\x00C" + code + "\x00M" + text + "\x00\x00"
	return append(binary.BigEndian.AppendUint32([]byte("E"), uint32(len(fields)+4)), fields...)
}
