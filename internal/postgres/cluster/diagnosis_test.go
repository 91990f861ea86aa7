package cluster

import (
	"errors"
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
