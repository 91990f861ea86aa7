package process

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"

	"understudy"
)

// silence is the error for a supervisor that is not there, or went while it was asked.
type silence struct{ cause error }

func (s silence) Error() string { return "its supervisor does not answer: " + s.cause.Error() }
func (s silence) Unwrap() error { return s.cause }

func isSilence(err error) bool {
	var s silence
	return errors.As(err, &s)
}

func (r *Runtime) dial(ctx context.Context, id string) (net.Conn, error) {
	path, release, err := socketAt(filepath.Join(r.folder(id), "control.sock"))
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	return conn, errors.Join(err, release())
}

// ask sends one request to a supervisor. Its own error comes back as it was; a
// supervisor that is not there is a silence.
func (r *Runtime) ask(ctx context.Context, id, method, path string, status *Status) error {
	a, err := r.answerTo(ctx, id, method, path)
	if err == nil && status != nil && a.Status != nil {
		*status = *a.Status
	}
	return err
}

func (r *Runtime) answerTo(ctx context.Context, id, method, path string) (answer, error) {
	return r.exchange(ctx, id, method, path, nil)
}

func (r *Runtime) exchange(ctx context.Context, id, method, path string, body []byte) (answer, error) {
	transport := &http.Transport{DisableKeepAlives: true, Proxy: nil,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return r.dial(ctx, id) }}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return answer{}, silence{err}
	}
	var a answer
	err = json.NewDecoder(response.Body).Decode(&a)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return answer{}, silence{err}
	}
	if a.Error != nil {
		return a, a.Error
	}
	return a, nil
}

// askRunning asks, and says plainly when nothing is there to ask.
func (r *Runtime) askRunning(ctx context.Context, id, path string, status *Status) error {
	if err := checkID(id); err != nil {
		return err
	}
	err := r.ask(ctx, id, "GET", path, status)
	if !isSilence(err) {
		return err
	}
	return r.explainSilence(ctx, id, err)
}

func (r *Runtime) explainSilence(ctx context.Context, id string, cause error) error {
	if ctx.Err() != nil {
		return understudy.Errorf(understudy.KindUnavailable, "waiting for deployment %s: %w", id, ctx.Err())
	}
	living, err := r.running(id)
	switch {
	case err != nil:
		return err
	case living:
		return understudy.Errorf(understudy.KindUnavailable, "deployment %s: %w", id, cause)
	default:
		return understudy.Errorf(understudy.KindNotFound, "deployment %s does not run", id)
	}
}

// Ready waits until every program of a deployment is healthy. A program that exits,
// forks away or stays unhealthy past its deadline ends the wait with a KindFailed error
// that names it, says what it did, and ends with its last lines, secrets redacted.
func (r *Runtime) Ready(ctx context.Context, id string) error {
	return r.askRunning(ctx, id, "/ready", nil)
}

// Status tells what a deployment's programs do now; KindNotFound when it is gone.
func (r *Runtime) Status(ctx context.Context, id string) (Status, error) {
	var status Status
	return status, r.askRunning(ctx, id, "/status", &status)
}

// Exec runs a command inside a deployment: in its namespaces, below its supervisor. It
// returns the command's exit status, 128 and the signal's number where one ended it.
// What the command left running in its session is ended with it. When ctx ends, the
// whole session is killed and the error says so. A nil stdin is an empty one; a read
// of stdin may stay pending until it returns by itself.
func (r *Runtime) Exec(ctx context.Context, id string, command Command, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	if err := checkID(id); err != nil {
		return 0, err
	}
	if len(command.Args) == 0 {
		return 0, understudy.Errorf(understudy.KindInvalid, "running a command in deployment %s: there is none", id)
	}
	conn, err := r.dial(ctx, id)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return 0, understudy.Errorf(understudy.KindNotFound, "deployment %s does not run", id)
		}
		return 0, r.explainSilence(ctx, id, err)
	}
	defer func() { _ = conn.Close() }() // the last frame was read, or the error is told
	from, err := upgrade(conn, command)
	if err != nil {
		return 0, err
	}
	s := &execStream{id: id, frames: &frameWriter{w: conn}, from: from, stdout: stdout, stderr: stderr, more: make(chan struct{}, 1)}
	return s.run(ctx, conn, stdin)
}

// upgrade sends the command and turns the connection into a stream of frames.
func upgrade(conn net.Conn, command Command) (*bufio.Reader, error) {
	body, err := json.Marshal(command)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodPost, "http://supervisor/exec", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", execProtocol)
	if err := request.Write(conn); err != nil {
		return nil, silence{err}
	}
	from := bufio.NewReader(conn)
	response, err := http.ReadResponse(from, request)
	if err != nil {
		return nil, silence{err}
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return from, nil
	}
	var a answer
	err = errors.Join(json.NewDecoder(response.Body).Decode(&a), response.Body.Close())
	if err == nil && a.Error != nil {
		return nil, a.Error
	}
	return nil, silence{errors.Join(err, errors.New(response.Status))}
}
