package follow

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"understudy/internal/postgres"
)

// sequences keeps the twin's sequences where production's stand. They are not in the
// stream; read after a transaction was received, they are never behind its rows.
type sequences struct {
	seen map[string]string // what was carried over last, by quoted name
}

// sequencesQuery has NULL for a sequence that gave no number yet: those are read one by one.
const sequencesQuery = `
	SELECT format('%I.%I', schemaname, sequencename), COALESCE(last_value::text, '') FROM pg_sequences s
	JOIN pg_namespace n ON n.nspname = s.schemaname WHERE ` + postgres.OfUser

// refresh carries over those that moved. Sequences that the twin does not have are left
// to the watch over schemas.
func (s *sequences) refresh(ctx context.Context, source, target *pgx.Conn) error {
	const reading, setting = "reading where production's sequences stand", "setting the twin's sequences"
	rows, err := source.Query(ctx, sequencesQuery)
	if err != nil {
		return postgres.ReadError(reading, err)
	}
	var read, write pgx.Batch
	now := map[string]string{}
	var name, value string
	if _, err := pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		now[name] = value
		if was, known := s.seen[name]; !known || was != value {
			sequence := name
			read.Queue("SELECT last_value, is_called FROM " + sequence).QueryRow(func(row pgx.Row) error {
				var last int64
				var called bool
				if err := row.Scan(&last, &called); err != nil {
					return fmt.Errorf("%s: %w", sequence, err)
				}
				write.Queue("SELECT setval(to_regclass($1::text), $2, $3)", sequence, last, called)
				return nil
			})
		}
		return nil
	}); err != nil {
		return postgres.ReadError(reading, err)
	}
	if read.Len() == 0 {
		return nil
	}
	if err := source.SendBatch(ctx, &read).Close(); err != nil {
		return postgres.ReadError(reading, err)
	}
	if err := target.SendBatch(ctx, &write).Close(); err != nil {
		return targetError(setting, err)
	}
	s.seen = now
	return nil
}
