package census

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/postgres"
)

// readRows reads how many rows the server believes there are, of partitioned tables by their
// partitions. It opens no table, and so waits for nobody.
func (p *pass) readRows(tx pgx.Tx) error {
	return p.attempt(tx, "rows of tables", []string{understudy.GapVolume}, func(tx pgx.Tx) error {
		rows, err := tx.Query(p.ctx, `
			SELECT n.nspname, c.relname, CASE WHEN c.relpages = 0 AND c.reltuples = 0 AND $1 < 14 THEN -1 ELSE c.reltuples END::float8
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND `+postgres.OfUser+` AND `+postgres.NotOfExtension("pg_class", "c.oid"), p.major)
		if err != nil {
			return postgres.ReadError("reading the rows of tables", err)
		}
		p.taken.Rows = map[string]float64{}
		var schema, table string
		var count float64
		_, err = pgx.ForEachRow(rows, []any{&schema, &table, &count}, func() error {
			p.taken.Rows[postgres.TableName(schema, table)] = count
			return nil
		})
		p.taken.Tables = len(p.taken.Rows)
		if err != nil {
			return postgres.ReadError("reading the rows of tables", err)
		}
		return nil
	})
}

// readSequences reads how far sequences have counted. One that never gave a value has 0.
func (p *pass) readSequences(tx pgx.Tx) error {
	hidden := 0
	err := p.attempt(tx, "positions of sequences", []string{understudy.GapPosition}, func(tx pgx.Tx) error {
		rows, err := tx.Query(p.ctx, `
			SELECT s.schemaname, s.sequencename, COALESCE(s.last_value, 0), has_sequence_privilege(c.oid, 'SELECT, USAGE')
			FROM pg_sequences s JOIN pg_namespace n ON n.nspname = s.schemaname JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.sequencename
			WHERE c.relpersistence <> 't' AND `+postgres.OfUser+` AND `+postgres.NotOfExtension("pg_class", "c.oid"))
		if err != nil {
			return postgres.ReadError("reading the positions of sequences", err)
		}
		p.taken.Sequences = map[string]int64{}
		var schema, sequence string
		var last int64
		var may bool
		_, err = pgx.ForEachRow(rows, []any{&schema, &sequence, &last, &may}, func() error {
			if !may {
				hidden++
				return nil
			}
			p.taken.Sequences[postgres.TableName(schema, sequence)] = last
			return nil
		})
		if err != nil {
			return postgres.ReadError("reading the positions of sequences", err)
		}
		return nil
	})
	if hidden > 0 {
		p.unseen(nil, "positions of %d sequences: GRANT SELECT ON ALL SEQUENCES IN SCHEMA … TO %s", hidden, p.grantee())
	}
	return err
}

// readReplicas counts the standbys that receive from the server; our own streams are none.
func (p *pass) readReplicas(tx pgx.Tx) error {
	return p.attempt(tx, "standbys", []string{understudy.GapReplica}, func(tx pgx.Tx) error {
		err := tx.QueryRow(p.ctx, `SELECT count(*) FROM pg_stat_replication WHERE COALESCE(application_name, '') NOT LIKE 'understudy%'`).Scan(&p.taken.Replicas)
		if err != nil {
			return postgres.ReadError("counting standbys", err)
		}
		return nil
	})
}

// statisticsHidden says of how many columns the server shows no statistics to this role.
func (p *pass) statisticsHidden(hidden, all int) {
	if hidden == 0 {
		return
	}
	grant := fmt.Sprintf("GRANT SELECT on the tables TO %s", p.grantee())
	if p.major >= 14 {
		grant += ", or pg_read_all_data"
	}
	p.unseen(nil, "statistics of %d of %d columns: the server shows them to whoever may read the column; %s", hidden, all, grant)
}
