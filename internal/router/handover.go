package router

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"understudy"
)

// The hand-over. The old copy starts a new one with one end of a socket pair and sends
// over it: the lock, the control listener, and the listener of every front, which stay
// open all the time. The new copy restores the same state, serves on them, and answers
// that it is ready; only then does the old one stop accepting. It finishes what it has,
// and the closing of the socket pair by its end tells the new copy that it is alone.
//
//	old   freeze changes ─ start ─ send ────────────── wait ─ stop accepting ─ drain ─ end
//	new                      └───── receive ─ serve ─ ready                             └ alone
//
// No change is possible between the freezing and the new copy's readiness, so both have
// the same table while both accept.

const (
	inheritVariable = "UNDERSTUDY_ROUTER_INHERIT" // number of the socket pair's descriptor
	readyWithin     = 30 * time.Second
	parcelLimit     = 64 << 10
	descriptorLimit = 250 // the kernel passes no more in one message
)

// parcel says which descriptors come with it: the lock, the control listener, and one
// for each front, and for its second port, in this order.
type parcel struct {
	Fronts []string `json:"fronts"`
}

// reply is the new copy's answer.
type reply struct {
	Ready bool   `json:"ready"`
	Error string `json:"error,omitempty"`
}

// upgrade starts a copy of this router, by its own program or another, and hands everything over to it.
func (r *router) upgrade(ctx context.Context, program string) error {
	select { // one hand-over at a time
	case <-r.predecessor:
	case <-ctx.Done():
		return understudy.Errorf(understudy.KindConflict, "upgrading the router: the copy before it is still ending").
			WithHint("try again in a moment")
	}
	if err := r.begin(); err != nil {
		return err
	}
	defer r.change.Unlock()
	if err := r.state().canHandOver(); err != nil {
		return err
	}
	// Whoever asked may go away meanwhile, but a copy that serves already is not to be killed for that.
	if err := r.handOver(context.WithoutCancel(ctx), program); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "upgrading the router, which goes on as it is: %w", err)
	}
	r.moved.Store(true)
	close(r.handedOver)
	return nil
}

// canHandOver is the rule: requests that wait for Resume, and drains that are watched
// over here, would not be known to the new copy.
func (s State) canHandOver() error {
	for _, f := range s.Fronts {
		if !f.PausedUntil.IsZero() {
			return understudy.Errorf(understudy.KindConflict, "upgrading the router: front %s is paused, and its waiting requests would be lost", f.Name).
				WithHint("resume it first")
		}
		for _, slot := range f.Slots {
			if slot.Draining {
				return understudy.Errorf(understudy.KindConflict, "upgrading the router: deployment %s is draining", slot.Deployment).
					WithHint("try again when the drain has ended")
			}
		}
	}
	return nil
}

func (r *router) handOver(ctx context.Context, program string) error {
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	conn, err := net.FileConn(ours)
	if err = errors.Join(err, ours.Close()); err != nil {
		return errors.Join(err, theirs.Close())
	}
	child, err := r.startCopy(ctx, program, theirs)
	if err = errors.Join(err, theirs.Close()); err != nil {
		return errors.Join(err, conn.Close())
	}
	err = r.sendParcel(conn.(*net.UnixConn))
	if err == nil {
		err = awaitReply(conn)
	}
	if err != nil {
		_ = child.Process.Kill() // one that has ended already needs no killing
		_ = child.Wait()         // its end is no news
		return errors.Join(err, conn.Close())
	}
	// The connection stays open until this process ends: its closing says so.
	r.lifeline = conn
	return child.Process.Release()
}

// startCopy starts the new copy, which is to live longer than the call and this process.
func (r *router) startCopy(ctx context.Context, program string, theirs *os.File) (*exec.Cmd, error) {
	command := slices.Clone(r.config.Command)
	if program != "" {
		command[0] = program
	}
	child := exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...)
	child.Env = append(os.Environ(), inheritVariable+"=3")
	child.ExtraFiles = []*os.File{theirs}
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", command[0], err)
	}
	return child, nil
}

// sendParcel passes the descriptors as a message. They are not inherited as files are,
// because that would make the listeners blocking for both copies.
func (r *router) sendParcel(conn *net.UnixConn) error {
	var p parcel
	sources := []syscall.Conn{r.lock, r.control.(syscall.Conn)}
	for _, f := range r.all() {
		f.mu.Lock()
		if f.listener != nil {
			p.Fronts = append(p.Fronts, f.record.Name)
			sources = append(sources, f.listener.(syscall.Conn))
		}
		if f.redirects != nil {
			p.Fronts = append(p.Fronts, redirectOf(f.record.Name))
			sources = append(sources, f.redirects.(syscall.Conn))
		}
		f.mu.Unlock()
	}
	if len(sources) > descriptorLimit {
		return understudy.Errorf(understudy.KindInvalid, "at most %d listeners can be handed over, found %d", descriptorLimit, len(sources))
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return withDescriptors(sources, nil, func(fds []int) error {
		_, _, err := conn.WriteMsgUnix(append(raw, '\n'), unix.UnixRights(fds...), nil)
		return err
	})
}

// withDescriptors calls do while every source is kept from being closed.
func withDescriptors(sources []syscall.Conn, fds []int, do func([]int) error) error {
	if len(sources) == 0 {
		return do(fds)
	}
	raw, err := sources[0].SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) { inner = withDescriptors(sources[1:], append(fds, int(fd)), do) })
	return errors.Join(err, inner)
}

func awaitReply(conn net.Conn) error {
	if err := conn.SetReadDeadline(time.Now().Add(readyWithin)); err != nil {
		return err
	}
	var answer reply
	if err := json.NewDecoder(bufio.NewReader(conn)).Decode(&answer); err != nil {
		return fmt.Errorf("the new copy ended or did not become ready within %s: %w", readyWithin, err)
	}
	if !answer.Ready {
		return fmt.Errorf("the new copy gave up: %s", answer.Error)
	}
	return nil
}

// socketPair makes two connected sockets that no other child inherits.
func socketPair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	unix.CloseOnExec(pair[0])
	unix.CloseOnExec(pair[1])
	return os.NewFile(uintptr(pair[0]), "hand-over"), os.NewFile(uintptr(pair[1]), "hand-over"), nil
}
