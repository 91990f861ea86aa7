package seal

import (
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// begins is the first message of a session with parameters, name and value by turns.
func begins(version uint32, parameters ...string) string {
	body := strings.Join(parameters, "\x00") + "\x00\x00"
	if len(parameters) == 0 {
		body = ""
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)+8))
	return string(binary.BigEndian.AppendUint32(head, version)) + body
}

// joined are the two ends of a connection.
func joined(t *testing.T) (near, program net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if program, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, program
}

func TestForward_LetsNobodySignInAsARoleThatIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	server, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	const version = 3 << 16
	refused := &Refused{Roles: []string{"postgres"}, Databases: []string{"_golden_"}}
	for _, c := range []struct{ claim, says, hears string }{
		{"another role is passed on with all that it says", begins(version, "user", "notes", "database", "postgres") + "more", "as it was said"},
		{"a newer version of the protocol", begins(version|2, "user", "notes"), "as it was said"},
		{"encryption is asked for before", begins(asksGSS) + begins(asksTLS) + begins(version, "user", "notes"), "NNas it was said"},
		{"a statement is to be ended", begins(asksCancel, "key"), "as it was said"},
		{"a role that is refused", begins(version, "user", "postgres", "database", "shop"), "FATAL\x00C28000\x00M"},
		{"one that is named last", begins(version, "user", "notes", "options", "", "user", "postgres"), "FATAL\x00C28000\x00M"},
		{"one after encryption was asked for", begins(asksTLS) + begins(version, "user", "postgres"), "FATAL\x00C28000\x00M"},
		{"a database that is refused", begins(version, "user", "notes", "database", "main_golden_1"), "FATAL\x00C42501\x00M"},
		{"one that is named last", begins(version, "database", "main", "user", "notes", "database", "main_golden_1"), "FATAL\x00C42501\x00M"},
		{"one that is named like the role", begins(version, "user", "main_golden_1"), "FATAL\x00C42501\x00M"},
		{"one beside it", begins(version, "user", "notes", "database", "main_gold") + "more", "as it was said"},
		{"another protocol", begins(2<<16, "postgres"), ""},
		{"what is no session", strings.Repeat("GET / HTTP/1.1\r\n", 3), ""},
	} {
		near, program := joined(t)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			Forward{To: "unix:" + path, Refuses: refused}.carry(t.Context(), near)
			_ = near.Close()
		}()
		passed := make(chan string, 1)
		if strings.HasSuffix(c.hears, "as it was said") {
			go func() {
				conn, err := server.Accept()
				if err != nil {
					passed <- err.Error()
					return
				}
				defer conn.Close()
				read := make([]byte, len(strings.TrimPrefix(strings.TrimPrefix(c.says, begins(asksGSS)), begins(asksTLS))))
				_, err = io.ReadFull(conn, read)
				passed <- string(read)
				if err == nil {
					_, _ = conn.Write([]byte("as it was said"))
				}
			}()
		} else {
			passed <- ""
		}
		if _, err := program.Write([]byte(c.says)); err != nil {
			t.Fatal(err)
		}
		heard, err := io.ReadAll(program)
		if c.hears == "" && len(heard) > 0 || c.hears != "" && err != nil || !strings.Contains(string(heard), c.hears) { // who is not heard to the end is cut off
			t.Errorf("%s: the program hears %q, %v", c.claim, heard, err)
		}
		if got := <-passed; got != "" && !strings.HasSuffix(c.says, got) {
			t.Errorf("%s: the server hears %q of %q", c.claim, got, c.says)
		}
		_ = program.Close()
		<-ended
	}
}

func TestForward_PassesOnWhatWasSaidByOneThatDoesNotListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	server, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("too many clients already"))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = server.Close() })
	for _, refuses := range []*Refused{nil, {Roles: []string{"postgres"}}} {
		for range 300 {
			near, program := joined(t)
			if _, err := program.Write([]byte(begins(3<<16, "user", "notes"))); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				Forward{To: "unix:" + path, Refuses: refuses}.carry(t.Context(), near)
				_ = near.Close()
			}()
			heard := make([]byte, 100)
			n, err := io.ReadAtLeast(program, heard, len("too many clients already"))
			if err != nil {
				t.Fatalf("refusing %+v: the program hears %q, %v", refuses, heard[:n], err)
			}
			_ = program.Close()
			<-ended
		}
	}
}
