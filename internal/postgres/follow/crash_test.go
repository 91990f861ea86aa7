package follow_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"understudy"
	"understudy/internal/postgres/postgrestest"
)

// These share two servers and come one after another: what the others write, and that
// servers die, would be in the way of tests beside them.
func TestFollow_AcrossTwoServers(t *testing.T) {
	t.Parallel()
	from, to := production(t), production(t)
	t.Run("GoesOnFromACopyThatWasLoadedWithoutCare", func(t *testing.T) { loaded(t, from, to) })
	t.Run("DropsItsSlotRatherThanFillProduction", func(t *testing.T) { retains(t, from, to) })
	t.Run("LosesAndRepeatsNothingWhateverIsCut", func(t *testing.T) { cuts(t, from, to) })
	t.Run("GoesOnWhenServersAndProgramsDie", func(t *testing.T) { deaths(t, from, to) })
}

// loaded makes the copy in a server that writes no log and flushes nothing, and is sealed
// afterwards: the position has to survive that as the rows do.
func loaded(t *testing.T, from, to *postgrestest.Server) {
	l := laid(t, from, to, bank)
	database := l.target.Config().Database
	l.target.Close(t.Context())
	if err := to.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := to.StartForLoading(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	stop := l.writers(1)
	l.copied()
	for _, step := range []func(context.Context) error{to.Seal, to.Start} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	l.target = postgrestest.Connected(t, l.spec.Target)
	l.follows()
	l.equal()
	l.halts()
}

func retains(t *testing.T, from, to *postgrestest.Server) {
	l := laid(t, from, to, bank)
	l.spec.MaxRetained = 4 << 20
	l.copied()
	l.follows()
	l.level()
	if err := l.follower.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.runs(`INSERT INTO transfers (amount, note) SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 20000) i`)
	postgrestest.Refused(t, l.gaveUp(), understudy.KindRefused, "rather than fill production's disk", "fresh copy")
	l.slotless()
}

// cutter stands before a server's socket, and cuts every connection through it after so
// many bytes: in the middle of whatever is under way then.
type cutter struct {
	listener net.Listener
	server   string
	mu       sync.Mutex
	left     int // bytes until the cut; negative: none
	open     map[net.Conn]bool
	running  sync.WaitGroup
}

func newCutter(t *testing.T, url string) (c *cutter, through string) {
	t.Helper()
	host := strings.Split(strings.Split(url, "host=")[1], "&")[0]
	folder := strings.ReplaceAll(host, "%2F", "/")
	own := postgrestest.Folder(t)
	listener, err := net.Listen("unix", filepath.Join(own, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	c = &cutter{listener: listener, server: filepath.Join(folder, ".s.PGSQL.5432"), left: -1, open: map[net.Conn]bool{}}
	c.running.Go(c.serve)
	t.Cleanup(func() { listener.Close(); c.cut(); c.running.Wait() })
	return c, strings.Replace(url, host, strings.ReplaceAll(own, "/", "%2F"), 1)
}

func (c *cutter) serve() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", c.server)
		if err != nil {
			client.Close()
			continue
		}
		c.mu.Lock()
		c.open[client], c.open[server] = true, true
		c.mu.Unlock()
		c.running.Go(func() { c.pass(client, server) })
		c.running.Go(func() { c.pass(server, client) })
	}
}

func (c *cutter) pass(from, to net.Conn) {
	_, _ = io.Copy(&counting{c, to}, from)
	from.Close()
	to.Close()
	c.mu.Lock()
	delete(c.open, from)
	c.mu.Unlock()
}

// counting lets through what is left, and then cuts.
type counting struct {
	c  *cutter
	to io.Writer
}

func (w *counting) Write(p []byte) (int, error) {
	w.c.mu.Lock()
	n := len(p)
	ends := w.c.left >= 0 && n >= w.c.left
	if ends {
		n, w.c.left = w.c.left, -1
	} else if w.c.left >= 0 {
		w.c.left -= n
	}
	w.c.mu.Unlock()
	n, err := w.to.Write(p[:n])
	if ends {
		w.c.cut()
		return n, io.ErrClosedPipe
	}
	return n, err
}

func (c *cutter) after(bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = bytes
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		conn.Close()
	}
}

// killed ends a server as a power cut would, and starts it again.
func killed(t *testing.T, server *postgrestest.Server, url string) {
	t.Helper()
	conn := postgrestest.Connected(t, url)
	folder := postgrestest.Answer(t, conn, "SHOW data_directory")
	text, err := os.ReadFile(filepath.Join(folder, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	postgrestest.Until(t, "the server is gone", func() bool {
		alive, err := server.Alive()
		return err == nil && !alive
	})
	if err := server.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func cuts(t *testing.T, from, to *postgrestest.Server) {
	l := laid(t, from, to, bank)
	l.copied()
	direct := l.spec
	source, throughSource := newCutter(t, direct.Source)
	target, throughTarget := newCutter(t, direct.Target)
	l.spec.Source, l.spec.Target = throughSource, throughTarget
	l.follows()
	l.level()
	stop := l.writers(1)
	for i := range 9 { // somewhere in connecting, receiving, applying, committing, confirming
		before := l.follower.Status()
		if i%2 == 0 {
			target.after(1 + i*i*997%9000)
		} else {
			source.after(1 + i*i*1013%20000)
		}
		postgrestest.Until(t, "the cut is noticed", func() bool { return l.follower.Status().Reconnects > before.Reconnects })
		if i%3 == 0 {
			postgrestest.Until(t, "it goes on", func() bool { return l.follower.Status().Changes > before.Changes })
		}
	}
	stop()
	l.spec.Source, l.spec.Target = direct.Source, direct.Target
	l.equal()
	l.halts()
	if s := l.follower.Status(); s.Reconnects < 9 {
		t.Errorf("it was cut 9 times and connected again %d times", s.Reconnects)
	}
}

func deaths(t *testing.T, from, to *postgrestest.Server) {
	l := laid(t, from, to, bank)
	l.copied()
	l.follows()
	for i := range 3 {
		stop := l.writers(1)
		before := l.follower.Status().Changes
		postgrestest.Until(t, "it is in the middle", func() bool { return l.follower.Status().Changes > before+200 })
		switch i {
		case 0:
			killed(t, to, l.spec.Target)
		case 1:
			stop() // a production that dies takes its writers along
			killed(t, from, l.spec.Source)
		case 2: // the program, in whatever it does
			l.stop()
			<-l.ended
			l.follows()
		}
		stop()
		l.source, l.target = postgrestest.Connected(t, l.spec.Source), postgrestest.Connected(t, l.spec.Target)
		l.equal()
	}
	l.halts()
}
