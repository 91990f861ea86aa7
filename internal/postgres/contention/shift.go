package contention

import (
	"context"

	"understudy/internal/postgres"
)

// Shift takes a number from every sequence of a database, as a transaction does that is rolled
// back later. One that has none left stays as it is.
func Shift(ctx context.Context, url string) error {
	conn, err := postgres.OpenReader(ctx, url, Name)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, conn)
	if _, err = conn.Exec(ctx, `DO $$
		DECLARE sequence regclass;
		BEGIN
			FOR sequence IN SELECT oid FROM pg_class WHERE relkind = 'S' LOOP
				BEGIN
					PERFORM nextval(sequence);
				EXCEPTION WHEN sequence_generator_limit_exceeded THEN
					CONTINUE;
				END;
			END LOOP;
		END $$`); err != nil {
		return postgres.ReadError("moving the sequences of a copy", err)
	}
	return nil
}
