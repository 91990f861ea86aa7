package daemon_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/postgres/cluster"
)

// goldenCopies are the databases of snapshots on the twin's server.
func (h *house) goldenCopies(t *testing.T) []string {
	t.Helper()
	all, err := h.twinServer().Databases(limited(t))
	check(t, err)
	return slices.DeleteFunc(all, func(name string) bool { return !strings.Contains(name, "golden") })
}

func (h *house) twinServer() *cluster.Cluster {
	return cluster.New(cluster.Spec{
		Dir: h.state.Below("databases", "staging"), SocketDir: h.state.ServerSocket("staging"), Log: h.state.Below("databases", "staging.log"),
	})
}

// confines holds the twin's server to it that its roles cannot be given what runs programs beside it.
func (h *house) confines(t *testing.T) {
	t.Helper()
	conn, err := h.twinServer().Connect(limited(t), "postgres")
	check(t, err)
	defer conn.Close(limited(t))
	var confined bool
	check(t, conn.QueryRow(limited(t), `SELECT rolsuper FROM pg_roles WHERE rolname = 'pg_execute_server_program'`).Scan(&confined))
	if !confined {
		t.Error("a role of the twin that makes roles could run programs beside its server")
	}
	for _, database := range h.goldenCopies(t) {
		if all := h.answer(t, "staging", database, `SELECT p.proacl::text FROM pg_proc p WHERE p.proname = 'lo_export'`); strings.Contains(all, "{=X") || strings.Contains(all, ",=X") {
			t.Errorf("as in production everybody may have the twin's server write files, in %s: %s", database, all)
		}
	}
}

func TestReset_StopsAtAPersonalColumnWithoutARuleAndKeepsTheLastSnapshot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	h.write(t, "mask.yaml", strings.Replace(masks, "  public.accounts.email: email\n", "", 1))
	_, err := h.reset(t)
	refused(t, err, understudy.KindRefused, "public.accounts.email")
	if h.snapshot(t) != nil || len(h.goldenCopies(t)) > 0 {
		t.Errorf("there is snapshot %v in %v after a refusal", h.snapshot(t), h.goldenCopies(t))
	}

	h.write(t, "mask.yaml", masks)
	h.asAdmin(t, "production", `GRANT EXECUTE ON FUNCTION pg_catalog.lo_export(oid, text) TO PUBLIC`)
	taken, err := h.reset(t)
	check(t, err)
	h.confines(t)
	h.hasParity(t)
	h.sql(t, `ALTER TABLE accounts ADD COLUMN phone text`, `UPDATE accounts SET phone = '+49 30 2312' || id`)
	_, err = h.reset(t)
	refused(t, err, understudy.KindRefused, "public.accounts.phone")
	if strings.Contains(fmt.Sprint(err), "+49 30") {
		t.Errorf("the refusal tells a value: %v", err)
	}
	h.hasParity(t, "column main public.accounts.phone")
	if now := h.snapshot(t); now == nil || now.ID != taken.ID || !slices.Equal(h.goldenCopies(t), []string{"main_golden_" + taken.ID}) {
		t.Errorf("the last snapshot %s became %v, in %v", taken.ID, now, h.goldenCopies(t))
	}
}

func TestReset_WithAFullDiskLeavesTheLastSnapshotAndNothingHalf(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	taken, err := h.reset(t)
	check(t, err)
	h.write(t, "mask.yaml", masks+"  public.blobs.data: keep\n")
	h.sql(t, `CREATE TABLE blobs (id int PRIMARY KEY, data text)`, `ALTER TABLE blobs ALTER data SET STORAGE EXTERNAL`,
		`INSERT INTO blobs SELECT n, repeat('x', 1000000) FROM generate_series(1, 24) n`)
	lift := h.limitFiles(t, "17825792") // above a segment of the log: it is the tables that find no room
	_, err = h.reset(t)
	lift()
	if err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("copying more than the disk takes answered %v", err)
	}
	if now := h.snapshot(t); now == nil || now.ID != taken.ID || !slices.Equal(h.goldenCopies(t), []string{"main_golden_" + taken.ID}) {
		t.Errorf("the last snapshot %s became %v, in %v", taken.ID, now, h.goldenCopies(t))
	}
	if again, err := h.reset(t); err != nil || again.ID == taken.ID {
		t.Errorf("with room again: %v", err)
	}
}

