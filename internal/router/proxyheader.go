package router

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// The PROXY protocol, as its specification has it (haproxy, proxy-protocol.txt): what a
// balancer says of the client before the first byte of the connection itself.

const (
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n" // of version 2
	proxyLineLimit = 107                      // of version 1, with its line's end
	proxyRestLimit = 2048                     // of version 2, addresses and extensions
)

var errNoProxyHeader = errors.New("a peer that begins with a PROXY header did not")

// readProxyHeader reads one header and not a byte more. The client is invalid where the
// balancer speaks for itself, as in its own checks.
func readProxyHeader(in *bufio.Reader) (client netip.AddrPort, err error) {
	first, err := in.Peek(1)
	if err != nil {
		return client, err
	}
	switch first[0] {
	case proxySignature[0]:
		return readProxyBinary(in)
	case 'P':
		return readProxyLine(in)
	}
	return client, errNoProxyHeader
}

func readProxyLine(in *bufio.Reader) (client netip.AddrPort, err error) {
	var line []byte
	for len(line) < proxyLineLimit {
		b, err := in.ReadByte()
		if err != nil {
			return client, err
		}
		if line = append(line, b); b == '\n' {
			return parseProxyLine(string(line))
		}
		if !strings.HasPrefix("PROXY ", string(line[:min(len(line), 6)])) {
			return client, errNoProxyHeader
		}
	}
	return client, fmt.Errorf("a PROXY line has at most %d bytes", proxyLineLimit)
}

func parseProxyLine(line string) (client netip.AddrPort, err error) {
	text, whole := strings.CutSuffix(line, "\r\n")
	words := strings.Split(text, " ")
	if !whole || len(words) < 2 || words[0] != "PROXY" {
		return client, errNoProxyHeader
	}
	if words[1] == "UNKNOWN" {
		return client, nil
	}
	if len(words) != 6 {
		return client, fmt.Errorf("a PROXY line has 6 words, found %d", len(words))
	}
	for i, at := range []int{3, 2} { // the client's last, to be returned
		address, err := netip.ParseAddr(words[at])
		if err != nil || address.Zone() != "" || words[1] != family(address) {
			return client, fmt.Errorf("a PROXY line of %s has an address that is none", words[1])
		}
		port, err := strconv.ParseUint(words[5-i], 10, 16)
		if err != nil {
			return client, errors.New("a PROXY line has a port that is none")
		}
		client = netip.AddrPortFrom(address.Unmap(), uint16(port))
	}
	return client, nil
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "TCP4"
	}
	return "TCP6"
}

// The parts of version 2: its version and command, its families with how long their
// addresses are.
const (
	proxyLocal, proxyFor = 0x20, 0x21
	proxyTCP4, proxyTCP6 = 0x11, 0x21
	tcp4Size, tcp6Size   = 12, 36
)

func readProxyBinary(in *bufio.Reader) (client netip.AddrPort, err error) {
	var head [16]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return client, err
	}
	length := int(binary.BigEndian.Uint16(head[14:]))
	switch {
	case string(head[:12]) != proxySignature:
		return client, errNoProxyHeader
	case head[12] != proxyLocal && head[12] != proxyFor:
		return client, fmt.Errorf("a PROXY header of version 2 has command %#x", head[12])
	case length > proxyRestLimit:
		return client, fmt.Errorf("a PROXY header of %d bytes, at most %d are read", length, proxyRestLimit)
	}
	rest := make([]byte, length)
	if _, err := io.ReadFull(in, rest); err != nil || head[12] == proxyLocal {
		return client, err
	}
	switch {
	case head[13] == proxyTCP4 && length >= tcp4Size:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(rest)), binary.BigEndian.Uint16(rest[8:])), nil
	case head[13] == proxyTCP6 && length >= tcp6Size:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(rest)).Unmap(), binary.BigEndian.Uint16(rest[32:])), nil
	case head[13] == proxyTCP4, head[13] == proxyTCP6:
		return client, fmt.Errorf("a PROXY header whose %d bytes hold no addresses", length)
	}
	return client, nil // another family: nothing is known of the client
}
