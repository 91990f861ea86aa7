package router

import (
	"bufio"
	"encoding/binary"
	"io"
	"strings"
	"testing"
)

// binaryHeader is a PROXY header of version 2.
func binaryHeader(command, family byte, length int, rest string) string {
	head := append([]byte(proxySignature), command, family, 0, 0)
	binary.BigEndian.PutUint16(head[14:], uint16(length))
	return string(head) + rest
}

const (
	fourAddresses = "\x0a\x01\x02\x03\x7f\x00\x00\x01\x12\x34\x00\x50"
	sixAddresses  = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\x12\x34\x00\x50"
)

func TestReadProxyHeader_ReadsWhatTheSpecificationSaysAndLeavesTheRest(t *testing.T) {
	for header, want := range map[string]string{
		"PROXY TCP4 10.1.2.3 127.0.0.1 4660 80\r\n":                "10.1.2.3:4660",
		"PROXY TCP6 2001:db8::1 2001:db8::2 4660 80\r\n":           "[2001:db8::1]:4660",
		"PROXY UNKNOWN\r\n":                                        "invalid AddrPort",
		"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n":                    "invalid AddrPort",
		binaryHeader(0x21, 0x11, 12, fourAddresses):                "10.1.2.3:4660",
		binaryHeader(0x21, 0x21, 36, sixAddresses):                 "[2001:db8::1]:4660",
		binaryHeader(0x21, 0x11, 15, fourAddresses+"\x04\x00\x00"): "10.1.2.3:4660",
		binaryHeader(0x20, 0x00, 0, ""):                            "invalid AddrPort",
		binaryHeader(0x21, 0x31, 216, strings.Repeat("\x00", 216)): "invalid AddrPort",
		binaryHeader(0x21, 0x00, 3, "\x04\x00\x00"):                "invalid AddrPort",
	} {
		in := bufio.NewReader(strings.NewReader(header + "GET / HTTP/1.1\r\n"))
		client, err := readProxyHeader(in)
		if err != nil || client.String() != want {
			t.Errorf("%q: %s, %v; expected %s", header, client, err, want)
		}
		if rest, err := io.ReadAll(in); string(rest) != "GET / HTTP/1.1\r\n" {
			t.Errorf("%q: left was %q, %v", header, rest, err)
		}
	}
}

func TestReadProxyHeader_RefusesWhatIsNone(t *testing.T) {
	for _, header := range []string{
		"", "G", "GET / HTTP/1.1\r\n", "PROXY", "PROXX TCP4", "PROXY \r\n", "PROXY TCP4 10.1.2.3 127.0.0.1 4660 80\n", "PROXY TCP4\r\n",
		"PROXY TCP4 2001:db8::1 127.0.0.1 1 2\r\n", "PROXY TCP6 10.1.2.3 ::1 1 2\r\n", "PROXY TCP4 10.1.2.3 127.0.0.1 99999 80\r\n",
		"PROXY TCP4 10.1.2.3 127.0.0.1 -1 80\r\n", "PROXY TCP4 10.1.2 127.0.0.1 1 80\r\n", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
		"PROXY UDP4 10.1.2.3 127.0.0.1 1 2\r\n", "PROXY TCP4 " + strings.Repeat("1", 200) + "\r\n", "\r\n\r\n\x00\r\nQUIX\n\x21\x11\x00\x0c" + fourAddresses,
		binaryHeader(0x11, 0x11, 12, fourAddresses), binaryHeader(0x22, 0x11, 12, fourAddresses), binaryHeader(0x21, 0x11, 11, fourAddresses[:11]),
		binaryHeader(0x21, 0x21, 12, fourAddresses), binaryHeader(0x21, 0x11, 4000, strings.Repeat("a", 4000)), binaryHeader(0x21, 0x11, 12, "short"),
		binaryHeader(0x21, 0x11, 65535, strings.Repeat("a", 70000)),
	} {
		if client, err := readProxyHeader(bufio.NewReader(strings.NewReader(header))); err == nil {
			t.Errorf("%q was taken, of %s", header, client)
		}
	}
}

func FuzzReadProxyHeader(f *testing.F) {
	f.Add("PROXY TCP4 10.1.2.3 127.0.0.1 4660 80\r\n")
	f.Add(binaryHeader(0x21, 0x11, 12, fourAddresses))
	f.Fuzz(func(t *testing.T, text string) {
		in := bufio.NewReader(strings.NewReader(text))
		if client, err := readProxyHeader(in); err == nil && client.IsValid() && client.Addr().Zone() != "" {
			t.Errorf("%q gives %s", text, client)
		}
	})
}
