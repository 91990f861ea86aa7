package postgres_test

import (
	"context"
	"net"
	"testing"

	"understudy/internal/postgres"
	"understudy/internal/postgres/postgrestest"
)

func TestMoment_KnowsAServerOnThisMachine(t *testing.T) {
	t.Parallel()
	m, err := postgres.OpenMoment(t.Context(), postgrestest.Cluster(t).AdminURL("postgres"), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close(context.WithoutCancel(t.Context()))
	if !m.Near() {
		t.Error("this machine's server is taken for one elsewhere")
	}
	at := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 5432} }
	for _, c := range []struct {
		local, remote net.Addr
		near          bool
	}{
		{&net.UnixAddr{}, &net.UnixAddr{Name: "/run/postgresql/.s.PGSQL.5432"}, true},
		{at("127.0.0.1"), at("127.0.0.1"), true},
		{at("::1"), at("::1"), true},
		{at("192.0.2.2"), at("192.0.2.2"), true},
		{at("192.0.2.2"), at("192.0.2.3"), false},
		{at("2001:db8::2"), at("2001:db8::3"), false},
	} {
		if got := postgres.Near(c.local, c.remote); got != c.near {
			t.Errorf("from %v to %v: %t", c.local, c.remote, got)
		}
	}
}
