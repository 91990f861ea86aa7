package postgres

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestTool_EndsWithAllThatItHasStarted(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	script := "#!/bin/sh\nsleep 600 &\necho started\nwait\n"
	syscall.ForkLock.RLock() // a program that is started meanwhile would have it open for a moment, so that it could not be executed
	err := os.WriteFile(filepath.Join(bin, "forking"), []byte(script), 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	said, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ran := make(chan error, 1)
	go func() {
		defer out.Close()
		ran <- Tool{Bin: bin, Name: "forking", URL: "postgres://reader@localhost/shop"}.Run(ctx, nil, out)
	}()
	if err := said.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(said)
	if _, err := from.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ran; !errors.Is(err, context.Canceled) {
		t.Errorf("the run ended with %v, expected that it was cancelled", err)
	}
	if _, err := io.Copy(io.Discard, from); err != nil { // ends when nobody can write any more
		t.Errorf("what the program has started goes on: %v", err)
	}
}
