package loopback_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"understudy/internal/loopback"
)

// each is how many ports a process of the test takes. Without reservations, twice as many
// would meet in all but one of three million runs, as there are 12,000.
const each = 300

const asks = "UNDERSTUDY_TEST_ASKS_FOR_PORTS"

func TestMain(m *testing.M) {
	if os.Getenv(asks) == "" {
		os.Exit(m.Run())
	}
	for range each {
		port, err := loopback.FreePort()
		fmt.Println(port, err)
	}
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

func TestFreePort_FindsNoPortTwice(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	other := exec.CommandContext(t.Context(), os.Args[0])
	other.Env = append(os.Environ(), asks+"=1")
	held, err := other.StdinPipe()
	check(t, err)
	said, err := other.StdoutPipe()
	check(t, err)
	check(t, other.Start())
	for lines := bufio.NewScanner(said); len(seen) < each && lines.Scan(); {
		var port int
		var problem string
		_, err := fmt.Sscan(lines.Text(), &port, &problem)
		if check(t, err); problem != "<nil>" || seen[port] {
			t.Fatalf("the other process found %s, with %d found before", lines.Text(), len(seen))
		}
		seen[port] = true
	}
	for range each {
		port, err := loopback.FreePort()
		if check(t, err); seen[port] {
			t.Fatalf("port %d was found twice", port)
		}
		seen[port] = true
	}
	check(t, held.Close())
	check(t, other.Wait())
	if len(seen) != 2*each {
		t.Errorf("%d ports were found, want %d", len(seen), 2*each)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
