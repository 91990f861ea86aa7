package router

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"understudy"
)

// heir is what a new copy was handed. A nil heir is a router that starts by itself: its
// methods do nothing.
type heir struct {
	conn    *net.UnixConn
	lock    *os.File
	control net.Listener
	fronts  map[string]net.Listener
	replied bool
	alone   chan struct{} // closed when the old copy has ended
	watched chan struct{}
}

// inherit takes what an old copy hands over; nil where there is none.
func inherit() (*heir, error) {
	number, found := os.LookupEnv(inheritVariable)
	if !found {
		return nil, nil
	}
	if err := os.Unsetenv(inheritVariable); err != nil {
		return nil, fmt.Errorf("taking over: %w", err)
	}
	fd, err := strconv.Atoi(number)
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "taking over: %s is the number of a descriptor, found %q", inheritVariable, number)
	}
	file := os.NewFile(uintptr(fd), "hand-over")
	conn, err := net.FileConn(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("taking over: %w", err)
	}
	h := &heir{conn: conn.(*net.UnixConn), fronts: map[string]net.Listener{}, alone: make(chan struct{}), watched: make(chan struct{})}
	if err := h.receive(); err != nil {
		return nil, errors.Join(fmt.Errorf("taking over: %w", err), conn.Close())
	}
	return h, nil
}

func (h *heir) receive() error {
	if err := h.conn.SetReadDeadline(time.Now().Add(readyWithin)); err != nil {
		return err
	}
	text, rights := make([]byte, parcelLimit), make([]byte, unix.CmsgSpace(4*(descriptorLimit+2)))
	n, m, _, _, err := h.conn.ReadMsgUnix(text, rights)
	if err != nil {
		return err
	}
	files, err := descriptors(rights[:m])
	if err != nil {
		return err
	}
	var p parcel
	if err := json.Unmarshal(text[:n], &p); err != nil {
		return err
	}
	if len(files) != 2+len(p.Fronts) {
		return fmt.Errorf("expected %d descriptors, found %d", 2+len(p.Fronts), len(files))
	}
	h.lock = files[0]
	if h.control, err = listenerOf(files[1]); err != nil {
		return err
	}
	for i, name := range p.Fronts {
		if h.fronts[name], err = listenerOf(files[2+i]); err != nil {
			return err
		}
	}
	return h.conn.SetReadDeadline(time.Time{})
}

func descriptors(rights []byte) ([]*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, err
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "inherited"))
		}
	}
	return files, nil
}

func listenerOf(file *os.File) (net.Listener, error) {
	listener, err := net.FileListener(file)
	if u, ok := listener.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return listener, errors.Join(err, file.Close())
}

func (h *heir) listeners() map[string]net.Listener {
	if h == nil {
		return nil
	}
	return h.fronts
}

// ready tells the old copy to stop accepting, and begins to watch for its end. An old
// copy that has died meanwhile need not be told: all it had is here.
func (h *heir) ready() {
	if h == nil {
		return
	}
	h.replied = true
	_ = json.NewEncoder(h.conn).Encode(reply{Ready: true})
	go func() {
		defer close(h.watched)
		_, _ = h.conn.Read(make([]byte, 1)) // nothing is sent: it returns at the old copy's end, or ours
		close(h.alone)
	}()
}

// fail tells the old copy why this one gave up, unless it was ready before.
func (h *heir) fail(err error) {
	if h == nil || h.replied || err == nil {
		return
	}
	_ = json.NewEncoder(h.conn).Encode(reply{Error: err.Error()}) // the old copy sees the closing otherwise
}

// close ends the watching.
func (h *heir) close() {
	if h == nil {
		return
	}
	_ = h.conn.Close() // nothing is written any more
	if h.replied {
		<-h.watched
	}
}
