package runtimetest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Act makes a copy of the test binary play a program: when the first argument is
// "act", it does what the second one names and never returns. Call it first in TestMain.
func Act() {
	if len(os.Args) < 3 || os.Args[1] != "act" {
		return
	}
	scene, found := map[string]func(args []string) int{
		"serve":      serve,
		"deaf":       deaf,
		"ill":        ill,
		"exit":       exit,
		"crash-once": crashOnce,
		"fork":       fork,
		"parent":     parent,
		"talk":       talk,
		"env":        env,
		"who":        who,
		"copy":       copyInput,
		"idle":       func([]string) int { return idle() },
	}[os.Args[2]]
	if !found {
		fmt.Fprintln(os.Stderr, "no scene", os.Args[2])
		os.Exit(99)
	}
	os.Exit(scene(os.Args[3:]))
}

// serve answers 200 on $PORT until SIGTERM.
func serve([]string) int { return listen(http.StatusOK) }

// ill answers 503 on $PORT until SIGTERM.
func ill([]string) int { return listen(http.StatusServiceUnavailable) }

func listen(status int) int {
	fmt.Println("serving as", os.Getpid())
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })}
	go func() {
		if err := server.ListenAndServe(); err != http.ErrServerClosed {
			fmt.Println(err)
			os.Exit(1)
		}
	}()
	<-ended
	fmt.Println("ending politely")
	return 0
}

// deaf ignores SIGTERM.
func deaf([]string) int {
	signal.Ignore(syscall.SIGTERM)
	fmt.Println("deaf")
	return idle()
}

func idle() int {
	for {
		time.Sleep(time.Hour) // until it is killed
	}
}

// exit says why and exits with the status given.
func exit(args []string) int {
	fmt.Println("cannot start: the password is", os.Getenv("DB_PASSWORD"))
	status, err := strconv.Atoi(args[0])
	if err != nil {
		return 98
	}
	return status
}

// crashOnce serves; its first life ends when it is asked for /crash.
func crashOnce(args []string) int {
	if _, err := os.Stat(args[0]); err == nil {
		return listen(http.StatusOK)
	}
	if err := os.WriteFile(args[0], nil, 0o600); err != nil {
		return 97
	}
	http.HandleFunc("/crash", func(http.ResponseWriter, *http.Request) { os.Exit(7) })
	http.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	fmt.Println(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
	return 96
}

// fork starts a copy that idles in a session of its own, as a classic daemon does, and
// exits. The copy's number goes to the file given.
func fork(args []string) int {
	if err := startIdle(args[0], true); err != nil {
		fmt.Println(err)
		return 95
	}
	return 0
}

// parent starts one copy in its own session and one in another, and idles.
func parent(args []string) int {
	for n, apart := range []bool{false, true} {
		if err := startIdle(args[0]+strconv.Itoa(n), apart); err != nil {
			fmt.Println(err)
			return 95
		}
	}
	return idle()
}

func startIdle(pidFile string, apart bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "act", "deaf")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: apart}
	if err := cmd.Start(); err != nil {
		return err
	}
	temporary := pidFile + ".new"
	if err := os.WriteFile(temporary, []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, pidFile)
}

// talk writes a line whenever somebody connects to $PORT, to both streams in turn.
func talk([]string) int {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		return 94
	}
	for n := 1; ; n++ {
		conn, err := listener.Accept()
		if err != nil {
			return 93
		}
		to := io.Writer(os.Stdout)
		if n%2 == 0 {
			to = os.Stderr
		}
		fmt.Fprintf(to, "line %d\n", n)
		if err := conn.Close(); err != nil {
			return 92
		}
	}
}

// env writes its environment, sorted as it came, and exits with 3.
func env([]string) int {
	fmt.Println(strings.Join(os.Environ(), "\n"))
	return 3
}

// who writes its user and group numbers.
func who([]string) int {
	fmt.Printf("%d:%d\n", os.Getuid(), os.Getgid())
	return 0
}

// copyInput copies its input to its output and says how much on the other stream.
func copyInput([]string) int {
	n, err := io.Copy(os.Stdout, os.Stdin)
	if err != nil {
		return 91
	}
	fmt.Fprintf(os.Stderr, "%d bytes", n)
	return 0
}
