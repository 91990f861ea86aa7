package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy"
)

func TestDiagnose_KnowsWhyAServerDidNotStart(t *testing.T) {
	c := New(Spec{Dir: "/nowhere/data", SocketDir: "/nowhere/s"})
	for said, want := range map[string]string{
		`FATAL:  could not write to file "pg_wal/xlogtemp.42": No space left on device`: "the disk is full",
		`LOG:  could not bind IPv4 address "127.0.0.1": Address already in use`:         "its port is taken",
		`FATAL:  database files are incompatible with server`:                           "another build or version",
		`FATAL:  could not map anonymous shared memory: Cannot allocate memory`:         "too little memory",
		`initdb: error: invalid locale name "xx"`:                                       "lacks the locale",
		"LOG: a\nFATAL:  something new\nLOG:  database system is shut down":             "PostgreSQL says: something new",
		"": "ended without a reason: exit status 1",
		`FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use`:     "have not ended",
		`FATAL:  configuration file "/nowhere/data/postgresql.conf" contains errors`: "a setting",
		`FATAL:  data directory "/nowhere/data" has wrong ownership`:                 "belongs to another user",
		`FATAL:  lock file "postmaster.pid" already exists`:                          "another server",
	} {
		err := c.diagnose("starting", said, errors.New("exit status 1"))
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || understudy.HintOf(err) == "" {
			t.Errorf("%q became %q (hint: %s); expected %q", said, err, understudy.HintOf(err), want)
		}
	}
}

func TestExplain_SaysThatAServerEndedAsItsDiskIsFull(t *testing.T) {
	c := New(Spec{Dir: "/nowhere/data", SocketDir: "/nowhere/s", Log: filepath.Join(t.TempDir(), "log")})
	broke := errors.New("unexpected EOF")
	for _, log := range []struct {
		says string
		full bool
	}{
		{"2026-11-29 02:30:05.1 UTC [7] 53100 PANIC:  could not write to file \"pg_wal/xlogtemp.7\": No space left on device\n2026-11-29 02:30:05.2 UTC [1] 00000 LOG:  server process (PID 7) was terminated by signal 6\n", true},
		{"2026-11-29 02:30:05.1 UTC [7] 53100 ERROR:  could not extend file \"base/5/16384\": No space left on device\n", false}, // which the session was told
		{"2026-11-29 02:30:05.2 UTC [1] 00000 LOG:  server process (PID 7) was terminated by signal 9\n", false},
	} {
		if err := os.WriteFile(c.spec.Log, []byte(log.says), 0o600); err != nil {
			t.Fatal(err)
		}
		err := c.Explain(broke)
		if full := err != broke; full != log.full || full && (!strings.Contains(err.Error(), "/nowhere/data has ended: the disk is full") || understudy.KindOf(err) != understudy.KindUnavailable) {
			t.Errorf("after %q it is %v", log.says, err)
		}
	}
	if err := c.Explain(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}
