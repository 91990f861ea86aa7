package daemon

import (
	"context"
	"net"
	"os/user"
	"strconv"
)

// peerKey is where a request's context has the user at the other end of the socket.
type peerKey struct{}

// withPeer notes who is at the other end of a connection, as the system knows it. Where it
// does not, nobody is noted.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	socket, is := conn.(*net.UnixConn)
	if !is {
		return ctx
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return ctx
	}
	var uid int
	var asked error
	if err := raw.Control(func(fd uintptr) { uid, asked = peerOf(int(fd)) }); err != nil || asked != nil {
		return ctx
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
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(uid)
}
