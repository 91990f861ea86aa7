package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"understudy/internal/featureflag"
)

// roleVariable makes this program one of the servers.
const roleVariable = "BENCH_FLAGS_ROLE"

// The servers that are compared.
const (
	ours     = "Understudy"
	constant = "a handler that answers a constant"
)

// token is what requests bear; both servers are asked in the same way.
const token = "bench"

// play serves on a port that it chooses and says, until it is told to end.
func play(role string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	if role == ours {
		set, err := definition(100)
		if err != nil {
			return err
		}
		return featureflag.Serve(ctx, listener, featureflag.NewHandler(featureflag.NewLive(set), token, &featureflag.Reads{}))
	}
	answer := []byte(`{"key":"flag-7","reason":"TARGETING_MATCH","value":true,"variant":"on"}`)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // what a client sent is not of interest
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) // a client that went away needs no answer
	})}
	go func() {
		<-ctx.Done()
		_ = server.Close() // its end is no news
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// definition has flags with a rule each, as a service has them: a rollout to a share of
// those who are in a plan.
func definition(flags int) (*featureflag.Set, error) {
	all := map[string]any{}
	for i := range flags {
		all[fmt.Sprint("flag-", i)] = json.RawMessage(rolloutFlag)
	}
	raw, err := json.Marshal(map[string]any{"flags": all})
	if err != nil {
		return nil, err
	}
	return featureflag.Parse(raw)
}

const rolloutFlag = `{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":` + rolloutRule + `}`

const rolloutRule = `{"if":[{"in":[{"var":"plan"},["pro","team"]]},{"fractional":[{"cat":[{"var":"$flagd.flagKey"},{"var":"targetingKey"}]},["on",90],["off",10]]},null]}`

// server is one of them, running.
type server struct {
	role    string
	cmd     *exec.Cmd
	address string
}

func start(ctx context.Context, role string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startBeside(cmd); err != nil {
		return nil, err
	}
	s := &server{role: role, cmd: cmd}
	_, err = fmt.Fscanln(said, &s.address)
	return s, err
}

// startBeside starts a program on other cores than the client's.
func startBeside(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	free, err := besides(clientCore())
	if err != nil {
		return err
	}
	defer free()
	return cmd.Start()
}

func (s *server) end() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_ = s.cmd.Wait() // how it ended is no news: it was told to
	return nil
}

// processor is the time that it has used, user and system.
func (s *server) processor() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("the process's stat is not as expected")
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100, nil // the kernel's USER_HZ
}
