package mysql

import (
	"context"
	"fmt"

	"understudy"
)

// lockPatience is how long, in seconds, the moment may wait for its lock. On MySQL all
// writes wait meanwhile, so it is short; then one connection has to do.
const lockPatience = 5

// moment is one view of the data, shared by sessions that each hold a snapshot of it.
type moment struct {
	sessions []*session
	shared   bool // whether several were permitted
	free     chan *session
}

// openMoment fixes the view over up to width sessions. The caller closes it.
func openMoment(ctx context.Context, at address, width int) (*moment, error) {
	m := &moment{}
	err := m.open(ctx, at, width)
	if err == nil && width > 1 {
		m.shared, err = m.together(ctx, at)
	}
	if err == nil && !m.shared {
		for _, extra := range m.sessions[1:] {
			extra.close()
		}
		m.sessions = m.sessions[:1]
		err = m.snapshots(ctx)
	}
	if err != nil {
		m.close()
		return nil, err
	}
	m.free = make(chan *session, len(m.sessions))
	for _, s := range m.sessions {
		m.free <- s
	}
	return m, nil
}

func (m *moment) open(ctx context.Context, at address, width int) error {
	for range max(1, width) {
		s, err := connect(ctx, at)
		if err != nil {
			return err
		}
		m.sessions = append(m.sessions, s)
		if err := s.exec(ctx, "preparing to read", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SET SESSION TRANSACTION READ ONLY"); err != nil {
			return err
		}
	}
	return nil
}

// together opens the snapshots while nobody commits; false where the account may not, or
// where that would have taken long. The lock is gone when it returns.
func (m *moment) together(ctx context.Context, at address) (bool, error) {
	lock, err := connect(ctx, at)
	if err != nil {
		return false, err
	}
	defer lock.close() // which lets go of the lock, whatever happened
	holds := []string{fmt.Sprintf("SET SESSION lock_wait_timeout = %d", lockPatience), "FLUSH TABLES WITH READ LOCK"}
	if lock.maria {
		holds = []string{fmt.Sprintf("SET SESSION lock_wait_timeout = %d", lockPatience), "BACKUP STAGE START", "BACKUP STAGE BLOCK_COMMIT"}
	}
	for _, statement := range holds {
		_, err := lock.conn.ExecContext(ctx, statement)
		if numbered(err, errForbidden, errForbiddenServer, 1044, errLockPatience, 1223, 4177) {
			return false, nil
		}
		if err != nil {
			return false, readError("holding commits back for a moment", err)
		}
	}
	return true, m.snapshots(ctx)
}

func (m *moment) snapshots(ctx context.Context) error {
	for _, s := range m.sessions {
		if err := s.exec(ctx, "fixing one view of the data", "START TRANSACTION WITH CONSISTENT SNAPSHOT", "SAVEPOINT untouched"); err != nil {
			return err
		}
	}
	return nil
}

// join lends act a session of the moment, when one is free. What was read is let go of
// afterwards, so that nobody who wants to change those tables waits any longer.
func (m *moment) join(ctx context.Context, act func(*session) error) error {
	select {
	case s := <-m.free:
		defer func() { m.free <- s }()
		if err := act(s); err != nil {
			return err
		}
		return s.exec(ctx, "letting go of what was read", "ROLLBACK TO SAVEPOINT untouched")
	case <-ctx.Done():
		return understudy.Errorf(understudy.KindUnavailable, "waiting for a connection of the moment: %w", ctx.Err())
	}
}

// close ends the view and its sessions.
func (m *moment) close() {
	for _, s := range m.sessions {
		s.close()
	}
}
