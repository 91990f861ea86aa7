package seal

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
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

// startup reads how a session of PostgreSQL begins, which is passed on unless it is refused; the
// program is told so then. The socket behind a forward knows the machine's user, and trusts whoever
// comes through it.
func startup(near net.Conn, refused Refused) ([]byte, error) {
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
		if code, why := refused.objects(message[8:]); asks != asksCancel && why != "" {
			_, err := near.Write(fatal(code, why))
			return nil, understudy.Errorf(understudy.KindRefused, "a program was refused: %s: %v", why, err)
		}
		return message, near.SetReadDeadline(time.Time{})
	}
}

// objects says why a session that begins with these parameters is refused, with the code that the
// server would give it; empty if it is not. Of a parameter that is given twice the server takes the
// last, so each has to do. Who names no database means the one named like the role.
func (r Refused) objects(parameters []byte) (code, why string) {
	for {
		name, rest, _ := bytes.Cut(parameters, []byte{0})
		value, rest, found := bytes.Cut(rest, []byte{0})
		if len(name) == 0 || !found {
			return "", ""
		}
		isRole := string(name) == "user"
		if isRole && slices.Contains(r.Roles, string(value)) {
			return "28000", "nobody signs in as the server's own superuser on a twin"
		}
		closed := func(part string) bool { return strings.Contains(string(value), part) }
		if (isRole || string(name) == "database") && slices.ContainsFunc(r.Databases, closed) {
			return "42501", "nobody connects to a golden copy of a twin but understudy itself"
		}
		parameters = rest
	}
}

// fatal is an error as the server says it.
func fatal(code, text string) []byte {
	fields := "SFATAL\x00VFATAL\x00C" + code + "\x00M" + text + "\x00\x00"
	return append(binary.BigEndian.AppendUint32([]byte("E"), uint32(len(fields)+4)), fields...)
}
