package store

import "context"

// Exec lets a test do to the tables what time, clocks and other programs do.
func (s *Store) Exec(ctx context.Context, statement string, args ...any) error {
	_, err := s.exec(ctx, s.timed(statement), args...)
	return err
}
