package daemon

import (
	"context"
	"net"
	"os/user"
	"strconv"
)

// peerKey is where a request's context has the user at the other end of the socket.
type peerKey struct{}

// unknown is the user of a peer that the system does not name: nobody's word is taken for it.
const unknown = -1

// withPeer notes who is at the other end of a connection, as the system knows it. Of one that
// is no Unix socket, nobody is noted.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	socket, is := conn.(*net.UnixConn)
	if !is {
		return ctx
	}
	uid := unknown
	raw, err := socket.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			if found, err := peerOf(int(fd)); err == nil {
				uid = found
			}
		})
	}
	if err != nil {
		uid = unknown
	}
	return context.WithValue(ctx, peerKey{}, uid)
}

// actor is who acts in a request: the user at the other end of the socket. Who is root there
// can be anybody, so that what root says is taken: under sudo, who called it.
func (d *Daemon) actor(ctx context.Context, claimed string) string {
	uid, known := ctx.Value(peerKey{}).(int)
	if !known || uid == 0 {
		return claimed
	}
	if uid == unknown {
		return "an unknown user"
	}
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(uid)
}
