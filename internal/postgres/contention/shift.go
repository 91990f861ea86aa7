package contention

import (
	"context"

	"understudy/internal/postgres"
)

// Shift takes a number from every sequence of a database, as a transaction does that is rolled
// back later, and from each that is made there from now on: a transaction after the one that made
// it may be. One that has none left stays as it is. It leaves a trigger: the database is a copy
// that is thrown away.
func Shift(ctx context.Context, url string) error {
	conn, err := postgres.OpenReader(ctx, url, Name)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, conn)
	if _, err = conn.Exec(ctx, shifting); err != nil {
		return postgres.ReadError("moving the sequences of a copy", err)
	}
	return nil
}

const shifting = `
	CREATE SCHEMA understudy_shift;
	CREATE FUNCTION understudy_shift.shift(sequence regclass) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM nextval(sequence);
		EXCEPTION WHEN sequence_generator_limit_exceeded THEN
			RETURN;
		END $$;
	CREATE FUNCTION understudy_shift.made() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
		BEGIN
			PERFORM understudy_shift.shift(objid) FROM pg_event_trigger_ddl_commands() WHERE command_tag = 'CREATE SEQUENCE';
		END $$;
	SELECT understudy_shift.shift(oid) FROM pg_class WHERE relkind = 'S';
	CREATE EVENT TRIGGER understudy_shift ON ddl_command_end WHEN TAG IN ('CREATE SEQUENCE', 'CREATE TABLE', 'ALTER TABLE', 'CREATE SCHEMA')
		EXECUTE PROCEDURE understudy_shift.made()`
