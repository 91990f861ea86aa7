package seal

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// names answers DNS questions: each name has an address of its own out of 198.18.0.0/15
// (set aside for benchmarks, never routed), so that a connection tells which host was meant.
type names struct {
	ledger *ledger

	mu     sync.Mutex
	next   uint32
	byName map[string]netip.Addr
	byAddr map[netip.Addr]string
}

const (
	firstAddress = 198<<24 | 18<<16
	addresses    = 1<<17 - 256 // the last ones are not given away: ownAddress is there
)

func newNames(l *ledger) *names {
	return &names{ledger: l, next: 1, byName: map[string]netip.Addr{}, byAddr: map[netip.Addr]string{}}
}

// addressOf is the address of a name, the same each time. When there are more names
// than addresses, the oldest name loses its own.
func (n *names) addressOf(name string) netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	if known, found := n.byName[name]; found {
		return known
	}
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], firstAddress+n.next)
	n.next = max(1, (n.next+1)%addresses)
	address := netip.AddrFrom4(raw)
	delete(n.byName, n.byAddr[address])
	n.byName[name], n.byAddr[address] = address, name
	return address
}

// hostOf is the name behind a local address of a connection, else the address itself.
func (n *names) hostOf(local net.Addr) (host string, port int) {
	at, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return local.String(), 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if name, found := n.byAddr[at.Addr().Unmap()]; found {
		return name, int(at.Port())
	}
	return at.Addr().Unmap().String(), int(at.Port())
}

// answer answers one packed question, and notes it.
func (n *names) answer(packed []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(packed)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true},
		Questions: []dnsmessage.Question{question},
	}
	n.fill(&reply, question, name)
	if err := n.ledger.add(Capture{Kind: KindDNS, Host: name, Method: strings.TrimPrefix(question.Type.String(), "Type")}); err != nil {
		return nil, err
	}
	return reply.Pack()
}

func (n *names) fill(reply *dnsmessage.Message, question dnsmessage.Question, name string) {
	record := func(body dnsmessage.ResourceBody) {
		reply.Answers = append(reply.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1}, Body: body})
	}
	loopback := name == "localhost" || strings.HasSuffix(name, ".localhost")
	switch {
	case question.Type == dnsmessage.TypeA && loopback:
		record(&dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}})
	case question.Type == dnsmessage.TypeA:
		record(&dnsmessage.AResource{A: n.addressOf(name).As4()})
	case question.Type == dnsmessage.TypeMX:
		record(&dnsmessage.MXResource{Pref: 10, MX: question.Name})
	case question.Type == dnsmessage.TypePTR:
		if host := n.reverse(name); host != "" {
			record(&dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(host + ".")})
			return
		}
		reply.RCode = dnsmessage.RCodeNameError
	}
}

// reverse is the name behind d.c.b.a.in-addr.arpa, or empty.
func (n *names) reverse(name string) string {
	digits, found := strings.CutSuffix(name, ".in-addr.arpa")
	parts := strings.Split(digits, ".")
	if !found || len(parts) != 4 {
		return ""
	}
	address, err := netip.ParseAddr(parts[3] + "." + parts[2] + "." + parts[1] + "." + parts[0])
	if err != nil {
		return ""
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byAddr[address]
}

// serveUDP4 answers until the socket is closed. The answer leaves from the address the
// question was sent to; a resolver takes no other.
func (n *names) serveUDP4(socket net.PacketConn) error {
	conn := ipv4.NewPacketConn(socket)
	if err := conn.SetControlMessage(ipv4.FlagDst, true); err != nil {
		return err
	}
	buffer := make([]byte, 4096)
	for {
		size, control, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return unlessClosed(err)
		}
		packed, err := n.answer(buffer[:size])
		if err != nil || control == nil { // no question, or the ledger is full: no answer
			continue
		}
		if _, err := conn.WriteTo(packed, &ipv4.ControlMessage{Src: control.Dst}, from); err != nil {
			continue // who asked is gone
		}
	}
}

// serveUDP6 is serveUDP4 for the other family.
func (n *names) serveUDP6(socket net.PacketConn) error {
	conn := ipv6.NewPacketConn(socket)
	if err := conn.SetControlMessage(ipv6.FlagDst, true); err != nil {
		return err
	}
	buffer := make([]byte, 4096)
	for {
		size, control, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return unlessClosed(err)
		}
		packed, err := n.answer(buffer[:size])
		if err != nil || control == nil {
			continue
		}
		if _, err := conn.WriteTo(packed, &ipv6.ControlMessage{Src: control.Dst}, from); err != nil {
			continue
		}
	}
}

// serveTCP answers the questions of one connection.
func (n *names) serveTCP(conn net.Conn) {
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		packed := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, packed); err != nil {
			return
		}
		answer, err := n.answer(packed)
		if err != nil {
			return
		}
		framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)
		if _, err := conn.Write(framed); err != nil {
			return
		}
	}
}

func unlessClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
