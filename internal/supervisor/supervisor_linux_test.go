package supervisor_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"understudy"
	"understudy/internal/runtime/process"
	"understudy/internal/seal"
	"understudy/internal/supervisor"
)

func TestMain(m *testing.M) {
	var err error
	switch append(os.Args, "")[1] {
	case "supervise":
		err = supervisor.Run(context.Background(), os.Stdin)
	case "probe":
		err = supervisor.Probe(context.Background(), os.Stdout)
	case "shop":
		err = shop()
	case "flag":
		err = askFlag(os.Args[2], append(os.Args, "")[3])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// shop charges, mails and asks its database for each request.
func shop() error {
	http.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/order", func(w http.ResponseWriter, _ *http.Request) {
		answer, err := http.Post("https://api.pay.example/charge", "application/json", strings.NewReader(`{}`))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		paid, err := io.ReadAll(answer.Body)
		if err == nil {
			err = smtp.SendMail("smtp.mail.example:2525", nil, "shop@shop.example", []string{"ann@customer.example"}, []byte("Subject: order\r\n\r\nhello\r\n"))
		}
		if err != nil && !strings.Contains(err.Error(), "certificate") {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		conn, err := net.Dial("tcp", "127.0.0.1:5432")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		stored, err := io.ReadAll(conn)
		fmt.Fprintf(w, "%s %s %v %d", paid, stored, err, os.Getuid())
	})
	return http.ListenAndServe("127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8080"), nil)
}

// database answers each connection to a Unix socket outside.
func database(t *testing.T, path string) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "stored")
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
}

func sealed(t *testing.T) (*process.Runtime, process.Spec, string) {
	t.Helper()
	if err := seal.Supported(); err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("/tmp", "us")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join(folder, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "shop"), binary, 0o755); err != nil {
		t.Fatal(err)
	}
	database(t, filepath.Join(folder, "db"))
	captures := filepath.Join(folder, "captures.jsonl")
	raw, err := json.Marshal(seal.Spec{
		Forwards: []seal.Forward{{Listen: "127.0.0.1:5432", To: "unix:" + filepath.Join(folder, "db")}},
		Captures: captures, CA: filepath.Join(folder, "ca"),
		Integrations: []understudy.Integration{{Name: "payments", Kind: "http", Answers: []understudy.Answer{{Status: 200, Body: "paid"}}}},
		Addresses:    map[string]string{"payments": "https://api.pay.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "65534"
	}
	r := &process.Runtime{Run: filepath.Join(folder, "run"), LogDir: filepath.Join(folder, "logs"), Supervisor: []string{"/usr/bin/env", "GORACE=atexit_sleep_ms=0", os.Args[0], "supervise"}, Isolate: seal.Isolate}
	spec := process.Spec{ID: "staging", Tree: tree, Seal: raw, Artifact: understudy.Artifact{Files: []understudy.ArtifactFile{
		{Path: "shop", Digest: understudy.DigestOf(binary), Size: int64(len(binary)), Executable: true}}},
		Programs: []process.Program{{Name: "web", Command: []string{"shop", "shop"}, Port: 8080, Publish: true, User: user,
			Env: []string{"GORACE=atexit_sleep_ms=0"}, Health: understudy.Health{Path: "/health", Interval: 20 * time.Millisecond}}}}
	t.Cleanup(func() {
		if err := r.Stop(context.Background(), spec.ID); err != nil {
			t.Error(err)
		}
	})
	return r, spec, captures
}

func TestSealedDeployment_IsReachedFromOutsideAndReachesNobody(t *testing.T) {
	r, spec, captures := sealed(t)
	if err := r.Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if err := r.Ready(t.Context(), spec.ID); err != nil {
		t.Fatal(err)
	}
	status, err := r.Status(t.Context(), spec.ID)
	if err != nil || !status.Sealed {
		t.Fatalf("found %+v, %v", status, err)
	}
	path, is := strings.CutPrefix(status.Programs[0].Address, "unix:")
	if !is {
		t.Fatalf("found %+v", status.Programs[0])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	answer, err := client.Get("http://web/order")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	uid := os.Getuid()
	if uid == 0 {
		uid = 65534
	}
	if want := fmt.Sprintf("paid stored <nil> %d", uid); err != nil || string(body) != want {
		t.Errorf("found %q, %v, expected %q", body, err, want)
	}
	caught, err := seal.Read(captures, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, c := range caught {
		kinds[c.Kind]++
	}
	if kinds[seal.KindHTTP] != 1 || kinds[seal.KindDNS] == 0 {
		t.Errorf("captured %v", kinds)
	}
	if err := r.Stop(t.Context(), spec.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the published socket is still there: %v", err)
	}
}

func TestSealedDeployment_HasInstancesThatAreEachReachedFromOutside(t *testing.T) {
	r, spec, _ := sealed(t)
	first := spec.Programs[0]
	first.Service = "web"
	second := first
	second.Name, second.Port, second.Env = "web.2", 20000, append([]string{"PORT=20000"}, first.Env...)
	spec.Programs = []process.Program{first, second}
	if err := r.Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if err := r.Ready(t.Context(), spec.ID); err != nil {
		t.Fatal(err)
	}
	status, err := r.Status(t.Context(), spec.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range status.Programs {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(program.Address, "unix:"))
		}}}
		answer, err := client.Get("http://web/health")
		if err != nil || answer.StatusCode != http.StatusOK || answer.Body.Close() != nil {
			t.Errorf("%s at %s: %v, %v", program.Name, program.Address, answer, err)
		}
	}
	if a, b := status.Programs[0], status.Programs[1]; a.Address == b.Address || a.PID == b.PID {
		t.Errorf("two instances are %+v and %+v", a, b)
	}
}

func TestProbe_RunsInsideASealedDeploymentAndFindsNoLeak(t *testing.T) {
	r, spec, _ := sealed(t)
	if err := r.Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	var out, complaint bytes.Buffer
	status, err := r.Exec(t.Context(), spec.ID, process.Command{Args: []string{"shop", "probe"}}, nil, &out, &complaint)
	if err != nil || status != 0 || out.String() != "[]\n" {
		t.Errorf("found %d, %q, %q, %v", status, out.String(), complaint.String(), err)
	}
}

func TestSealedDeployment_ThatCannotBeSealedIsNotStarted(t *testing.T) {
	r, spec, _ := sealed(t)
	spec.Seal = json.RawMessage(`{"captures":"relative"}`)
	if err := r.Start(t.Context(), spec); understudy.KindOf(err) != understudy.KindInvalid {
		t.Fatalf("found %v", err)
	}
	if ids, err := r.List(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("found %v, %v", ids, err)
	}
}
