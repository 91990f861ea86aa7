package seal

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"understudy"
)

// dialPatience bounds how long the far end of a forward may take to answer.
const dialPatience = 10 * time.Second

// listen opens the near end of a forward: host:port, or unix:/path with mode 0600. A
// socket file that nobody answers is one that a dead process left: it goes.
func (f Forward) listen() (net.Listener, error) {
	path, isUnix := strings.CutPrefix(f.Listen, "unix:")
	if !isUnix {
		return net.Listen("tcp", f.Listen)
	}
	if len(path) > 103 {
		return nil, understudy.Errorf(understudy.KindInvalid, "publishing on %s: the path of a Unix socket has at most 103 bytes", path).
			WithHint("choose a shorter state directory with --state-dir")
	}
	if conn, err := net.Dial("unix", path); err == nil {
		return nil, errors.Join(understudy.Errorf(understudy.KindConflict, "publishing on %s: somebody answers there already", path), conn.Close())
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	return listener, os.Chmod(path, 0o600)
}

// dial opens the far end.
func (f Forward) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialPatience}
	if path, isUnix := strings.CutPrefix(f.To, "unix:"); isUnix {
		return dialer.DialContext(ctx, "unix", path)
	}
	return dialer.DialContext(ctx, "tcp", f.To)
}

// carry joins a near connection to a new far one until both directions have ended. A
// far end that is not there closes the near one: the program sees a broken connection,
// as it would when a database is down.
func (f Forward) carry(ctx context.Context, near net.Conn) {
	var begun []byte
	if f.Refuses != nil {
		var err error
		if begun, err = startup(near, *f.Refuses); err != nil {
			return // the program was told, or is gone
		}
	}
	far, err := f.dial(ctx)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }() // both directions have ended
	stop := context.AfterFunc(ctx, func() { _, _ = near.Close(), far.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { oneWay(far, near, begun) })
	both.Go(func() { oneWay(near, far, nil) })
	both.Wait()
}

// oneWay copies what was read already, then until the end of what comes, and passes the end
// on. A broken connection breaks the other; but who no longer listens may have said something
// before, which the other direction passes on.
func oneWay(to, from net.Conn, begun []byte) {
	var err error
	if len(begun) > 0 { // writing nothing is an error too where nobody listens
		_, err = to.Write(begun)
	}
	if err == nil {
		_, err = io.Copy(to, from)
	}
	if errors.Is(err, syscall.EPIPE) {
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		err = half.CloseWrite()
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		_, _ = to.Close(), from.Close() // broken already
	}
}
