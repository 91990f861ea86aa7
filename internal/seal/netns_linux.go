package seal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"understudy"
)

// outsideKey tells a sealed process which network namespace it must not be in.
const outsideKey = "UNDERSTUDY_OUTSIDE_NETNS"

// Supported tells whether this machine lets this user seal: nil, or a KindUnavailable
// error that says what is missing and how to get it. It tries, and leaves nothing.
func Supported() error {
	cmd := exec.Command("/proc/self/understudy-is-not-here")
	if err := Isolate(cmd); err != nil {
		return err
	}
	err := cmd.Start()
	if errors.Is(err, fs.ErrNotExist) { // the namespace was made, and only then the program not found
		return restricted()
	}
	if err == nil {
		return errors.Join(errors.New("a program that cannot exist was started"), cmd.Wait())
	}
	return understudy.Errorf(understudy.KindUnavailable, "sealing: this machine does not let user %d make a network namespace: %v", os.Getuid(), err).
		WithHint("%s", howToAllow())
}

// restricted knows the one case in which a namespace can be made and not be used.
func restricted() error {
	raw, err := os.ReadFile("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
	if os.Geteuid() == 0 || err != nil || strings.TrimSpace(string(raw)) != "1" {
		return nil
	}
	return understudy.Errorf(understudy.KindUnavailable, "sealing: AppArmor takes the rights away from user namespaces of ordinary users on this machine").
		WithHint("run `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` as root, or run the daemon as root")
}

func howToAllow() string {
	if os.Geteuid() == 0 {
		return "root lacks CAP_SYS_ADMIN here, as in most containers; run the daemon outside of the container, or give it that capability"
	}
	return "as root run `sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000`, or run the daemon as root"
}

// Isolate changes a command so that it starts in a network namespace of its own: made
// by root directly, by anybody else within a user namespace in which they stay who they
// are, so that files keep working, and have just the rights that Enter needs. It keeps
// what SysProcAttr holds already.
func Isolate(cmd *exec.Cmd) error {
	outside, err := networkNamespace()
	if err != nil {
		return err
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, outsideKey+"="+outside)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	attr := cmd.SysProcAttr
	attr.Cloneflags |= unix.CLONE_NEWNET
	if os.Geteuid() == 0 {
		return nil
	}
	attr.Cloneflags |= unix.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	attr.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE}
	return nil
}

func networkNamespace() (string, error) {
	name, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return "", understudy.Errorf(understudy.KindUnavailable, "sealing: this kernel does not show network namespaces: %w", err)
	}
	return name, nil
}

// Enter closes the seal around this process: it must have been started by a command
// that Isolate changed, and nothing may run inside yet. It makes every address local
// and opens all that Spec names. Ctx bounds the opening alone; Close ends the seal.
func Enter(ctx context.Context, spec Spec) (*Inside, error) {
	if err := spec.validate(); err != nil {
		return nil, err
	}
	if err := isolated(); err != nil {
		return nil, err
	}
	if err := makeLocal(); err != nil {
		return nil, err
	}
	return open(ctx, spec)
}

// isolated refuses to go on where the machine's own network would be changed.
func isolated() error {
	now, err := networkNamespace()
	if err != nil {
		return err
	}
	outside := os.Getenv(outsideKey)
	if outside == "" || outside == now {
		return understudy.Errorf(understudy.KindInternal, "sealing: this process was not started in a network namespace of its own")
	}
	for _, leak := range interfaces(context.Background()) {
		return understudy.Errorf(understudy.KindInternal, "sealing: the network namespace has a way out, interface %s", leak.To)
	}
	return nil
}

// makeLocal brings the loopback interface up and makes it the place of every address.
func makeLocal() error {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "sealing: finding the loopback interface: %w", err)
	}
	if err := bringUp("lo"); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "sealing: bringing the loopback interface up: %w", err).WithHint("%s", howToAllow())
	}
	if err := addLocalRoute(unix.AF_INET, lo.Index); err != nil {
		return understudy.Errorf(understudy.KindUnavailable, "sealing: making every IPv4 address local: %w", err)
	}
	err = addLocalRoute(unix.AF_INET6, lo.Index)
	if err != nil && !hasNoIPv6() {
		return understudy.Errorf(understudy.KindUnavailable, "sealing: making every IPv6 address local: %w", err)
	}
	return nil
}

func hasNoIPv6() bool {
	raw, err := os.ReadFile("/proc/sys/net/ipv6/conf/all/disable_ipv6")
	return err != nil || strings.TrimSpace(string(raw)) == "1"
}

// ownAddress is an ordinary IPv4 address for the loopback interface. Without one the C
// library believes that there is no IPv4 and does not look names up (AI_ADDRCONFIG).
const ownAddress = "198.19.255.254"

func bringUp(name string) error {
	return errors.Join(
		changeInterface(name, unix.SIOCSIFFLAGS, func(fd int, request *unix.Ifreq) error {
			if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request); err != nil {
				return err
			}
			request.SetUint16(request.Uint16() | unix.IFF_UP)
			return nil
		}),
		changeInterface(name+":1", unix.SIOCSIFADDR, func(_ int, request *unix.Ifreq) error {
			return request.SetInet4Addr(net.ParseIP(ownAddress).To4())
		}),
		changeInterface(name+":1", unix.SIOCSIFNETMASK, func(_ int, request *unix.Ifreq) error {
			return request.SetInet4Addr(net.IPv4bcast.To4())
		}))
}

// changeInterface fills a request for an interface and makes it.
func changeInterface(name string, what uint, fill func(fd int, request *unix.Ifreq) error) (err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := fill(fd, request); err != nil {
		return err
	}
	return unix.IoctlIfreq(fd, what, request)
}

// addLocalRoute is `ip route add local default dev <index>`: a netlink header, a
// route message, and the attribute that names the interface.
func addLocalRoute(family byte, index int) (err error) {
	scope := byte(unix.RT_SCOPE_HOST)
	if family == unix.AF_INET6 {
		scope = unix.RT_SCOPE_UNIVERSE
	}
	order := binary.NativeEndian
	const size = unix.SizeofNlMsghdr + unix.SizeofRtMsg + unix.SizeofRtAttr + 4
	message := order.AppendUint32(nil, size)
	message = order.AppendUint16(message, unix.RTM_NEWROUTE)
	message = order.AppendUint16(message, unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	message = append(message, 1, 0, 0, 0, 0, 0, 0, 0) // sequence number, port: the kernel's own
	message = append(message, family, 0, 0, 0, unix.RT_TABLE_LOCAL, unix.RTPROT_BOOT, scope, unix.RTN_LOCAL, 0, 0, 0, 0)
	message = order.AppendUint16(message, unix.SizeofRtAttr+4)
	message = order.AppendUint16(message, unix.RTA_OIF)
	message = order.AppendUint32(message, uint32(index))

	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	if err := unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	return acknowledged(answer[:n])
}

// answerFromAnyAddress lets a socket send from an address that no interface has. IPv4
// asks for nothing, since the local route is enough.
func answerFromAnyAddress(_, _ string, socket syscall.RawConn) error {
	var refused error
	err := socket.Control(func(fd uintptr) {
		refused = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
	})
	return errors.Join(err, refused)
}

func acknowledged(answer []byte) error {
	if len(answer) < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("the kernel's answer of %d bytes is no acknowledgement", len(answer))
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}
