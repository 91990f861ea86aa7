package follow_test

import (
	"testing"

	"understudy/internal/postgres/postgrestest"
)

func TestFollow(t *testing.T) {
	t.Parallel()
	server := production(t)
	for name, claim := range map[string]func(*testing.T, *postgrestest.Server){
		"JoinsCopyAndStreamWithoutAGap": joins,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claim(t, server)
		})
	}
}

func joins(t *testing.T, server *postgrestest.Server) {
	l := laid(t, server, server, bank)
	stop := l.writers(2)
	l.copied()
	l.follows()
	l.level()
	stop()
	l.equal()
	if s := l.follower.Status(); s.Transactions == 0 || s.State != "following" {
		t.Errorf("the status is %+v", s)
	}
	l.halts()
}
