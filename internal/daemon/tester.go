package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"understudy"
	"understudy/internal/config"
	"understudy/internal/migration"
	"understudy/internal/rehearsal"
	"understudy/internal/runtime/process"
	"understudy/internal/testreport"
)

// defaultTestTimeout ends a test command that hangs.
const defaultTestTimeout = 5 * time.Minute

// reportSize is how much of a test's output is kept: reports may stand in it.
const reportSize = 16 << 20

// Test runs one of the team's test commands beside a part: in its seal, with the
// configuration of the first service that the router sends requests to, and with BASE_URL.
func (s *stage) Test(ctx context.Context, part rehearsal.Part, test understudy.Test) (rehearsal.Tested, error) {
	o := order{id: s.deploymentID(part), env: s.env, release: s.release(part), databases: s.physical(rehearsal.Work), read: config.Reader(ctx)}
	scratch, err := s.scratch()
	if err != nil {
		return rehearsal.Tested{}, err
	}
	defer func() { _ = os.RemoveAll(scratch) }() // what matters of it is kept as evidence
	env, secrets, err := s.testEnv(ctx, o, test, scratch)
	if err != nil {
		return rehearsal.Tested{}, err
	}
	limit := test.Timeout
	if limit == 0 {
		limit = defaultTestTimeout
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out := migration.Tail{Size: reportSize}
	began := time.Now()
	status, err := s.d.runtime.Exec(bounded, o.id, process.Command{Args: test.Command, Env: env, User: userFor(s.env, understudy.Service{})}, strings.NewReader(""), &out, &out)
	tested := rehearsal.Tested{Took: time.Since(began)}
	if bounded.Err() != nil && ctx.Err() == nil {
		status, err = -1, nil
		tested.Failed = append(tested.Failed, fmt.Sprintf("it did not end within %s", limit))
	}
	if err != nil {
		return tested, err
	}
	return s.readTest(test, scratch, status, redact(out.String(), secrets), secrets, tested)
}

func (s *stage) scratch() (string, error) {
	dir, err := os.MkdirTemp(s.d.options.State.Below("scratch"), "test-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o777) // the tests may run as another user; nothing secret lies here
}

// testEnv is what a test command finds in its environment, with the secrets among it.
func (s *stage) testEnv(ctx context.Context, o order, test understudy.Test, scratch string) (env, secrets []string, err error) {
	name, base := "", ""
	for _, service := range o.release.Application.Services {
		if service.Route != "" && base == "" {
			name, base = service.Name, fmt.Sprintf("http://127.0.0.1:%d", service.Port)
		}
	}
	_, environ, err := s.d.serviceEnviron(ctx, o, name)
	if err != nil {
		return nil, nil, err
	}
	env = append(environ.List, "BASE_URL="+base, "TMPDIR="+scratch)
	if test.Report != "" && test.Report != "go" && test.Report != "tap" {
		env = append(env, "REPORT="+filepath.Join(scratch, filepath.Base(test.Report)))
	}
	for key, value := range test.Env {
		env = append(env, key+"="+value)
	}
	secrets = environ.Secrets
	if o.release.Application.Flags != nil { // the supervisor hands it over
		token, err := s.d.flagToken(o.env.Name)
		if err != nil {
			return nil, nil, err
		}
		secrets = append(slices.Clone(secrets), token)
	}
	return env, secrets, nil
}

// readTest puts exit status, report and output together. A report without a case proves
// nothing, so it does not pass.
func (s *stage) readTest(test understudy.Test, scratch string, status int, output string, secrets []string, tested rehearsal.Tested) (rehearsal.Tested, error) {
	kept, err := s.d.evidence.Put("test-"+test.Name+".txt", strings.NewReader(output))
	if err != nil {
		return tested, err
	}
	tested.Evidence = append(tested.Evidence, kept)
	report, err := readReport(test, scratch, output)
	if err != nil {
		tested.Failed = append(tested.Failed, redact(err.Error(), secrets))
	}
	tested.Ran = report.Ran
	for _, failed := range report.Failed { // the report is the test's own, and may hold what it was given
		tested.Failed = append(tested.Failed, redact(failed, secrets))
	}
	if test.Report != "" && report.Ran == 0 && err == nil {
		tested.Failed = append(tested.Failed, "its report holds no case that was run")
	}
	if status != 0 && len(tested.Failed) == 0 {
		tested.Failed = append(tested.Failed, fmt.Sprintf("exit status %d", status))
	}
	tested.Passed = status == 0 && len(tested.Failed) == 0
	return tested, nil
}

func readReport(test understudy.Test, scratch, output string) (testreport.Report, error) {
	switch test.Report {
	case "":
		return testreport.Report{}, nil
	case "go":
		return testreport.Go(strings.NewReader(output))
	case "tap":
		return testreport.TAP(strings.NewReader(output))
	}
	raw, err := readOwn(filepath.Join(scratch, filepath.Base(test.Report)))
	if errors.Is(err, fs.ErrNotExist) {
		return testreport.Report{}, understudy.Errorf(understudy.KindFailed, "it wrote no report").
			WithHint("the command writes its JUnit XML to the file that $REPORT names")
	}
	if err != nil {
		return testreport.Report{}, err
	}
	return testreport.JUnit(bytes.NewReader(raw))
}

// readOwn reads a file that a test wrote. The test owns the folder, and may have put there
// a link to a file of ours, a pipe that never ends, or more than fits: those are no report.
func readOwn(path string) (raw []byte, err error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, understudy.Errorf(understudy.KindFailed, "its report is a link, and no file")
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, understudy.Errorf(understudy.KindFailed, "its report is no file")
	case info.Size() > reportSize:
		return nil, understudy.Errorf(understudy.KindFailed, "its report has %d bytes, and up to %d are read", info.Size(), reportSize)
	}
	return io.ReadAll(io.LimitReader(file, reportSize))
}