// limitFiles makes the server of the twin's next copy find no room for files beyond a
// size, from its start, however often that is, until it is lifted.
func (h *house) limitFiles(t *testing.T, size string) (lift func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		limited := 0
		for ctx.Err() == nil {
			if pid := h.nextServer(); pid != 0 && pid != limited && limitFiles(pid, size) == nil {
				limited = pid
			}
			<-tick.C
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// nextServer is the process of the server that the twin's next copy is made in, or 0.
func (h *house) nextServer() int {
	raw, err := os.ReadFile(h.state.Below("databases.next", "staging", "postmaster.pid"))
	if err != nil {
		return 0
	}
	var pid int
	if _, err := fmt.Sscan(string(raw), &pid); err != nil { // half written
		return 0
	}
	return pid
}

func limitFiles(pid int, size string) error {
	info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	limit := exec.Command("prlimit", "--pid", fmt.Sprint(pid), "--fsize="+size+":")
	if os.Getuid() == 0 { // its own user may do it everywhere
		limit.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	return limit.Run()
}

// outside listens where production's integrations are, and counts who calls.
func outside(t *testing.T, address string) *atomic.Int32 {
	t.Helper()
	calls := &atomic.Int32{}
	l, err := net.Listen("tcp", address)
	check(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "charged") }),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				calls.Add(1)
			}
		}}
	ended := make(chan struct{})
	go func() { _ = server.Serve(l); close(ended) }()
	t.Cleanup(func() { _ = server.Close(); <-ended })
	return calls
}

func TestTwin_WhatItSendsIsCaughtAndArrivesNowhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open(t)
	h.up(t)
	payments, mail := outside(t, h.payments), outside(t, h.mail)
	began := time.Now()
	_, err := h.Up(limited(t), api.Up{Environment: "staging", By: "dev"}, silent)
	check(t, err)
	client := &http.Client{Timeout: time.Minute}
	status, said := post(t, client, "http://"+h.staging+"/buy")
	if status != http.StatusOK || said != "caught" {
		t.Errorf("buying on staging answered %d %q, expected what the catcher says", status, said)
	}
	if payments.Load() != 0 || mail.Load() != 0 {
		t.Errorf("staging reached the payment provider %d times, the mail relay %d times", payments.Load(), mail.Load())
	}
	caught, err := h.Captures(limited(t), "staging", began)
	check(t, err)
	isCharge := func(c api.Capture) bool {
		return c.Kind == "http" && c.Integration == "payments" && c.Method == "POST" && c.Path == "/charge" && strings.Contains(c.Body, "4200")
	}
	isMail := func(c api.Capture) bool {
		return c.Kind == "smtp" && slices.Contains(c.To, "buyer@example.org") && c.Subject == "your order"
	}
	if !slices.ContainsFunc(caught, isCharge) || !slices.ContainsFunc(caught, isMail) {
		t.Errorf("the charge and the mail are not both among what was caught: %+v", caught)
	}
	var answer bytes.Buffer
	asSuperuser := []string{"sh", "-c", `DATABASE_URL="postgres://postgres@127.0.0.1:5432/main?sslmode=disable" bin/app sql "COPY (SELECT 1) TO PROGRAM 'true'"`}
	ended, err := h.Exec(limited(t), api.Exec{Environment: "staging", Command: asSuperuser}, strings.NewReader(""), &answer, &answer)
	if check(t, err); ended == 0 || !strings.Contains(answer.String(), "nobody signs in as the server's own superuser") {
		t.Errorf("as the server's superuser a program of staging ends with status %d: %s", ended, answer.String())
	}
	answer.Reset()
	toGolden := []string{"sh", "-c", fmt.Sprintf(`DATABASE_URL="$(echo "$DATABASE_URL" | sed 's#/main#/main_golden_%s#')" bin/app sql "DELETE FROM accounts"`, h.snapshot(t).ID)}
	ended, err = h.Exec(limited(t), api.Exec{Environment: "staging", Command: toGolden}, strings.NewReader(""), &answer, &answer)
	if check(t, err); ended == 0 || !strings.Contains(answer.String(), "nobody connects to a golden copy") {
		t.Errorf("a program of staging that connects to the golden copy ends with status %d: %s", ended, answer.String())
	}
	post(t, client, "http://"+h.production+"/buy")
	if payments.Load() == 0 || mail.Load() == 0 {
		t.Errorf("production reached the payment provider %d times, the mail relay %d times: the listeners prove nothing", payments.Load(), mail.Load())
	}
}

func post(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	defer client.CloseIdleConnections()
	response, err := client.Post(url, "text/plain", nil)
	if err != nil {
		return 0, err.Error()
	}
	body := make([]byte, 1000)
	n, _ := response.Body.Read(body) // its beginning is enough
	check(t, response.Body.Close())
	return response.StatusCode, string(body[:n])
}
