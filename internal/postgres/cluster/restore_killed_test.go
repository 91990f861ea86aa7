package cluster_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/postgrestest"
)

// stages, in the environment, makes this program read a safety copy, until it is killed.
const stages = "CLUSTER_TEST_STAGES"

// reading is which copy it reads.
type reading struct {
	Spec                  cluster.Spec
	Path, Database, Aside string
}

func TestMain(m *testing.M) {
	order := os.Getenv(stages)
	if order == "" {
		os.Exit(m.Run())
	}
	var r reading
	err := json.Unmarshal([]byte(order), &r)
	fmt.Println("begins")
	if err == nil {
		err = cluster.New(r.Spec).Stage(context.Background(), r.Path, r.Database, r.Aside)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestStage_WaitsForTheServerToEndWhatAKilledProcessBegan(t *testing.T) {
	spec := postgrestest.Spec(postgrestest.Folder(t), 0)
	server := postgrestest.Started(t, spec)
	if _, err := server.EnsureDatabase(t.Context(), "shop", "", nil); err != nil {
		t.Fatal(err)
	}
	r := reading{Spec: spec, Path: copyOf(t, server, "shop"), Database: "shop", Aside: cluster.Aside("shop", "p1")}
	for after := 10 * time.Millisecond; after < 250*time.Millisecond; after += 20 * time.Millisecond {
		killed(t, r, after)
		if err := server.Stage(t.Context(), r.Path, r.Database, r.Aside); err != nil {
			t.Fatalf("after a process that was killed %s after it began: %v", after, err)
		}
		if err := server.Unstage(t.Context(), r.Aside); err != nil {
			t.Fatal(err)
		}
	}
}

// killed reads a copy in a process of its own, and kills it after a while.
func killed(t *testing.T, r reading, after time.Duration) {
	t.Helper()
	order, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), stages+"="+string(order))
	said, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(said).ReadString('\n'); err != nil {
		t.Error(err)
	}
	timer := time.AfterFunc(after, func() { _ = process.Process.Kill() })
	defer timer.Stop()
	_ = process.Wait() // it was killed, or was done before
}
